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

#define STORE_LOCK_WAIT_MS 2000 /* for the writer's lock of a primed that is ending */

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

/* The same on the calling thread, between two groups of the writer's: it saves waking the writer, and joins
 * no group. For jobs of one thread that get no revision of their own, as what replication applies. */
int store_run_here(struct store *store, store_job job, void *arg, struct error *err);

/* store_run() without waiting; `done` may be NULL. Where the job cannot even be queued (out of memory, opened
 * to read) `done` is called at once, by the caller's thread. */
void store_submit(struct store *store, store_job job, store_done done, void *arg);

/* How far a change had come when its job was reported done. */
enum store_reach {
    STORE_REACH_HERE,  /* durable on this node; nobody waited for more (no gate, or no pair record changed) */
    STORE_REACH_BOTH,  /* durable on the standby too */
    STORE_REACH_MISSED /* durable here; the standby did not answer in time, or the gate was closed */
};

/* store_run() that says so in *reach (may be NULL) where it returns 0. */
int store_run_reach(struct store *store, store_job job, void *arg, enum store_reach *reach,
                    struct error *err);

/*
 * While the gate is open, a job that changed pair records is reported done only once its revision was
 * acknowledged; the writer goes on meanwhile. When one has waited for timeout_ms, the gate closes by itself:
 * all that wait are reported (STORE_REACH_MISSED), and `lost` (may be NULL) is called, on a thread of the
 * gate's own. Opening an open gate changes its timeout and callback.
 */
#define STORE_GATE_TIMEOUT_MS 2000
int store_gate_open(struct store *store, int timeout_ms, void (*lost)(void *arg), void *arg,
                    struct error *err);
void store_gate_close(struct store *store); /* what waits is reported; `lost` is not called */

/* The standby has everything up to this revision on disk. Any thread. */
void store_acknowledge(struct store *store, uint64_t revision);

/* Called on the writer's thread after each commit that raised the revision; NULL: nobody any more. Once it
 * returned, the former watcher is not called again. */
void store_watch(struct store *store, void (*committed)(void *arg, uint64_t revision), void *arg);

/*
 * Whether jobs may change pair records here. Where not, such a job fails with ERROR_NOT_ACTIVE and names the
 * active node ("" where it is not known). Holds for every job that starts after this returned; what waited at
 * the gate is reported. A store starts active.
 */
void store_set_active(struct store *store, bool active, const char *active_name);

/* 0 where jobs may do so now; otherwise -1 with the ERROR_NOT_ACTIVE that such a job would fail with. For
 * what has effects elsewhere before its job runs, which still decides. */
int store_check_active(struct store *store, struct error *err);
bool store_is_active(struct store_txn *txn);

/* Makes room for so many more bytes in the map before a view is held for long: it cannot grow while one is.
 */
int store_reserve(struct store *store, uint64_t bytes, struct error *err);

/* A process that was killed while it read holds old pages, and the store grows: call this now and then. */
void store_forget_dead_readers(struct store *store);

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
