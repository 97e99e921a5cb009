#include "daemon/daily.h"

#include "base/clock.h"
#include "daemon/ca_update.h"
#include "daemon/expiry.h"

#include <errno.h>
#include <stdlib.h>

struct daily {
    struct node *node;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    bool woken;
    bool stopping;
};

/* False when it is time to end. */
static bool sleep_until_next(struct daily *daily)
{
    struct timespec until = clock_deadline(DAILY_LOOK_MS);
    bool stopping;

    pthread_mutex_lock(&daily->lock);
    while (!daily->stopping && !daily->woken &&
           pthread_cond_timedwait(&daily->wake, &daily->lock, &until) != ETIMEDOUT)
        ;
    stopping = daily->stopping;
    daily->woken = false;
    pthread_mutex_unlock(&daily->lock);
    return !stopping;
}

static void *watch(void *arg)
{
    struct daily *daily = arg;

    do {
        ca_update_run(daily->node);
        expiry_run(daily->node);
    } while (sleep_until_next(daily));
    return NULL;
}

static void destroy(struct daily *daily)
{
    pthread_cond_destroy(&daily->wake);
    pthread_mutex_destroy(&daily->lock);
    free(daily);
}

struct daily *daily_start(struct node *node, struct error *err)
{
    struct daily *daily = calloc(1, sizeof(*daily));
    pthread_condattr_t attributes;
    int failed;

    if (daily == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    daily->node = node;
    pthread_mutex_init(&daily->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&daily->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    failed = pthread_create(&daily->thread, NULL, watch, daily);
    if (failed == 0)
        return daily;
    error_set_errno(err, failed, "cannot start the daily tasks");
    destroy(daily);
    return NULL;
}

static void signal_thread(struct daily *daily, bool stop)
{
    pthread_mutex_lock(&daily->lock);
    daily->stopping = daily->stopping || stop;
    daily->woken = true;
    pthread_cond_signal(&daily->wake);
    pthread_mutex_unlock(&daily->lock);
}

void daily_wake(struct daily *daily)
{
    if (daily != NULL)
        signal_thread(daily, false);
}

void daily_stop(struct daily *daily)
{
    if (daily == NULL)
        return;
    signal_thread(daily, true);
    pthread_join(daily->thread, NULL);
    destroy(daily);
}
