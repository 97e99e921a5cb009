#include "shell/render_private.h"

#include <stdlib.h>
#include <string.h>

/* Adds a piece whose literal is what was added to `literals` since `start`. */
static bool add_piece(struct shell_output *output, size_t start, size_t column)
{
    struct render_piece *pieces =
        reallocarray(output->pieces, output->piece_count + 1, sizeof(*output->pieces));

    if (pieces == NULL)
        return false;
    output->pieces = pieces;
    pieces[output->piece_count++] =
        (struct render_piece){.literal = start, .length = output->literals.length - start, .column = column};
    return true;
}

static size_t column_named(const struct shell_listing *listing, const char *name, size_t length)
{
    for (size_t i = 0; i < listing->column_count; i++) {
        const char *known = listing->columns[i].name;

        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return i;
    }
    return RENDER_NO_COLUMN;
}

/* "host={host};  subject= {subject}". Braces that name no column stay as they are. */
static bool compile_line(struct shell_output *output)
{
    const char *at = output->listing->line != NULL ? output->listing->line : "";
    size_t start = output->literals.length;

    while (*at != '\0') {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        size_t column = RENDER_NO_COLUMN;

        if (end != NULL)
            column = column_named(output->listing, at + 1, (size_t)(end - at) - 1);
        if (column == RENDER_NO_COLUMN) {
            text_add(&output->literals, at++, 1);
            continue;
        }
        if (!add_piece(output, start, column))
            return false;
        start = output->literals.length;
        at = end + 1;
    }
    text_add(&output->literals, "\n", 1);
    return add_piece(output, start, RENDER_NO_COLUMN);
}

/* {"host":<field>,"subject":<field>} */
static bool compile_json(struct shell_output *output)
{
    const struct shell_listing *listing = output->listing;
    size_t start = output->literals.length;

    text_add(&output->literals, "{", 1);
    for (size_t i = 0; i < listing->column_count; i++) {
        if (i > 0)
            text_add(&output->literals, ",", 1);
        render_json_string(&output->literals, listing->columns[i].name, strlen(listing->columns[i].name));
        text_add(&output->literals, ":", 1);
        if (!add_piece(output, start, i))
            return false;
        start = output->literals.length;
    }
    text_add(&output->literals, "}", 1);
    return add_piece(output, start, RENDER_NO_COLUMN);
}

static void mark_repeated(struct shell_output *output)
{
    for (size_t i = 0; i < output->piece_count; i++) {
        for (size_t later = i + 1; later < output->piece_count; later++) {
            if (output->pieces[later].column == output->pieces[i].column)
                output->pieces[i].again = true;
        }
    }
}

bool render_row_compile(struct shell_output *output)
{
    static const char slack[RENDER_SLACK];

    output->piece_count = 0;
    output->position = 0;
    text_clear(&output->literals);
    if (!(output->form == RENDER_JSON ? compile_json(output) : compile_line(output)))
        return false;
    text_add(&output->literals, slack, sizeof(slack));
    mark_repeated(output);
    return !output->literals.failed;
}

void render_keep(struct shell_output *output, size_t column, const char *text, size_t length)
{
    struct render_field *field = &output->fields[output->waiting * output->listing->column_count + column];

    *field = (struct render_field){.offset = output->kept.length, .length = length, .set = true};
    text_add(&output->kept, text, length);
    output->keeping = true;
    if (output->kept.failed)
        output->stopped = true;
}

static void emit(struct shell_output *output, const struct render_piece *piece, const char *text,
                 size_t length)
{
    char *at = render_reserve(output, piece->length + length + RENDER_SLACK);

    if (at == NULL)
        return;
    if (piece->length <= RENDER_SLACK)
        memcpy(at, output->literals.data + piece->literal, RENDER_SLACK);
    else
        memcpy(at, output->literals.data + piece->literal, piece->length);
    if (length > 0)
        memcpy(at + piece->length, text, length);
    output->used += piece->length + length;
}

/* Is this column, which did not come in its turn, needed further on in the row? */
static bool needed_later(const struct shell_output *output, size_t column)
{
    for (size_t i = output->position; i < output->piece_count; i++) {
        if (output->pieces[i].column == column)
            return true;
    }
    return false;
}

void render_row_set(struct shell_output *output, size_t column, const char *text, size_t length)
{
    const struct render_piece *piece = &output->pieces[output->position];
    bool again = piece->again;

    if (piece->column == column) {
        emit(output, piece, text, length);
        output->position++;
    } else {
        again = needed_later(output, column);
    }
    if (again)
        render_keep(output, column, text, length);
}

void render_row_end(struct shell_output *output)
{
    bool json = output->form == RENDER_JSON;

    for (; output->position < output->piece_count; output->position++) {
        const struct render_piece *piece = &output->pieces[output->position];
        const struct render_field *field =
            piece->column != RENDER_NO_COLUMN ? &output->fields[piece->column] : NULL;

        if (field == NULL)
            emit(output, piece, "", 0);
        else if (field->set)
            emit(output, piece, output->kept.data + field->offset, field->length);
        else
            emit(output, piece, "null", json ? 4 : 0);
    }
    output->position = 0;
    if (output->keeping) {
        output->keeping = false;
        text_clear(&output->kept);
        memset(output->fields, 0, output->listing->column_count * sizeof(*output->fields));
    }
}
