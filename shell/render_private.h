/* Inside of the renderer: render.c (the object, its buffer), render_row.c (rows by a template: lines and
 * JSON), render_text.c (tables and blocks), render_json.c (JSON values). */
#pragma once

#include "shell/render.h"

#include "base/text.h"

#include <string.h>

#define RENDER_NO_COLUMN SIZE_MAX

/* A stretch of a row's template: literal text, then a field. */
struct render_piece {
    size_t literal; /* offset in render_row.literals */
    size_t length;
    size_t column; /* RENDER_NO_COLUMN: none follows */
    bool again;    /* the column stands in a later piece too */
};

/* So many bytes can be read behind any literal and written behind the buffer's use: a short literal is copied
 * by one move of a fixed size, which a row of a long listing notices. */
#define RENDER_SLACK 16

/* A field kept until the row's end, or until the table's widths are known. */
struct render_field {
    size_t offset; /* in shell_output.kept */
    size_t length;
    bool set;
};

struct shell_output {
    struct sink *sink;
    enum render_form form;
    const struct shell_listing *listing; /* the one under way; NULL: none */
    bool stopped;
    bool row_open;    /* JSON: something of the row under way is in the buffer */
    bool single_done; /* JSON: the one row of a single listing is out */

    /* Finished lines on their way to the sink, and behind them the row under way. */
    char *buffer;
    size_t used;
    size_t row_start; /* what stands before it is whole lines */
    size_t capacity;

    /* The listing's row as a template; fields that come in its order are copied straight to the buffer. */
    struct render_piece *pieces;
    size_t piece_count;
    size_t position; /* the piece that is next */
    struct text literals;
    bool straight; /* lines: a field in its turn may go to the buffer without further questions */

    /* Fields of the rows that are kept: one row, or the table's lookahead. */
    struct render_field *fields;
    size_t field_rows; /* rows there is room for */
    struct text kept;
    bool keeping;   /* lines, JSON: a field of this row is kept */
    size_t rows;    /* of this listing */
    size_t waiting; /* table: rows kept until the widths are known */
    bool measured;  /* table: the widths are known, the headings are out */
    size_t *widths;

    struct text names; /* JSON: the listings so far, each with its NUL */
    size_t listings;
    struct text scratch;
};

/* Room for `length` more bytes at buffer + used; NULL when nobody wants them. */
char *render_reserve(struct shell_output *output, size_t length);
void render_put(struct shell_output *output, const char *bytes, size_t length);
void render_pad(struct shell_output *output, size_t cells);

/*
 * The short way of a field that comes in its turn, is not needed again and has room: what a listing of a
 * million rows does a million times. False: it has to go the long way.
 */
static inline bool render_straight(struct shell_output *output, size_t column, const char *text,
                                   size_t length)
{
    const struct render_piece *piece = &output->pieces[output->position];
    char *at = output->buffer + output->used;

    if (!output->straight || piece->column != column || piece->again || piece->length > RENDER_SLACK ||
        output->used + piece->length + length + RENDER_SLACK > output->capacity)
        return false;
    memcpy(at, output->literals.data + piece->literal, RENDER_SLACK);
    if (length > 0)
        memcpy(at + piece->length, text, length);
    output->used += piece->length + length;
    output->position++;
    return true;
}

/* render_row.c */
bool render_row_compile(struct shell_output *output);
void render_row_set(struct shell_output *output, size_t column, const char *text, size_t length);
void render_row_end(struct shell_output *output);

/* Keeps a field of the row under way. */
void render_keep(struct shell_output *output, size_t column, const char *text, size_t length);

/* render_text.c */
void render_table_row(struct shell_output *output);
void render_table_measure(struct shell_output *output);
void render_block(struct shell_output *output);

/* Appends a JSON string with its quotes. */
void render_json_string(struct text *out, const char *bytes, size_t length);
