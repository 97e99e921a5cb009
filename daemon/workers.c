#include "daemon/workers.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define QUEUE_MAX 4096

struct item {
    void (*work)(void *arg);
    void *arg;
    struct item *next;
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item *first;
    struct item **end;
    unsigned most; /* threads */
    unsigned queued;
    unsigned threads;
    unsigned idle;
    bool stopping;
};

struct workers *workers_new(unsigned most, struct error *err)
{
    struct workers *workers = calloc(1, sizeof(*workers));
    pthread_condattr_t attributes;

    if (workers == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&workers->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    workers->end = &workers->first;
    workers->most = most;
    return workers;
}

/* The next piece of work, or NULL when none came for so long that the thread may end. Holds the lock. */
static struct item *take(struct workers *workers)
{
    struct timespec until = clock_deadline(WORKERS_IDLE_MS);
    struct item *item;

    workers->idle++;
    while (workers->first == NULL && !workers->stopping) {
        if (pthread_cond_timedwait(&workers->changed, &workers->lock, &until) == ETIMEDOUT)
            break;
    }
    workers->idle--;
    item = workers->first;
    if (item != NULL) {
        workers->first = item->next;
        if (workers->first == NULL)
            workers->end = &workers->first;
        workers->queued--;
    }
    return item;
}

static void *work_on(void *arg)
{
    struct workers *workers = arg;
    struct item *item;

    pthread_mutex_lock(&workers->lock);
    while ((item = take(workers)) != NULL) {
        pthread_mutex_unlock(&workers->lock);
        item->work(item->arg);
        free(item);
        pthread_mutex_lock(&workers->lock);
    }
    workers->threads--;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* With the lock held. Fails only if there is no thread at all to do the work. */
static int add_thread(struct workers *workers, struct error *err)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&thread, &attributes, work_on, workers);
    pthread_attr_destroy(&attributes);
    if (failed == 0)
        workers->threads++;
    else if (workers->threads == 0)
        return error_set_errno(err, failed, "cannot start a thread");
    return 0;
}

int workers_run(struct workers *workers, void (*work)(void *arg), void *arg, struct error *err)
{
    struct item *item = calloc(1, sizeof(*item));
    int result = 0;

    if (item == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    *item = (struct item){.work = work, .arg = arg};
    pthread_mutex_lock(&workers->lock);
    if (workers->stopping || workers->queued == QUEUE_MAX)
        result = error_set(err, ERROR_BUSY,
                           workers->stopping ? "primed is stopping" : "too many tasks are waiting");
    else if (workers->queued >= workers->idle && workers->threads < workers->most)
        result = add_thread(workers, err);
    if (result == 0) {
        *workers->end = item;
        workers->end = &item->next;
        workers->queued++;
        pthread_cond_signal(&workers->changed);
    }
    pthread_mutex_unlock(&workers->lock);
    if (result != 0)
        free(item);
    return result;
}

bool workers_stop(struct workers *workers, int timeout_ms)
{
    struct timespec until = clock_deadline(timeout_ms);
    bool done;

    if (workers == NULL)
        return true;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    while (workers->threads > 0 && pthread_cond_timedwait(&workers->changed, &workers->lock, &until) == 0)
        ;
    done = workers->threads == 0;
    pthread_mutex_unlock(&workers->lock);
    if (done) {
        pthread_cond_destroy(&workers->changed);
        pthread_mutex_destroy(&workers->lock);
        free(workers);
    }
    return done;
}
