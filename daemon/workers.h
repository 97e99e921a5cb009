/* Threads for what may block. They come when there is work and go when there is none. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

#define WORKERS_MAX 64        /* threads for the methods: as many as there may be sessions */
#define WORKERS_PAIR_MAX 16   /* for the other node of the pair: no session can hold them up */
#define WORKERS_IDLE_MS 10000 /* a thread without work ends after this */

struct workers;
struct workers *workers_new(unsigned most, struct error *err); /* threads at a time */

/* Runs work(arg) on a thread. ERROR_BUSY: too much is waiting already. */
int workers_run(struct workers *workers, void (*work)(void *arg), void *arg, struct error *err);

/* Starts nothing more and waits for what runs, at most timeout_ms. True if nothing runs any more; then the
 * structure is freed. False: the caller must end the process without it. */
bool workers_stop(struct workers *workers, int timeout_ms);
