/*
 * The active node's side of replication: streams all pair records, or the changes as they are committed, to
 * the standby, and keeps what the standby acknowledged.
 */
#pragma once

#include "ha/pipe.h"
#include "store/replica.h"

struct ha_sender;

struct ha_sender_options {
    struct store *store;
    const struct seal *seal;
    int alive_ms;            /* silence after which a stream of changes says that it is alive; 0: 5,000 */
    const uint8_t *pair_key; /* for secrets in the digest; copied; NULL: none */
    size_t pair_key_length;
    /* Called on a thread of its own; may be NULL: the standby's acknowledged revision rose, its stream of
     * changes began (true) or ended (false). */
    void (*acknowledged)(void *arg, uint64_t revision);
    void (*stream)(void *arg, bool up);
    void *arg;
};

struct ha_sender *ha_sender_new(const struct ha_sender_options *options, struct error *err);

/* Ends every stream and waits for that. */
void ha_sender_free(struct ha_sender *sender);

/*
 * GET /ha/v1/snapshot. Answers on the pipe, from a thread of its own, until the end; the pipe is copied and
 * ended in every case where 0 is returned. -1: ERROR_BUSY, ERROR_INTERNAL; the pipe was not touched.
 */
int ha_sender_snapshot(struct ha_sender *sender, const struct ha_pipe *pipe, struct error *err);

/* The peer of a pipe went away: its stream ends soon. */
void ha_sender_gone(struct ha_sender *sender, const void *pipe_arg);

/* Where a standby stands, as its requests say it: "after=<revision>&epoch=<epoch>&line=<line>". */
struct ha_position {
    char line[REPLICA_LINE_SIZE];
    uint64_t epoch;
    uint64_t revision;
};
int ha_position_parse(const char *query, struct ha_position *out, struct error *err);
void ha_position_format(const struct ha_position *position, char *out, size_t size);

/*
 * GET /ha/v1/changes. As ha_sender_snapshot(). ERROR_NOT_FOUND: the feed does not reach back that far, or the
 * lines are not the same: a snapshot is needed. ERROR_CONFLICT: the standby has changes that this node has
 * not (the hint of the error says from where): it has to keep them aside, then take a snapshot. An earlier
 * stream of changes ends.
 */
int ha_sender_changes(struct ha_sender *sender, const struct ha_position *position,
                      const struct ha_pipe *pipe, struct error *err);

/* POST /ha/v1/ack: the standby has everything up to here on disk. Also told to store_acknowledge(). */
void ha_sender_acknowledge(struct ha_sender *sender, uint64_t revision);

struct ha_sender_state {
    bool streaming;             /* a standby follows */
    uint64_t revision;          /* of this store */
    uint64_t acknowledged;      /* by the standby */
    uint64_t unreplicated;      /* revisions between both */
    int64_t acknowledged_at_ms; /* wall clock; 0: never */
    unsigned snapshots;         /* streamed to their end since the start */
    unsigned percent;           /* of a snapshot being streamed; 100: none is */
};
void ha_sender_state(struct ha_sender *sender, struct ha_sender_state *out);

/* GET /ha/v1/digest. */
struct ha_digest {
    uint64_t epoch;
    uint64_t revision;
    uint8_t digest[REPLICA_DIGEST_SIZE];
};
int ha_sender_digest(struct ha_sender *sender, struct ha_digest *out, struct error *err);
