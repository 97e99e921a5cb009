/*
 * A typed line, split into words that know where they stand.
 *
 * Blanks and tabs part words. `|` outside quotes parts the command and its modifiers; behind the first word
 * of a modifier it does so only with a blank beside it, so that `include a|b` is one pattern.
 * A word that starts with " or ' goes on to the next such quote, which must end it: inside, blanks and bars
 * are letters like others. Inside "..." the pairs \" and \\ stand for " and \; inside '...' nothing is
 * special. Outside quotes a backslash in front of a blank, a quote or a bar takes its meaning away. Any other
 * backslash is itself: DOM\user, \\server\share and a\.b stay as they are typed. A quote inside a word is
 * itself: it's. A quoted word is never taken for a keyword.
 */
#pragma once

#include "shell/arena.h"

#include "base/error.h"

#include <stdbool.h>

#define LINE_MOST 4000 /* bytes */

struct line_word {
    const char *text; /* without quotes and escapes */
    size_t start;     /* bytes of the line in front of it */
    size_t end;
    bool quoted;
    bool bar; /* not a word but the `|` */
};

struct line {
    const char *text; /* as typed; not NUL-terminated */
    size_t length;
    struct line_word *words;
    size_t count;
    bool open; /* ends inside a quote: fine while it is still being typed */
};

/* Is this a line at all? ERROR_INVALID_ARGUMENT: too long, control bytes, not UTF-8. */
int line_check(const char *text, size_t length, struct error *err);

/*
 * Splits a line. Words live in the arena; `text` is borrowed. ERROR_INVALID_ARGUMENT with the byte at *bad: a
 * quote that is not closed (unless `typing`), or one with something glued behind it.
 */
int line_split(struct line *line, struct arena *arena, const char *text, size_t length, bool typing,
               size_t *bad, struct error *err);

/* The first bar at or behind word number `from`; line->count if there is none. */
size_t line_bar(const struct line *line, size_t from);
