#include "ha/link_pipe.h"

#include "ha/frame.h"
#include "ha/link.h"

#include <stdlib.h>

#define ARENA_BLOCK 1024

struct link_pipe {
    struct https_channel *channel;
    struct link_pipe_calls calls;
    struct frame_input input; /* the channel's thread's, as the next */
    struct arena arena;
};

static void pipe_free(struct link_pipe *pipe)
{
    frame_clear(&pipe->input);
    arena_free(&pipe->arena);
    free(pipe);
}

/* ---- on the channel's thread ---- */

static int on_heard(void *arg, const void *bytes, size_t length)
{
    struct link_pipe *pipe = arg;
    struct frame frame;
    struct error err;
    int more = frame_put(&pipe->input, bytes, length, &err);

    while (more == 0 && (more = frame_next(&pipe->input, &pipe->arena, &frame, &err)) == 1) {
        more =
            frame.kind == FRAME_ACK ? pipe->calls.acknowledged(pipe->calls.arg, &frame.position, &err) : -1;
        arena_reset(&pipe->arena);
    }
    return more;
}

static void on_gone(void *arg)
{
    struct link_pipe *pipe = arg;

    pipe->calls.gone(pipe->calls.arg, pipe);
}

static void on_over(void *arg)
{
    pipe_free(arg);
}

/* ---- what the sender does ---- */

static int pipe_send(void *arg, const void *bytes, size_t length)
{
    return https_channel_send(((struct link_pipe *)arg)->channel, bytes, length);
}

static size_t pipe_unsent(void *arg)
{
    return https_channel_unsent(((struct link_pipe *)arg)->channel);
}

static void pipe_end(void *arg)
{
    https_channel_end(((struct link_pipe *)arg)->channel);
}

struct ha_pipe link_pipe_of(struct link_pipe *pipe)
{
    return (struct ha_pipe){.send = pipe_send, .unsent = pipe_unsent, .end = pipe_end, .arg = pipe};
}

/* ---- its beginning ---- */

struct link_pipe *link_pipe_new(struct https_exchange *exchange, const struct link_pipe_calls *calls,
                                struct error *err)
{
    struct link_pipe *pipe = calloc(1, sizeof(*pipe));
    const struct https_channel_calls channel = {
        .heard = on_heard, .gone = on_gone, .over = on_over, .arg = pipe};

    if (pipe == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pipe->calls = *calls;
    pipe->arena.block_size = ARENA_BLOCK;
    pipe->channel = https_channel_new(exchange, LINK_PROTOCOL, &channel, err);
    if (pipe->channel != NULL)
        return pipe;
    pipe_free(pipe);
    return NULL;
}

void link_pipe_start(struct link_pipe *pipe)
{
    https_channel_start(pipe->channel);
}

void link_pipe_free(struct link_pipe *pipe)
{
    https_channel_free(pipe->channel);
    pipe_free(pipe);
}
