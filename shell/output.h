/*
 * Where a command's results go. A handler feeds rows of named fields; whether they become lines, a table,
 * blocks or JSON, whether they are filtered, paged or saved, is decided behind this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shell_field_kind { SHELL_TEXT, SHELL_NUMBER, SHELL_BOOL, SHELL_TIME };

struct shell_column {
    const char *name;    /* stable: the JSON field, lower case with underscores */
    const char *heading; /* of the table's column or the block's line; NULL: not in the text form */
    enum shell_field_kind kind;
    int width; /* table: at least so many cells; 0: as wide as needed */
};

enum shell_listing_form {
    SHELL_LINES, /* each row by the template `line` */
    SHELL_TABLE, /* headings and aligned columns; widths from the first SHELL_TABLE_LOOKAHEAD rows */
    SHELL_BLOCKS /* each row as lines `Heading: value`, an empty line between rows; unset fields are left out
                  */
};
#define SHELL_TABLE_LOOKAHEAD 256

struct shell_listing {
    const char *name; /* JSON: {"<name>":[{...},...]} */
    enum shell_listing_form form;
    const struct shell_column *columns;
    size_t column_count;
    const char *header; /* text put before the rows, lines ended by \n; or NULL */
    const char *line;   /* SHELL_LINES: "host={host};  subject= {subject}"; an unset field is empty */
    const char *none;   /* text instead of rows when there are none; NULL: nothing */
    bool single;        /* JSON: {"<name>":{...}}, one row */
};
#define SHELL_COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

struct shell_output;

void output_begin(struct shell_output *output, const struct shell_listing *listing);

/* Sets field number `column` (its place in listing->columns) of the row under way. The text is copied at once
 * or printed before output_row_end() returns; it need not be NUL-terminated, and is shown as it is (escape it
 * before). */
void output_text(struct shell_output *output, size_t column, const char *text, size_t length);
void output_string(struct shell_output *output, size_t column, const char *text);
void output_number(struct shell_output *output, size_t column, int64_t number);
void output_bool(struct shell_output *output, size_t column, bool value);      /* text: yes, no */
void output_time(struct shell_output *output, size_t column, int64_t wall_ms); /* 0: unset */
/* Each field at most once a row; in the columns' order is fastest. */
void output_row_end(struct shell_output *output);
void output_end(struct shell_output *output);

/* A line of plain text for a person; not in the JSON form. No line end in it. */
void output_say(struct shell_output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Shows at once what was fed so far. For a handler that is going to wait for something. */
void output_flush(struct shell_output *output);

/* True once nobody wants more (pager left, reader gone, Ctrl-C): the handler may stop feeding. */
bool output_stopped(const struct shell_output *output);

/* True if the form is JSON. For a handler that would otherwise ask or draw. */
bool output_is_json(const struct shell_output *output);
