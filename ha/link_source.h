/* What a receiver asks on: links to the active node, opened anew for each stream. */
#pragma once

#include "ha/link.h"
#include "ha/receiver.h"

#define LINK_SOURCE_SNAPSHOT_SILENCE_MS 60000 /* a large store takes its time before the first row */
#define LINK_SOURCE_ACK_MS 5000               /* for an acknowledgement to get into the socket */

struct link_source_options {
    const struct link_self *self; /* lives longer */
    struct host_port peer;
    const char *task;
    int (*silence_ms)(void *arg); /* of a stream of changes, after which the active node counts as gone */
    int (*key)(void *arg, struct proof_key *out, struct error *err); /* as link_server_options.key */
    void *arg;
};

struct link_source;
struct link_source *link_source_new(const struct link_source_options *options, struct error *err);

/* For ha_receiver_start(). */
struct ha_source link_source_of(struct link_source *source);

/* After ha_receiver_stop(). NULL is fine. */
void link_source_free(struct link_source *source);
