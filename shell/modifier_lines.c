/* The modifiers that go by the number of lines: count, last. */
#include "shell/modifier_private.h"

#include "shell/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- count ---- */

struct count_filter {
    struct filter filter;
    size_t lines;
};

static void count_line(struct filter *filter, const char *line, size_t length)
{
    (void)line, (void)length;
    ((struct count_filter *)filter)->lines++;
}

static void count_end(struct filter *filter)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "Count: %zu lines\n", ((struct count_filter *)filter)->lines);

    filter_pass(filter, line, (size_t)length);
}

struct sink *modifier_count(const char *const *arguments, size_t count, struct sink *next, struct error *err)
{
    static const struct filter_kind kind = {count_line, count_end, NULL};
    struct count_filter *filter;

    (void)arguments;
    if (count > 0) {
        error_set(err, ERROR_INVALID_ARGUMENT, "count takes no argument");
        return NULL;
    }
    filter = filter_new(sizeof(*filter), &kind, next, err);
    return filter != NULL ? &filter->filter.sink : NULL;
}

/* ---- last ---- */

struct last_filter {
    struct filter filter;
    size_t most;  /* lines to show */
    size_t lines; /* lines in `kept` behind `start` */
    size_t start; /* what stands before it is dropped already */
    struct text kept;
};

static void last_line(struct filter *filter, const char *line, size_t length)
{
    struct last_filter *last = (struct last_filter *)filter;

    text_add(&last->kept, line, length);
    if (last->kept.failed) {
        filter->sink.stopped = true;
        return;
    }
    if (++last->lines > last->most) {
        const char *end = memchr(last->kept.data + last->start, '\n', last->kept.length - last->start);

        last->start = (size_t)(end - last->kept.data) + 1;
        last->lines--;
    }
    if (last->start > 4096 && last->start > last->kept.length / 2) {
        last->kept.length -= last->start;
        memmove(last->kept.data, last->kept.data + last->start, last->kept.length);
        last->start = 0;
    }
}

static void last_end(struct filter *filter)
{
    struct last_filter *last = (struct last_filter *)filter;

    if (last->kept.length > last->start)
        filter_pass(filter, last->kept.data + last->start, last->kept.length - last->start);
}

static void last_clear(struct filter *filter)
{
    text_free(&((struct last_filter *)filter)->kept);
}

static int read_count(const char *const *arguments, size_t count, size_t *out, struct error *err)
{
    char *end = NULL;
    unsigned long lines;

    *out = MODIFIER_LAST_DEFAULT;
    if (count == 0)
        return 0;
    errno = 0;
    lines = strtoul(arguments[0], &end, 10);
    if (count > 1 || arguments[0][0] < '0' || arguments[0][0] > '9' || *end != '\0' || errno != 0 ||
        lines < 1 || lines > MODIFIER_LAST_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a number of lines from 1 to %lu",
                         arguments[count > 1], MODIFIER_LAST_MOST);
    *out = lines;
    return 0;
}

struct sink *modifier_last(const char *const *arguments, size_t count, struct sink *next, struct error *err)
{
    static const struct filter_kind kind = {last_line, last_end, last_clear};
    struct last_filter *last;
    size_t most;

    if (read_count(arguments, count, &most, err) != 0)
        return NULL;
    last = filter_new(sizeof(*last), &kind, next, err);
    if (last == NULL)
        return NULL;
    last->most = most;
    return &last->filter.sink;
}
