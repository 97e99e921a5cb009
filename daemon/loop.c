#include "daemon/loop.h"

#include <pthread.h>
#include <stdbool.h>

struct call {
    pthread_mutex_t lock;
    pthread_cond_t ran_changed;
    bool ran;
    void (*fn)(void *arg);
    void *arg;
};

static void run(evutil_socket_t fd, short what, void *arg)
{
    struct call *call = arg;

    (void)fd;
    (void)what;
    call->fn(call->arg);
    pthread_mutex_lock(&call->lock);
    call->ran = true;
    pthread_cond_signal(&call->ran_changed);
    pthread_mutex_unlock(&call->lock);
}

void loop_call(struct event_base *base, void (*fn)(void *arg), void *arg)
{
    struct call call = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .ran_changed = PTHREAD_COND_INITIALIZER, .fn = fn, .arg = arg};
    struct event *event = event_new(base, -1, 0, run, &call);

    event_active(event, 0, 0);
    pthread_mutex_lock(&call.lock);
    while (!call.ran)
        pthread_cond_wait(&call.ran_changed, &call.lock);
    pthread_mutex_unlock(&call.lock);
    event_free(event);
}
