#include "shell/render_private.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENDER_BUFFER_FIRST 1024 /* bytes: most commands print less */
#define RENDER_BUFFER_MOST 65536 /* bytes handed to the sink at once; a longer row makes it grow */
#define NUMBER_DIGITS 20         /* of an int64_t, with its sign */

/* ---- the buffer ---- */

static void hand_over(struct shell_output *output)
{
    if (output->row_start == 0)
        return;
    sink_write(output->sink, output->buffer, output->row_start);
    output->stopped = output->stopped || output->sink->stopped;
    output->straight = output->straight && !output->stopped;
    output->used -= output->row_start;
    memmove(output->buffer, output->buffer + output->row_start, output->used);
    output->row_start = 0;
}

static bool grow(struct shell_output *output, size_t need)
{
    size_t capacity = output->capacity > 0 ? output->capacity : RENDER_BUFFER_FIRST;
    char *buffer;

    while (capacity < need)
        capacity *= 2;
    buffer = realloc(output->buffer, capacity);
    if (buffer == NULL) {
        output->stopped = true;
        return false;
    }
    output->buffer = buffer;
    output->capacity = capacity;
    return true;
}

char *render_reserve(struct shell_output *output, size_t length)
{
    if (output->used + length > output->capacity) {
        if (output->capacity >= RENDER_BUFFER_MOST)
            hand_over(output);
        if (output->used + length > output->capacity && !grow(output, output->used + length))
            return NULL;
    }
    return output->buffer + output->used;
}

void render_put(struct shell_output *output, const char *bytes, size_t length)
{
    char *at = render_reserve(output, length);

    if (at == NULL)
        return;
    memcpy(at, bytes, length);
    output->used += length;
}

void render_pad(struct shell_output *output, size_t cells)
{
    char *at = render_reserve(output, cells);

    if (at == NULL)
        return;
    memset(at, ' ', cells);
    output->used += cells;
}

/* ---- listings ---- */

static bool is_json(const struct shell_output *output)
{
    return output->form == RENDER_JSON;
}

/* The member's name; a second listing of one name gets a number, as names must differ (RFC 8259 section 4).
 */
static void put_member_name(struct shell_output *output, const char *name)
{
    unsigned same = 1;
    const char *at = output->names.data;

    for (size_t i = 0; i < output->listings; i++) {
        same += strcmp(at, name) == 0;
        at += strlen(at) + 1;
    }
    text_add(&output->names, name, strlen(name) + 1);
    text_clear(&output->scratch);
    if (same > 1) {
        struct text numbered = {0};

        text_format(&numbered, "%s_%u", name, same);
        render_json_string(&output->scratch, numbered.data, numbered.length);
        text_free(&numbered);
    } else {
        render_json_string(&output->scratch, name, strlen(name));
    }
    render_put(output, output->listings == 0 ? "{" : ",", 1);
    render_put(output, output->scratch.data, output->scratch.length);
    render_put(output, ":", 1);
    output->listings++;
}

/* Room for the fields of one row, or of the table's lookahead and the row after it. */
static bool prepare_fields(struct shell_output *output)
{
    size_t columns = output->listing->column_count;
    size_t rows = 1;

    if (!is_json(output) && output->listing->form == SHELL_TABLE)
        rows = SHELL_TABLE_LOOKAHEAD + 1;
    free(output->fields);
    free(output->widths);
    output->fields = calloc(rows * columns + 1, sizeof(*output->fields));
    output->widths = calloc(columns + 1, sizeof(*output->widths));
    text_clear(&output->kept);
    return output->fields != NULL && output->widths != NULL;
}

void output_begin(struct shell_output *output, const struct shell_listing *listing)
{
    output_end(output);
    output->straight = false;
    output->listing = listing;
    output->rows = 0;
    output->waiting = 0;
    output->measured = false;
    output->single_done = false;
    if (!prepare_fields(output) || !render_row_compile(output)) {
        output->listing = NULL;
        output->stopped = true;
        return;
    }
    output->straight = !is_json(output) && listing->form == SHELL_LINES && !output->stopped;
    if (is_json(output)) {
        put_member_name(output, listing->name);
        if (!listing->single)
            render_put(output, "[", 1);
    } else if (listing->header != NULL) {
        render_put(output, listing->header, strlen(listing->header));
        output->row_start = output->used;
    }
}

/* In JSON the comma and the line end stand before a row, as only then it is known that one follows. */
static void open_json_row(struct shell_output *output)
{
    if (output->row_open)
        return;
    output->row_open = true;
    if (output->listing->single)
        return;
    if (output->rows > 0)
        render_put(output, ",", 1);
    render_put(output, "\n", 1);
    output->row_start = output->used;
}

void output_row_end(struct shell_output *output)
{
    const struct shell_listing *listing = output->listing;

    if (output->straight && render_straight(output, RENDER_NO_COLUMN, "", 0) && !output->keeping) {
        output->position = 0;
        output->row_start = output->used;
        output->rows++;
        return;
    }
    if (listing == NULL || output->single_done)
        return;
    if (is_json(output)) {
        open_json_row(output);
        render_row_end(output);
        output->row_open = false;
        output->single_done = listing->single;
    } else if (listing->form == SHELL_LINES) {
        render_row_end(output);
        output->row_start = output->used;
    } else if (listing->form == SHELL_TABLE) {
        render_table_row(output);
    } else {
        render_block(output);
    }
    output->rows++;
}

