/*
 * The active node's side of replication: streams all pair records, or the changes as they are committed, to
 * the standby, and keeps what the standby acknowledged.
 */
#pragma once

#include "ha/pipe.h"
#include "ha/position.h"

struct ha_sender;

struct ha_sender_options {
    struct store *store; /* its watcher (store_watch()) is the sender's as long as it lives */
    const struct seal *seal;
    int alive_ms;            /* silence after which a stream of changes says that it is alive; 0: 5,000 */
    const uint8_t *pair_key; /* for secrets in the digest; copied; NULL: none */
    size_t pair_key_length;
    /* The standby's stream of changes began (true) or ended (false); on a thread of the sender's. May be
     * NULL.
     */
    void (*stream)(void *arg, bool up);
    void *arg;
};

struct ha_sender *ha_sender_new(const struct ha_sender_options *options, struct error *err);

/* Ends every stream and waits for that. */
void ha_sender_free(struct ha_sender *sender);

/*
 * GET /ha/v1/snapshot: everything as it is at one moment. Answers on the pipe (copied) from a thread of its
 * own. Where this returns 0, the pipe's end() is called when it is over; where it returns -1 (ERROR_BUSY: one
 * is under way; ERROR_NOT_ACTIVE; ERROR_INTERNAL), nothing of the pipe was called.
 */
int ha_sender_snapshot(struct ha_sender *sender, const struct ha_pipe *pipe, struct error *err);

/*
 * GET /ha/v1/changes: says where this node stands, then all changes behind the standby's place, and new ones
 * as they come. Where there is no way from that place, the stream ends right after the first message: the
 * standby needs a snapshot. As ha_sender_snapshot(). ERROR_NOT_ACTIVE: this node is not the active one, or
 * the caller knows a later epoch. A stream of changes to the same standby that is still up ends.
 */
int ha_sender_changes(struct ha_sender *sender, const struct ha_position *position,
                      const struct ha_pipe *pipe, struct error *err);

/* Ends what is being sent: whoever follows has to come, and prove itself, anew. Any thread. */
void ha_sender_end_streams(struct ha_sender *sender);

/* The other side of the pipe with this arg went away: its send() fails from now on. Any thread. */
void ha_sender_gone(struct ha_sender *sender, const void *pipe_arg);

/* The standby has everything up to here on disk. store_acknowledge() is told too. Any thread.
 * ERROR_CONFLICT: of another line, or above what this node has. */
int ha_sender_acknowledge(struct ha_sender *sender, const struct ha_position *position, struct error *err);

struct ha_sender_state {
    bool streaming;             /* a standby follows */
    uint64_t revision;          /* of this store */
    uint64_t acknowledged;      /* by the standby that follows, or followed last; 0: none yet */
    uint64_t unreplicated;      /* revisions between both */
    int64_t acknowledged_at_ms; /* wall clock; 0: never */
    unsigned snapshots;         /* streamed to their end since the start */
    unsigned percent;           /* of a snapshot being streamed; 100: none is */
};
void ha_sender_state(struct ha_sender *sender, struct ha_sender_state *out);

/* GET /ha/v1/digest: of this store, as it is. Takes a second for a million records. */
struct ha_digest {
    uint64_t epoch;
    uint64_t revision;
    uint8_t digest[REPLICA_DIGEST_SIZE];
};
int ha_digest_of(struct store *store, const struct seal *seal, const uint8_t *pair_key, size_t length,
                 struct ha_digest *out, struct error *err);
int ha_sender_digest(struct ha_sender *sender, struct ha_digest *out, struct error *err);
