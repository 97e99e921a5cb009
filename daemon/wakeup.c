#include "daemon/wakeup.h"

#include "base/clock.h"

#include <errno.h>

void wakeup_init(struct wakeup *wakeup)
{
    pthread_condattr_t attributes;

    *wakeup = (struct wakeup){0};
    pthread_mutex_init(&wakeup->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&wakeup->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void wakeup_destroy(struct wakeup *wakeup)
{
    pthread_cond_destroy(&wakeup->changed);
    pthread_mutex_destroy(&wakeup->lock);
}

bool wakeup_wait(struct wakeup *wakeup, int64_t wait_ms, bool *urgent)
{
    struct timespec until = clock_deadline(wait_ms);
    bool stopping;

    pthread_mutex_lock(&wakeup->lock);
    while (!wakeup->stopping && !wakeup->woken &&
           pthread_cond_timedwait(&wakeup->changed, &wakeup->lock, &until) != ETIMEDOUT)
        ;
    stopping = wakeup->stopping;
    if (urgent != NULL)
        *urgent = wakeup->urgent;
    wakeup->woken = false;
    wakeup->urgent = false;
    pthread_mutex_unlock(&wakeup->lock);
    return !stopping;
}

static void signal_it(struct wakeup *wakeup, bool urgent, bool stop)
{
    pthread_mutex_lock(&wakeup->lock);
    wakeup->woken = true;
    wakeup->urgent = wakeup->urgent || urgent;
    wakeup->stopping = wakeup->stopping || stop;
    pthread_cond_signal(&wakeup->changed);
    pthread_mutex_unlock(&wakeup->lock);
}

void wakeup_signal(struct wakeup *wakeup, bool urgent)
{
    signal_it(wakeup, urgent, false);
}

void wakeup_stop(struct wakeup *wakeup)
{
    signal_it(wakeup, false, true);
}