void output_end(struct shell_output *output)
{
    const struct shell_listing *listing = output->listing;

    if (listing == NULL)
        return;
    if (is_json(output)) {
        if (output->row_open)
            output_row_end(output);
        if (!listing->single)
            render_put(output, output->rows > 0 ? "\n]" : "]", output->rows > 0 ? 2 : 1);
        else if (output->rows == 0)
            render_put(output, "null", 4);
    } else {
        output->used = output->row_start; /* a row that was never ended */
        render_table_measure(output);
        if (output->rows == 0 && listing->none != NULL) {
            render_put(output, listing->none, strlen(listing->none));
            if (output->buffer[output->used - 1] != '\n')
                render_put(output, "\n", 1);
            output->row_start = output->used;
        }
    }
    output->listing = NULL;
    output->straight = false;
}

/* ---- fields ---- */

/* A field as it is to be printed: `bytes` are the text form, or a JSON value. */
static void set_field(struct shell_output *output, size_t column, const char *bytes, size_t length)
{
    if (output->listing == NULL || column >= output->listing->column_count || output->single_done ||
        output->stopped)
        return;
    if (is_json(output))
        open_json_row(output);
    if (is_json(output) || output->listing->form == SHELL_LINES)
        render_row_set(output, column, bytes, length);
    else
        render_keep(output, column, bytes, length);
}

void output_text(struct shell_output *output, size_t column, const char *text, size_t length)
{
    if (output->straight && render_straight(output, column, text, length))
        return;
    if (is_json(output)) {
        text_clear(&output->scratch);
        render_json_string(&output->scratch, text, length);
        text = output->scratch.data;
        length = output->scratch.length;
    }
    set_field(output, column, text, length);
}

void output_string(struct shell_output *output, size_t column, const char *text)
{
    if (text != NULL)
        output_text(output, column, text, strlen(text));
}

void output_number(struct shell_output *output, size_t column, int64_t number)
{
    char digits[NUMBER_DIGITS];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    set_field(output, column, digits + at, sizeof(digits) - at);
}

void output_bool(struct shell_output *output, size_t column, bool value)
{
    const char *words[2][2] = {{"no", "yes"}, {"false", "true"}};
    const char *word = words[is_json(output)][value];

    set_field(output, column, word, strlen(word));
}

void output_time(struct shell_output *output, size_t column, int64_t wall_ms)
{
    char text[CLOCK_TEXT_MAX];

    if (wall_ms == 0)
        return;
    clock_format(wall_ms, text);
    output_text(output, column, text, strlen(text));
}

/* ---- the rest ---- */

void output_say(struct shell_output *output, const char *format, ...)
{
    va_list args;
    char *line = NULL;
    int length;

    if (is_json(output) || output->stopped)
        return;
    if (output->listing != NULL)
        render_table_measure(output);
    va_start(args, format);
    length = vasprintf(&line, format, args);
    va_end(args);
    if (length < 0)
        return;
    if (render_reserve(output, (size_t)length + 1) != NULL) {
        char *row = output->buffer + output->row_start; /* a row under way stays behind the line */

        memmove(row + length + 1, row, output->used - output->row_start);
        memcpy(row, line, (size_t)length);
        row[length] = '\n';
        output->used += (size_t)length + 1;
        output->row_start += (size_t)length + 1;
    }
    free(line);
}

void output_flush(struct shell_output *output)
{
    if (output->listing != NULL && !is_json(output))
        render_table_measure(output);
    hand_over(output);
    sink_flush(output->sink);
    output->stopped = output->stopped || output->sink->stopped;
}

bool output_stopped(const struct shell_output *output)
{
    return output->stopped || output->sink->stopped;
}

bool output_is_json(const struct shell_output *output)
{
    return is_json(output);
}

struct shell_output *render_new(enum render_form form, struct sink *sink)
{
    struct shell_output *output = calloc(1, sizeof(*output));

    if (output == NULL)
        return NULL;
    output->form = form;
    output->sink = sink;
    return output;
}

static void put_json_error(struct shell_output *output, const struct error *err)
{
    const char *code = error_code_name(err->code);
    struct text *out = &output->scratch;

    text_clear(out);
    text_add_string(out, output->listings == 0 ? "{\"error\":{\"code\":" : ",\"error\":{\"code\":");
    render_json_string(out, code, strlen(code));
    text_add_string(out, ",\"message\":");
    render_json_string(out, err->message, strlen(err->message));
    text_add_string(out, ",\"hint\":");
    if (err->hint[0] == '\0')
        text_add_string(out, "null");
    else
        render_json_string(out, err->hint, strlen(err->hint));
    text_add_string(out, "}");
    render_put(output, out->data, out->length);
}

void render_finish(struct shell_output *output, const struct error *err)
{
    output_end(output);
    if (is_json(output)) {
        if (err != NULL)
            put_json_error(output, err);
        else if (output->listings == 0)
            render_put(output, "{\"ok\":true", strlen("{\"ok\":true"));
        render_put(output, "}\n", 2);
        output->row_start = output->used;
    }
    hand_over(output);
}

void render_free(struct shell_output *output)
{
    if (output == NULL)
        return;
    free(output->buffer);
    free(output->pieces);
    free(output->fields);
    free(output->widths);
    text_free(&output->literals);
    text_free(&output->kept);
    text_free(&output->names);
    text_free(&output->scratch);
    free(output);
}
