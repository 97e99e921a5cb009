/* What every modifier has in common: a sink that gets its text line by line, in front of another. */
#pragma once

#include "shell/sink.h"

#include "base/text.h"

struct filter;
struct filter_kind {
    /* One line with its \n. */
    void (*line)(struct filter *filter, const char *line, size_t length);
    void (*end)(struct filter *filter);   /* no more lines; NULL: nothing to do */
    void (*clear)(struct filter *filter); /* frees what the kind has of its own; NULL: nothing */
};
struct filter {
    struct sink sink;
    const struct filter_kind *kind;
    struct sink *next;
    struct text partial; /* the start of a line whose end has not come yet */
};

/* A zeroed structure of `size` bytes that starts with struct filter. */
void *filter_new(size_t size, const struct filter_kind *kind, struct sink *next, struct error *err);

/* Passes lines on. */
void filter_pass(struct filter *filter, const char *lines, size_t length);
