/*
 * The records of the pair (scope STORE_SCOPE_PAIR) as a whole: how they get from the active node's store into
 * the standby's, and how to tell that both hold the same.
 *
 * A line is one history of revisions, begun when a pair is registered. Each promotion begins an epoch of it
 * at the revision that the promoted node had. A node at (epoch, revision) follows another one of the same
 * line as long as it did nothing of its own behind the place where the later epoch began; what it did behind
 * that place has diverged.
 */
#pragma once

#include "base/arena.h"
#include "store/change.h"
#include "store/seal.h"

#define REPLICA_LINE_SIZE 33   /* of a line's name: 32 hexadecimal digits and a NUL */
#define REPLICA_EPOCHS_MOST 64 /* of the latest epochs, whose beginnings are remembered */

struct replica_epoch {
    uint64_t epoch;
    uint64_t revision; /* the last one before it */
};

struct replica_state {
    char line[REPLICA_LINE_SIZE]; /* "": this node is in no line */
    bool standby;                 /* its pair records are another node's */
    uint64_t epoch;               /* of the last revision; 0: in no line */
    uint64_t revision;
    struct replica_epoch epochs[REPLICA_EPOCHS_MOST]; /* the latest ones, the oldest first */
    size_t epoch_count;
};

/* Where this store stands. */
int replica_state_get(struct store_txn *txn, struct replica_state *out, struct error *err);

/* In a job, on the node that becomes the primary: begins a new line with this epoch. */
int replica_begin_line(struct store_txn *txn, uint64_t epoch, struct error *err);

/* In a job, on the node that becomes active: begins an epoch. ERROR_CONFLICT: the line has this or a later
 * one. */
int replica_begin_epoch(struct store_txn *txn, uint64_t epoch, struct error *err);

/* In a job, on a node that is not active any more, with what it holds still being its own. */
int replica_set_standby(struct store_txn *txn, bool standby, struct error *err);

/* In a job: this node leaves its line; its records stay. */
int replica_leave(struct store_txn *txn, struct error *err);

/*
 * Up to which revision a node of this line at (epoch, revision) has the same as `ours` has: its own revision,
 * if it may go on from there. ERROR_NOT_FOUND: another line, or too long ago to tell. ERROR_NOT_ACTIVE: it
 * has a later epoch than `ours`.
 */
int replica_common(const struct replica_state *ours, const char *line, uint64_t epoch, uint64_t revision,
                   uint64_t *common, struct error *err);

/*
 * One row under way between nodes: a record as the receiver is to keep it. A secret travels opened here, and
 * is sealed again by the receiver before it reaches its disk.
 */
struct replica_row {
    const char *database;
    enum store_scope scope; /* NODE: the receiver's copy, if it has one, becomes its own */
    const uint8_t *key;
    size_t key_length;
    const uint8_t *value; /* NULL: deleted */
    size_t value_length;
};

/* ---- the sender's side ---- */

/*
 * All pair records as they are at one moment. Holds that view until it is closed, and the map cannot grow
 * meanwhile: store_reserve() comes first. Opening, reading and closing by one thread.
 */
struct replica_export;
struct replica_export *replica_export_open(struct store *store, const struct seal *seal, struct error *err);
void replica_export_close(struct replica_export *export);
const struct replica_state *replica_export_state(const struct replica_export *export);
uint64_t replica_export_total(const struct replica_export *export); /* rows, about */

/* 1: a row, valid until the next call; 0: no more; -1. */
int replica_export_next(struct replica_export *export, struct replica_row *row, struct error *err);

/* The rows of one change for the standby: its secrets opened, in the arena (end it with arena_wipe()). */
int replica_rows_of(struct arena *arena, const struct seal *seal, const struct change *change,
                    struct replica_row **rows, size_t *count, struct error *err);

/* ---- the receiver's side; none of these on the writer's thread ---- */

/*
 * Takes the place of all pair records in one last transaction; until then nothing changes for anybody, and
 * what was put is dropped by the next import or start. One at a time.
 */
struct replica_import;
struct replica_import *replica_import_begin(struct store *store, const struct seal *seal, struct error *err);

/* Rows in the order of replica_export_next(). Copies them; waits when too much of it is not on disk yet. */
int replica_import_put(struct replica_import *import, const struct replica_row *rows, size_t count,
                       struct error *err);

/* The last transaction: this store is a standby at the sender's state now. `job` (may be NULL) runs in it. */
int replica_import_commit(struct replica_import *import, const struct replica_state *state, uint64_t rows,
                          store_job job, void *arg, struct error *err);

/* Ends it; what was not committed is dropped. */
void replica_import_free(struct replica_import *import);

/* One change of the active node. */
struct replica_change {
    uint64_t revision;
    int64_t when_ms;
    const struct replica_row *rows;
    size_t row_count;
    bool more; /* under way only: further rows of it come in the next message */
};

/*
 * Applies changes under their own revisions in one durable transaction; those that are there already are left
 * out. Waits until it is on disk. ERROR_CONFLICT: a revision is missing before the first one.
 */
int replica_apply(struct store *store, const struct seal *seal, const struct replica_change *changes,
                  size_t count, struct error *err);

/* Takes over the epochs of the active node, whose line this is. Waits. */
int replica_follow(struct store *store, const struct replica_state *active, struct error *err);

/* ---- both ---- */

#define REPLICA_DIGEST_SIZE 32

/*
 * SHA-256 over all pair records in a form that does not depend on the node: pins by host and without their
 * number and origin; a secret enters as HMAC-SHA256 under `key` (the pair's), and only by its name where key
 * is NULL.
 */
int replica_digest(struct store_txn *txn, const struct seal *seal, const uint8_t *key, size_t key_length,
                   uint8_t out[REPLICA_DIGEST_SIZE], struct error *err);
