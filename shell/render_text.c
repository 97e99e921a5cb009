#include "shell/cells.h"
#include "shell/render_private.h"

#include <string.h>

#define TABLE_GAP 2     /* cells between two columns */
#define TABLE_UNSET "-" /* a column is never empty, so that a script can split a row at its blanks */

static const struct render_field *field_of(const struct shell_output *output, size_t row, size_t column)
{
    return &output->fields[row * output->listing->column_count + column];
}

/* One cell of a table; `missing` carries the blanks that are due before the next cell. */
static void put_cell(struct shell_output *output, size_t column, const char *text, size_t length,
                     size_t *missing)
{
    size_t cells = cells_of(text, length);
    size_t width = output->widths[column];

    render_pad(output, *missing);
    render_put(output, text, length);
    *missing = TABLE_GAP + (width > cells ? width - cells : 0);
}

static void put_row(struct shell_output *output, size_t row)
{
    const struct shell_listing *listing = output->listing;
    size_t missing = 0;

    for (size_t i = 0; i < listing->column_count; i++) {
        const struct render_field *field = field_of(output, row, i);
        bool empty = !field->set || field->length == 0;

        if (listing->columns[i].heading == NULL)
            continue;
        put_cell(output, i, empty ? TABLE_UNSET : output->kept.data + field->offset,
                 empty ? strlen(TABLE_UNSET) : field->length, &missing);
    }
    render_put(output, "\n", 1);
    output->row_start = output->used;
}

static void forget_rows(struct shell_output *output)
{
    memset(output->fields, 0,
           (output->waiting + 1) * output->listing->column_count * sizeof(*output->fields));
    output->waiting = 0;
    text_clear(&output->kept);
}

static void measure_column(struct shell_output *output, size_t column)
{
    const struct shell_column *declared = &output->listing->columns[column];
    size_t width = cells_of(declared->heading, strlen(declared->heading));

    if (declared->width > 0 && (size_t)declared->width > width)
        width = (size_t)declared->width;
    for (size_t row = 0; row < output->waiting; row++) {
        const struct render_field *field = field_of(output, row, column);
        size_t cells = field->set ? cells_of(output->kept.data + field->offset, field->length) : 1;

        if (cells > width)
            width = cells;
    }
    output->widths[column] = width;
}

void render_table_measure(struct shell_output *output)
{
    const struct shell_listing *listing = output->listing;
    size_t missing = 0;

    if (output->measured || output->waiting == 0)
        return;
    output->measured = true;
    for (size_t i = 0; i < listing->column_count; i++) {
        if (listing->columns[i].heading != NULL)
            measure_column(output, i);
    }
    for (size_t i = 0; i < listing->column_count; i++) {
        if (listing->columns[i].heading != NULL)
            put_cell(output, i, listing->columns[i].heading, strlen(listing->columns[i].heading), &missing);
    }
    render_put(output, "\n", 1);
    output->row_start = output->used;
    for (size_t row = 0; row < output->waiting; row++)
        put_row(output, row);
    forget_rows(output);
}

void render_table_row(struct shell_output *output)
{
    if (output->measured) {
        put_row(output, 0);
        forget_rows(output);
    } else {
        output->waiting++;
        if (output->waiting == SHELL_TABLE_LOOKAHEAD)
            render_table_measure(output);
    }
}

void render_block(struct shell_output *output)
{
    const struct shell_listing *listing = output->listing;
    size_t widest = 0;

    for (size_t i = 0; i < listing->column_count; i++) {
        const char *heading = listing->columns[i].heading;
        size_t cells = heading != NULL ? cells_of(heading, strlen(heading)) : 0;

        widest = cells > widest ? cells : widest;
    }
    if (output->rows > 0)
        render_put(output, "\n", 1);
    for (size_t i = 0; i < listing->column_count; i++) {
        const struct render_field *field = field_of(output, 0, i);
        const char *heading = listing->columns[i].heading;

        if (heading == NULL || !field->set)
            continue;
        render_put(output, heading, strlen(heading));
        render_put(output, ":", 1);
        if (field->length > 0) {
            render_pad(output, widest - cells_of(heading, strlen(heading)) + 1);
            render_put(output, output->kept.data + field->offset, field->length);
        }
        render_put(output, "\n", 1);
    }
    output->row_start = output->used;
    forget_rows(output);
}
