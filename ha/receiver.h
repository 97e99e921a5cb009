/* The standby's side of replication: follows the active node, and takes a new snapshot where it has to. */
#pragma once

#include "ha/sender.h"

struct ha_receiver;

/*
 * How to reach the active node: over the link between the nodes (ha/link_source.h), or over a pair of pipes
 * in a test. Called on the receiver's thread but for cancel().
 */
struct ha_source {
    /*
     * Requests a stream, "/ha/v1/changes?after=..." or "/ha/v1/snapshot". `take` gets its bytes as they come,
     * and stops it by returning non-zero. 0: it ended; -1: the other node's own error, ERROR_BUSY (stopped or
     * cancelled), ERROR_UNREACHABLE, ERROR_TIMEOUT, ...
     */
    int (*stream)(void *arg, const char *path, int (*take)(void *arg, const void *bytes, size_t length),
                  void *take_arg, struct error *err);
    /* In a call of `take`: everything up to here is on disk. Nothing answers it: an active node that cannot
     * take it ends the stream. */
    int (*acknowledge)(void *arg, const struct ha_position *position, struct error *err);
    /* Ends what those two wait for, now and later. Any thread. */
    void (*cancel)(void *arg);
    void *arg;
};

struct ha_receiver_options {
    struct store *store;
    const struct seal *seal;
    struct ha_source source;
    bool fresh;             /* registration: takes a snapshot, whatever there is */
    uint64_t epoch;         /* the latest epoch that this node has heard of */
    int retry_ms;           /* between two tries to reach the active node; 0: 1,000 */
    const char *log_folder; /* for diverged-<epoch>.json; copied */
    /* In the transaction that takes a snapshot over; may change records of node scope only. May be NULL. */
    store_job on_import;
    void *on_import_arg;
    /* On the receiver's thread; each may be NULL. */
    void (*progress)(void *arg, unsigned percent);    /* of a snapshot; 100: it was taken over */
    void (*applied)(void *arg, uint64_t revision);    /* on disk here */
    void (*alive)(void *arg);                         /* something was heard */
    void (*lost)(void *arg, const struct error *err); /* the stream ended; it is tried again, unless the code
                                                         is ERROR_CONFLICT: only a registration helps */
    void (*epoch_higher)(void *arg,
                         uint64_t epoch); /* the active node is in a later epoch than options.epoch */
    void (*diverged)(void *arg, uint64_t count,
                     const char *file); /* this node's own changes were kept aside */
    void *arg;
};

/* Starts following. Copies the options. ERROR_INTERNAL. */
struct ha_receiver *ha_receiver_start(const struct ha_receiver_options *options, struct error *err);

/* Ends it and waits for that; what was received whole is applied before. Not on the receiver's thread.
 */
void ha_receiver_stop(struct ha_receiver *receiver);

struct ha_receiver_state {
    bool following;      /* the stream of changes is up */
    bool importing;      /* a snapshot is being taken */
    unsigned percent;    /* of it */
    uint64_t revision;   /* applied */
    uint64_t known;      /* the active node's, as far as it was heard */
    int64_t heard_at_ms; /* wall clock, when something was last heard; 0: never */
    unsigned snapshots;  /* taken since the start */
    struct error error;  /* of the last try; code ERROR_NONE: none */
};
void ha_receiver_state(struct ha_receiver *receiver, struct ha_receiver_state *out);
