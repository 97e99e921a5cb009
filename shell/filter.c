#include "shell/filter.h"

#include <stdlib.h>
#include <string.h>

void filter_pass(struct filter *filter, const char *lines, size_t length)
{
    sink_write(filter->next, lines, length);
    filter->sink.stopped = filter->sink.stopped || filter->next->stopped;
}

static void give_partial(struct filter *filter)
{
    if (filter->partial.length > 0)
        filter->kind->line(filter, filter->partial.data, filter->partial.length);
    text_clear(&filter->partial);
}

static void filter_write(struct sink *sink, const char *lines, size_t length)
{
    struct filter *filter = (struct filter *)sink;

    while (length > 0 && !sink->stopped) {
        const char *end = memchr(lines, '\n', length);
        size_t step = end != NULL ? (size_t)(end - lines) + 1 : length;

        if (end == NULL || filter->partial.length > 0)
            text_add(&filter->partial, lines, step);
        if (end != NULL && filter->partial.length > 0)
            give_partial(filter);
        else if (end != NULL)
            filter->kind->line(filter, lines, step);
        lines += step;
        length -= step;
    }
}

static void filter_finish(struct sink *sink)
{
    struct filter *filter = (struct filter *)sink;

    if (filter->partial.length > 0 && !sink->stopped) {
        text_add(&filter->partial, "\n", 1);
        give_partial(filter);
    }
    if (filter->kind->end != NULL)
        filter->kind->end(filter);
    sink_finish(filter->next);
}

static void filter_flush(struct sink *sink)
{
    sink_flush(((struct filter *)sink)->next);
}

static void filter_free(struct sink *sink)
{
    struct filter *filter = (struct filter *)sink;

    if (filter->kind->clear != NULL)
        filter->kind->clear(filter);
    sink_free(filter->next);
    text_free(&filter->partial);
    free(filter);
}

void *filter_new(size_t size, const struct filter_kind *kind, struct sink *next, struct error *err)
{
    static const struct sink_kind sink_kind = {
        .write = filter_write, .finish = filter_finish, .free = filter_free, .flush = filter_flush};
    struct filter *filter = calloc(1, size);

    if (filter == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    filter->sink.kind = &sink_kind;
    filter->kind = kind;
    filter->next = next;
    return filter;
}
