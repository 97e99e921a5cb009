/* A sender and a receiver, with queues of bytes between them instead of a network. */
#pragma once

#include "replica_fixture.h"

#include "ha/diverged.h"
#include "ha/receiver.h"

#include <pthread.h>
#include <stdatomic.h>

#define WAIT_MS 20000

/* What one stream carries; shared by its two ends. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct text bytes;
    bool ended; /* by the sender */
    bool cut;   /* by the receiver, or by the test */
    unsigned users;
};

struct wire_test {
    struct ha_sender *sender;
    pthread_mutex_t lock;
    struct queue *current; /* of the stream that is up */
    bool cancelled;
    atomic_long cut_after; /* bytes until the stream is cut; -1: never */
    atomic_int streams;
};

static inline void queue_release(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool last = --queue->users == 0;
    pthread_mutex_unlock(&queue->lock);
    if (!last)
        return;
    text_free(&queue->bytes);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static inline int queue_send(void *arg, const void *bytes, size_t length)
{
    struct queue *queue = arg;

    pthread_mutex_lock(&queue->lock);
    bool cut = queue->cut;
    if (!cut)
        text_add(&queue->bytes, bytes, length);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return cut ? -1 : 0;
}

static inline size_t queue_unsent(void *arg)
{
    struct queue *queue = arg;

    pthread_mutex_lock(&queue->lock);
    size_t length = queue->cut ? 0 : queue->bytes.length;
    pthread_mutex_unlock(&queue->lock);
    return length;
}

static inline void queue_end(void *arg)
{
    struct queue *queue = arg;

    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    queue_release(queue);
}

/* What there is, or NULL at the end. */
static inline char *queue_take(struct queue *queue, size_t *length, bool *cut)
{
    char *bytes = NULL;

    pthread_mutex_lock(&queue->lock);
    while (queue->bytes.length == 0 && !queue->ended && !queue->cut)
        pthread_cond_wait(&queue->changed, &queue->lock);
    *cut = queue->cut;
    *length = queue->bytes.length;
    if (!queue->cut && queue->bytes.length > 0)
        bytes = text_take(&queue->bytes);
    pthread_mutex_unlock(&queue->lock);
    return bytes;
}

static inline void wire_cut(struct wire_test *wire)
{
    pthread_mutex_lock(&wire->lock);
    if (wire->current != NULL) {
        pthread_mutex_lock(&wire->current->lock);
        wire->current->cut = true;
        pthread_cond_broadcast(&wire->current->changed);
        pthread_mutex_unlock(&wire->current->lock);
    }
    pthread_mutex_unlock(&wire->lock);
}

static inline int wire_request(struct wire_test *wire, const char *path, struct queue *queue,
                               struct error *err)
{
    struct ha_pipe pipe = {queue_send, queue_unsent, queue_end, queue};
    struct ha_position position;

    if (strcmp(path, "/ha/v1/snapshot") == 0)
        return ha_sender_snapshot(wire->sender, &pipe, err);
    assert_int_equal(strncmp(path, "/ha/v1/changes?", 15), 0);
    return ha_position_parse(path + 15, &position, err) != 0
               ? -1
               : ha_sender_changes(wire->sender, &position, &pipe, err);
}

static inline int wire_stream(void *arg, const char *path,
                              int (*take)(void *arg, const void *bytes, size_t length), void *take_arg,
                              struct error *err)
{
    struct wire_test *wire = arg;
    struct queue *queue = calloc(1, sizeof(*queue));
    bool cut = false;
    bool stopped = false;
    size_t length;
    char *bytes;

    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    queue->users = 2;
    pthread_mutex_lock(&wire->lock);
    bool refused = wire->cancelled;
    if (!refused)
        wire->current = queue;
    pthread_mutex_unlock(&wire->lock);
    if (refused || wire_request(wire, path, queue, err) != 0) {
        pthread_mutex_lock(&wire->lock);
        wire->current = NULL;
        pthread_mutex_unlock(&wire->lock);
        queue_release(queue);
        queue_release(queue);
        return refused ? error_set(err, ERROR_UNREACHABLE, "cut off") : -1;
    }
    wire->streams++;
    while (!stopped && (bytes = queue_take(queue, &length, &cut)) != NULL) {
        long left = wire->cut_after;

        if (left >= 0 && (long)length > left) {
            length = (size_t)left;
            cut = true;
        }
        stopped = take(take_arg, bytes, length) != 0 || cut;
        free(bytes);
    }
    pthread_mutex_lock(&wire->lock);
    wire->current = NULL;
    pthread_mutex_unlock(&wire->lock);
    pthread_mutex_lock(&queue->lock);
    queue->cut = true;
    pthread_mutex_unlock(&queue->lock);
    ha_sender_gone(wire->sender, queue);
    queue_release(queue);
    if (stopped && !cut)
        return error_set(err, ERROR_BUSY, "stopped");
    return cut ? error_set(err, ERROR_UNREACHABLE, "the connection was cut") : 0;
}

static inline int wire_acknowledge(void *arg, const struct ha_position *position, struct error *err)
{
    struct wire_test *wire = arg;

    return ha_sender_acknowledge(wire->sender, position, err);
}

static inline void wire_cancel(void *arg)
{
    struct wire_test *wire = arg;

    pthread_mutex_lock(&wire->lock);
    wire->cancelled = true;
    pthread_mutex_unlock(&wire->lock);
    wire_cut(wire);
}

static inline void pause_shortly(void)
{
    struct timespec pause = {.tv_nsec = 1000000};

    nanosleep(&pause, NULL);
}

/* Polls until the condition holds; fails after WAIT_MS. */
#define wait_until(condition)                            \
    do {                                                 \
        int wait_left = WAIT_MS;                         \
        while (!(condition) && wait_left-- > 0)          \
            pause_shortly();                             \
        if (wait_left <= 0)                              \
            fail_msg("never came true: %s", #condition); \
    } while (0)
