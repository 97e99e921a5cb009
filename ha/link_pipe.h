/* A stream to the caller of a link, and what he acknowledges of it: an HTTPS connection that left HTTP. */
#pragma once

#include "ha/pipe.h"
#include "ha/position.h"
#include "net/https_server.h"

struct link_pipe;

/* On a thread of the pipe's own. */
struct link_pipe_calls {
    /* The caller has everything up to here on disk. Non-zero: that cannot be, and ends the stream. */
    int (*acknowledged)(void *arg, const struct ha_position *position, struct error *err);
    /* He went away before the end; the pipe's send() fails from then on, and its end() is still awaited. */
    void (*gone)(void *arg, const void *pipe_arg);
    void *arg;
};

/*
 * For an exchange that waits for its answer; link_pipe_start() or link_pipe_free() follow in the same call of
 * the handler (net/https_server.h). NULL: ERROR_INVALID_ARGUMENT, ERROR_UNREACHABLE, ERROR_INTERNAL.
 */
struct link_pipe *link_pipe_new(struct https_exchange *exchange, const struct link_pipe_calls *calls,
                                struct error *err);

/* What the sender writes into. */
struct ha_pipe link_pipe_of(struct link_pipe *pipe);

/* The sender took it: the answer begins. It frees itself after its end(). */
void link_pipe_start(struct link_pipe *pipe);

/* The sender did not take it; the exchange is as it was. */
void link_pipe_free(struct link_pipe *pipe);
