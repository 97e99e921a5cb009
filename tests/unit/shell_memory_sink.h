/* A sink that keeps what it gets: for tests. The text belongs to the caller and starts as {0}. */
#pragma once

#include "shell/sink.h"

#include "base/text.h"

#include <assert.h>
#include <stdlib.h>

struct memory_sink {
    struct sink sink;
    struct text *out;
    unsigned finished;
    size_t stop_after; /* bytes; 0: never */
};

static void memory_write(struct sink *sink, const char *lines, size_t length)
{
    struct memory_sink *memory = (struct memory_sink *)sink;

    assert(lines[length - 1] == '\n'); /* the contract: whole lines */
    text_add(memory->out, lines, length);
    if (memory->stop_after > 0 && memory->out->length >= memory->stop_after)
        sink->stopped = true;
}

static void memory_finish(struct sink *sink)
{
    ((struct memory_sink *)sink)->finished++;
}

static void memory_free(struct sink *sink)
{
    assert(((struct memory_sink *)sink)->finished <= 1);
    free(sink);
}

static struct sink *memory_sink(struct text *out)
{
    static const struct sink_kind kind = {
        .write = memory_write, .finish = memory_finish, .free = memory_free};
    struct memory_sink *memory = calloc(1, sizeof(*memory));

    assert(memory != NULL);
    memory->sink.kind = &kind;
    memory->out = out;
    text_add(out, "", 0);
    return &memory->sink;
}
