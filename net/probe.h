/* Bulk first contact and verification: TLS handshakes with many servers, each judged, no request sent. */
#pragma once

#include "base/host_port.h"
#include "trust/trust.h"

#include <stdatomic.h>

#define PROBE_TIMEOUT_MS 10000 /* from the start of a connection to its verdict */
#define PROBE_CONCURRENCY 128  /* connections at once, of all threads together */

struct probe_result {
    enum { PROBE_JUDGED, PROBE_FAILED } state;
    struct trust_verdict verdict; /* PROBE_JUDGED */
    struct error error;           /* PROBE_FAILED: ERROR_UNREACHABLE, ERROR_TIMEOUT; says at which step */
};

struct probe_options {
    int timeout_ms;  /* 0: PROBE_TIMEOUT_MS */
    int concurrency; /* 0: PROBE_CONCURRENCY */
    int threads;     /* 0: one a processor, at most */
    atomic_bool
        *cancel; /* becomes true: start no more, report the rest as failed (ERROR_TIMEOUT). May be NULL */
};

/* Called for each request once, in any order, from one thread at a time. */
typedef void (*probe_done)(void *arg, size_t index, const struct probe_result *result);

/*
 * Connects to every request's host, takes its certificate through a TLS handshake, asks trust_judge() and
 * closes. Names are resolved (all addresses tried). Blocks until every one is reported: call it on a
 * worker's thread. Fails (-1) only when nothing could be started.
 */
int probe_run(struct store *store, const struct trust_request *requests, size_t count,
              const struct probe_options *options, probe_done done, void *arg, struct error *err);
