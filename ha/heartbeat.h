/* The thread that asks the peer how it is, every interval, on one link that it keeps. */
#pragma once

#include "ha/link.h"

#define HEARTBEAT_TASK "HealthMonitorThread"

/* Called on the heartbeat's thread. */
struct ha_heartbeat_options {
    const struct link_self *self;
    struct host_port peer;
    int (*key)(void *arg, struct proof_key *out, struct error *err); /* as link_server_options.key */
    void (*timing)(void *arg, unsigned *interval_ms, unsigned *misses);
    json_t *(*say)(void *arg); /* what goes out; a new reference */
    void (*heard)(void *arg, json_t *reply);
    /*
     * Not heard of. `lost`: for so many intervals, or the peer's certificate, or this node's, or the key is
     * refused, which no further try will change. Called again for each further try.
     */
    void (*missed)(void *arg, bool lost, const struct error *err);
    void *arg;
};

struct ha_heartbeat;
struct ha_heartbeat *ha_heartbeat_start(const struct ha_heartbeat_options *options, struct error *err);

/* Ends it, whatever it waits for, and waits for that. */
void ha_heartbeat_stop(struct ha_heartbeat *heartbeat);

/* The next one is due now. Any thread. */
void ha_heartbeat_hurry(struct ha_heartbeat *heartbeat);
