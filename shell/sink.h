/* Where finished text goes, line by line: a descriptor, the pager, a file, a modifier in front of another
 * sink. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct sink;
struct sink_kind {
    /* `length` bytes, whole lines each ended by \n. */
    void (*write)(struct sink *sink, const char *lines, size_t length);
    /* No more will come: flush, and finish what stands behind. */
    void (*finish)(struct sink *sink);
    void (*free)(struct sink *sink);
    /* Shows now what is held back in a buffer, here and behind. NULL: nothing is ever held back. */
    void (*flush)(struct sink *sink);
};
struct sink {
    const struct sink_kind *kind;
    bool stopped; /* nobody wants more */
};

void sink_write(struct sink *sink, const char *lines, size_t length);
void sink_finish(struct sink *sink);
void sink_free(struct sink *sink); /* and those behind it; NULL is fine */

/* Before anything else writes to the same terminal (a question, a bar), and before a command waits. */
void sink_flush(struct sink *sink);

/* Writes to a descriptor through a large buffer; with crlf, line ends become CR LF. EPIPE stops it, and with
 * crlf (a terminal) Ctrl-C does, where terminal_commands() is on. NULL when memory runs out. */
struct sink *sink_fd(int fd, bool crlf);

/*
 * ` --More-- ` on the last of the `length` lines of a terminal `width` cells wide, when more than `length`
 * lines come. `in` gives the keys. length 0: no pages; width 0: lines do not wrap. NULL when memory runs
 * out.
 */
struct sink *sink_pager(int in, int out, int length, int width);
