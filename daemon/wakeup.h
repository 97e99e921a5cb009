/* How a thread that works now and then is woken and ended. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct wakeup {
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool woken;
    bool urgent;
    bool stopping;
};

void wakeup_init(struct wakeup *wakeup);
void wakeup_destroy(struct wakeup *wakeup);

/* Waits until somebody signals, at most wait_ms. False when it is time to end. *urgent (may be NULL): one of
 * the signals since the last wait was. */
bool wakeup_wait(struct wakeup *wakeup, int64_t wait_ms, bool *urgent);

/* Any thread; does not wait. */
void wakeup_signal(struct wakeup *wakeup, bool urgent);
void wakeup_stop(struct wakeup *wakeup);
