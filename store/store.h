/*
 * The node's LMDB environment. primed is the one writer; shells read the same map without it.
 *
 * Writes are jobs. A job runs on the writer's thread inside a transaction of its own (nested in the one
 * that is committed for all jobs waiting at that moment: group commit), so it happens whole or not at all,
 * and whoever waits for it learns its result only after it is on disk. Every job that changed something
 * gets a revision of its own and one entry in `changes`.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_txn; /* a read transaction, or the one a job runs in */

enum store_mode { STORE_READ, STORE_WRITE };

/* Where a record may go. */
enum store_scope {
    STORE_SCOPE_NODE, /* stays on this node: its identity, its pins of itself and of its HA peer */
    STORE_SCOPE_PAIR  /* is replicated to the standby */
};

/*
 * Opens <home>/store (and, to write, makes it and starts the writer's thread). Readers whose process died
 * are cleared. Close with store_close().
 * ERROR_BUSY: another process writes this store. ERROR_CONFLICT: written by a newer version.
 * ERROR_BUSY too: this process has it open already (LMDB allows once). ERROR_NOT_FOUND: nothing there to
 * read. ERROR_DENIED (a reader needs to write lock.mdb too), ERROR_STORE_FULL, ERROR_INTERNAL (damaged; the
 * hint says what to do).
 */
struct store *store_open(const char *home, enum store_mode mode, struct error *err);

/* Waits for the jobs under way, then closes. */
void store_close(struct store *store);

/* A consistent view that no later write changes. End with store_end(). NULL: ERROR_BUSY, ERROR_INTERNAL. */
struct store_txn *store_read(struct store *store, struct error *err);
void store_end(struct store_txn *txn);

/*
 * Returns 0 to keep what it did, -1 (with *err) to undo it all. Must not block, print or open anything. Runs
 * again, from the beginning, when the map had to grow in its middle: what it leaves in *arg must not add up.
 * An error of the store inside it undoes it whatever it returns.
 */
typedef int (*store_job)(struct store_txn *txn, void *arg, struct error *err);

/* Called on the writer's thread once the job is durable (result 0) or undone (-1 and err). Must be short. */
typedef void (*store_done)(void *arg, int result, const struct error *err);

/* Runs a job and waits until it is on disk. Any thread but the writer's own, and none that has a store_read()
 * open: the map can move only when nobody reads. The job's errors, and ERROR_STORE_FULL, ERROR_INTERNAL,
 * ERROR_BUSY (others read for too long for the map to grow), ERROR_DENIED (opened to read). */
int store_run(struct store *store, store_job job, void *arg, struct error *err);

/* The same without waiting; `done` may be NULL. Where the job cannot even be queued (out of memory, opened to
 * read) `done` is called at once, by the caller's thread. */
void store_submit(struct store *store, store_job job, store_done done, void *arg);

/* The revision this transaction sees (in a job: the one it will get). */
uint64_t store_revision(struct store_txn *txn);

/* The random id that this store was given when it was made; 32 hexadecimal digits. */
const char *store_node_id(struct store *store);

struct store_stats {
    uint64_t revision;
    uint64_t map_bytes;  /* size of the map now */
    uint64_t used_bytes; /* bytes of it ever used; freed ones are used again first */
    uint64_t pins;
    uint64_t certificates;
};
int store_stats(struct store *store, struct store_stats *out, struct error *err);
