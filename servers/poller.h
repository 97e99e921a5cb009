/* Checks the registered servers again and again, many at once but not too many. */
#pragma once

#include "servers/examine.h"

#define POLLER_PARALLEL 8 /* checks at once: a thread each, while there is something to check */

/* What the poller lives on. All functions are called on its threads. */
struct poller_means {
    struct store *store;
    const struct seal *seal;
    int64_t interval_ms;
    unsigned parallel; /* 0: POLLER_PARALLEL */
    /* False: not now; it is asked again after a while. NULL: always. */
    bool (*may_run)(void *arg);
    /* The name of the task of one check, for logs and history. */
    void (*name_task)(void *arg, char *out, size_t size);
    /* Told of a refused certificate, and of one that a first contact pinned (may be NULL); and of every
     * check. */
    void (*judged)(void *arg, const char *task, const struct trust_request *trust,
                   const struct trust_verdict *verdict);
    void (*checked)(void *arg, const char *task, const struct server *server,
                    const struct server_found *found, const struct server_turn *turn);
    void *arg;
};

struct poller;

/* The first check of each server comes soon, spread over a fraction of the interval. ERROR_INTERNAL. */
struct poller *poller_start(const struct poller_means *means, struct error *err);

/* Servers came, went or changed: looks at the store again. Any thread; NULL is fine. */
void poller_wake(struct poller *poller);

/* Gives up what is under way and waits for it. NULL is fine. */
void poller_stop(struct poller *poller);
