/* A stream to the caller of a link: bytes from any thread, given to the HTTPS service on its loop's thread.
 */
#pragma once

#include "ha/pipe.h"
#include "net/https_server.h"

struct link_pipe;

/*
 * For an exchange that waits for its answer; on the loop's thread, as all here but the pipe's own functions.
 * `gone` (may be NULL) is called there when the caller went away before the end; the pipe's send() fails from
 * then on, and its end() is still awaited. NULL: ERROR_INTERNAL.
 */
struct link_pipe *link_pipe_new(struct event_base *base, struct https_exchange *exchange,
                                void (*gone)(void *arg, const void *pipe_arg), void *arg, struct error *err);

/* What the sender writes into. */
struct ha_pipe link_pipe_of(struct link_pipe *pipe);

/* The sender took it: the answer begins. It frees itself after its end(). */
void link_pipe_start(struct link_pipe *pipe);

/* The sender did not take it; the exchange is as it was. */
void link_pipe_free(struct link_pipe *pipe);
