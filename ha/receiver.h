/* The standby's side of replication: follows the active node, and takes a new snapshot where it has to. */
#pragma once

#include "ha/sender.h"

struct ha_receiver;

/*
 * How to reach the active node: over the link between the nodes, or over a socket pair in a test. Both block
 * and are called on the receiver's threads.
 */
struct ha_source {
    /*
     * Requests a stream: path "/ha/v1/changes?after=..." or "/ha/v1/snapshot". `take` gets the body as it
     * comes, and stops the stream by returning non-zero. Returns 0 when the stream ended, or when `take`
     * stopped it; -1 with the other node's error (its code decides what comes next), ERROR_UNREACHABLE, ...
     */
    int (*stream)(void *arg, const char *path, int (*take)(void *arg, const uint8_t *bytes, size_t length),
                  void *take_arg, struct error *err);
    /* POST /ha/v1/ack with this revision. */
    int (*acknowledge)(void *arg, const struct ha_position *position, struct error *err);
    /* Ends what stream() or acknowledge() wait for, at once. Any thread. */
    void (*cancel)(void *arg);
    void *arg;
};

struct ha_receiver_options {
    struct store *store;
    const struct seal *seal;
    struct ha_source source;
    bool fresh;             /* registration: takes a snapshot whatever it has */
    uint64_t epoch;         /* the latest epoch this node knows of */
    int retry_ms;           /* between two tries to reach the active node; 0: 1,000 */
    const char *log_folder; /* for diverged-<epoch>.json */
    /* In the transaction that takes the snapshot over; may be NULL. */
    store_job on_import;
    void *on_import_arg;
    /* On the receiver's thread; each may be NULL. */
    void (*progress)(void *arg, unsigned percent);    /* of a snapshot */
    void (*applied)(void *arg, uint64_t revision);    /* on disk, and in step with what was sent */
    void (*alive)(void *arg);                         /* anything was heard */
    void (*lost)(void *arg, const struct error *err); /* the stream ended; it tries again */
    void (*epoch_higher)(void *arg, uint64_t epoch);  /* the active node has a later epoch */
    void (*diverged)(void *arg, uint64_t count, const char *file); /* own changes were kept aside */
    void *arg;
};

/* Starts following. Copies the options. ERROR_INTERNAL. */
struct ha_receiver *ha_receiver_start(const struct ha_receiver_options *options, struct error *err);

/* Ends it and waits for that; what was received whole is applied before. */
void ha_receiver_stop(struct ha_receiver *receiver);

struct ha_receiver_state {
    bool following;     /* the stream of changes is up */
    bool importing;     /* a snapshot is being taken */
    unsigned percent;   /* of it */
    uint64_t revision;  /* applied */
    uint64_t known;     /* the active node's, as far as it was heard */
    int64_t heard_ms;   /* wall clock, when anything was last heard; 0: never */
    unsigned snapshots; /* taken since the start */
    struct error error; /* of the last try; code ERROR_NONE: none */
};
void ha_receiver_state(struct ha_receiver *receiver, struct ha_receiver_state *out);
