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
};
struct sink {
    const struct sink_kind *kind;
    bool stopped; /* nobody wants more */
};

void sink_write(struct sink *sink, const char *lines, size_t length);
void sink_finish(struct sink *sink);
void sink_free(struct sink *sink); /* and those behind it; NULL is fine */

/* Writes to a descriptor through a large buffer; with crlf, line ends become CR LF. EPIPE stops it. */
struct sink *sink_fd(int fd, bool crlf);

/* ` --More-- ` after every `length` lines of a terminal `width` cells wide. `in` gives the keys. */
struct sink *sink_pager(int in, int out, int length, int width);
