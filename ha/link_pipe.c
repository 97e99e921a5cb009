#include "ha/link_pipe.h"

#include <event2/buffer.h>
#include <pthread.h>
#include <stdlib.h>

struct link_pipe {
    struct https_exchange *exchange; /* on the loop's thread; NULL once it is over */
    struct event *wake;
    void (*gone_call)(void *arg, const void *pipe_arg);
    void *arg;
    pthread_mutex_t lock; /* over what follows */
    struct evbuffer *pending;
    size_t waiting; /* bytes that the loop has and the network not */
    bool ended;     /* by the sender */
    bool gone;      /* the caller */
};

void link_pipe_free(struct link_pipe *pipe)
{
    if (pipe->wake != NULL)
        event_free(pipe->wake);
    if (pipe->pending != NULL)
        evbuffer_free(pipe->pending);
    pthread_mutex_destroy(&pipe->lock);
    free(pipe);
}

static int pipe_send(void *arg, const void *bytes, size_t length)
{
    struct link_pipe *pipe = arg;
    int result = -1;

    pthread_mutex_lock(&pipe->lock);
    if (!pipe->gone && evbuffer_add(pipe->pending, bytes, length) == 0) {
        event_active(pipe->wake, EV_TIMEOUT, 0);
        result = 0;
    }
    pthread_mutex_unlock(&pipe->lock);
    return result;
}

static size_t pipe_unsent(void *arg)
{
    struct link_pipe *pipe = arg;
    size_t unsent;

    pthread_mutex_lock(&pipe->lock);
    unsent = evbuffer_get_length(pipe->pending) + pipe->waiting;
    pthread_mutex_unlock(&pipe->lock);
    return unsent;
}

static void pipe_end(void *arg)
{
    struct link_pipe *pipe = arg;

    pthread_mutex_lock(&pipe->lock);
    pipe->ended = true;
    event_active(pipe->wake, EV_TIMEOUT, 0);
    pthread_mutex_unlock(&pipe->lock);
}

static void send_pending(struct link_pipe *pipe, struct evbuffer *taken)
{
    struct evbuffer_iovec piece;

    if (pipe->exchange == NULL)
        return;
    while (evbuffer_peek(taken, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
        https_stream_send(pipe->exchange, piece.iov_base, piece.iov_len);
        evbuffer_drain(taken, piece.iov_len);
    }
    pthread_mutex_lock(&pipe->lock);
    pipe->waiting = https_stream_waiting(pipe->exchange);
    pthread_mutex_unlock(&pipe->lock);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct link_pipe *pipe = arg;
    struct evbuffer *taken = evbuffer_new();
    bool ended;

    (void)fd;
    (void)what;
    pthread_mutex_lock(&pipe->lock);
    if (taken != NULL)
        evbuffer_add_buffer(taken, pipe->pending);
    ended = pipe->ended;
    pthread_mutex_unlock(&pipe->lock);
    if (taken != NULL)
        send_pending(pipe, taken);
    if (taken != NULL)
        evbuffer_free(taken);
    if (!ended)
        return;
    if (pipe->exchange != NULL)
        https_stream_end(pipe->exchange, true);
    link_pipe_free(pipe);
}

static void on_drained(void *arg)
{
    struct link_pipe *pipe = arg;

    pthread_mutex_lock(&pipe->lock);
    pipe->waiting = pipe->exchange == NULL ? 0 : https_stream_waiting(pipe->exchange);
    pthread_mutex_unlock(&pipe->lock);
}

static void on_gone(void *arg)
{
    struct link_pipe *pipe = arg;
    bool ended;

    pipe->exchange = NULL;
    pthread_mutex_lock(&pipe->lock);
    pipe->gone = true;
    ended = pipe->ended; /* then on_wake() is on its way, and frees it */
    pthread_mutex_unlock(&pipe->lock);
    if (!ended && pipe->gone_call != NULL)
        pipe->gone_call(pipe->arg, pipe);
}

struct link_pipe *link_pipe_new(struct event_base *base, struct https_exchange *exchange,
                                void (*gone)(void *arg, const void *pipe_arg), void *arg, struct error *err)
{
    struct link_pipe *pipe = calloc(1, sizeof(*pipe));

    if (pipe != NULL) {
        pthread_mutex_init(&pipe->lock, NULL);
        pipe->exchange = exchange;
        pipe->gone_call = gone;
        pipe->arg = arg;
        pipe->pending = evbuffer_new();
        pipe->wake = event_new(base, -1, 0, on_wake, pipe);
        if (pipe->pending != NULL && pipe->wake != NULL)
            return pipe;
        link_pipe_free(pipe);
    }
    error_set(err, ERROR_INTERNAL, "out of memory");
    return NULL;
}

struct ha_pipe link_pipe_of(struct link_pipe *pipe)
{
    return (struct ha_pipe){.send = pipe_send, .unsent = pipe_unsent, .end = pipe_end, .arg = pipe};
}

void link_pipe_start(struct link_pipe *pipe)
{
    const struct https_stream_calls calls = {.gone = on_gone, .drained = on_drained, .arg = pipe};

    if (!https_stream_start(pipe->exchange, 200, "application/octet-stream", &calls))
        on_gone(pipe);
}
