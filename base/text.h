/* Text that may come from outside: UTF-8, escaping, and a buffer that grows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte string, always NUL-terminated once something was added. Start with {0}; end with
 * text_free(). */
struct text {
    char *data; /* NULL while empty */
    size_t length;
    size_t capacity;
    bool failed; /* memory ran out: what is there is not all; sticky */
};

void text_add(struct text *text, const char *data, size_t length);
void text_add_string(struct text *text, const char *string);

/* Appends so many bytes for the caller to fill; NULL when memory ran out. */
char *text_room(struct text *text, size_t length);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives the string to the caller, who frees it; "" (allocated) when empty; NULL when memory ran out. */
char *text_take(struct text *text);

/* Empties the text and keeps its memory. */
void text_clear(struct text *text);
void text_free(struct text *text);

/*
 * Length of the valid UTF-8 character (RFC 3629: no overlong form, no surrogate) that `bytes` starts
 * with, 1 to 4; 0 if there is none within `length`. The value goes to *codepoint unless NULL.
 */
size_t text_utf8_next(const char *bytes, size_t length, uint32_t *codepoint);

/* The greatest length <= limit at which the string can be cut without splitting a character. */
size_t text_cut_utf8(const char *string, size_t limit);

/* True if all of it is valid UTF-8. */
bool text_is_utf8(const char *bytes, size_t length);

/*
 * Appends bytes from outside so that they can neither end a line, move a cursor nor forge a field: control
 * characters (C0, DEL, C1, line and paragraph separators, directional overrides), bytes that are not UTF-8,
 * the backslash and every character of `also` (ASCII; may be NULL) come out as `\` and two lower-case
 * hexadecimal digits a byte (RFC 4514 section 2.4 uses the same form).
 */
void text_add_escaped(struct text *text, const char *bytes, size_t length, const char *also);

/* The same, but a backslash stays: for text whose parts were escaped one by one before. */
void text_add_line(struct text *text, const char *bytes, size_t length);

/* True if the string holds no byte that text_add_escaped() would escape, backslash apart. */
bool text_is_printable(const char *bytes, size_t length);
