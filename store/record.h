/*
 * Records in a transaction. The calls chain: the first LMDB error sticks to the transaction, everything
 * after it does nothing, and record_status() tells at the end. A job whose transaction has such an error is
 * undone, whatever it returns.
 */
#pragma once

#include "base/arena.h"
#include "store/environment.h"
#include "store/schema.pb-c.h"

#include <lmdb.h>

struct store_txn {
    struct environment *environment;
    MDB_txn *mdb;
    bool writing;
    int status;                     /* the first code that was not 0; sticky */
    const char *doing;              /* what failed then: "read", "write" */
    uint64_t revision;              /* of a job: the one it gets */
    struct arena arena;             /* what was read, until the end */
    struct arena row;               /* what pin_decode() read */
    Record__ChangeRecord **changes; /* what the job did so far, for the feed */
    size_t change_count;
    bool pair_changed;       /* at least one of them is the pair's business: it gets a revision */
    bool unnoted;            /* it wrote what is no change: to be committed all the same */
    bool applied;            /* a job that took over another node's changes: */
    uint64_t applied_to;     /* its last revision, */
    unsigned applied_count;  /* and how many of them */
    const char *active_name; /* of a job on a node that is not active: the active one; NULL: it is */
    unsigned set;            /* of the databases with pair records, once it is known */
    bool set_is_known;
    struct reader reader;
};

#define RECORD_KEY_MOST 511 /* bytes; LMDB's limit as built everywhere */

/* Keys. A number's key points to the number. */
MDB_val record_key(const void *bytes, size_t length);
MDB_val record_key_text(const char *text);
MDB_val record_key_number(const uint64_t *number);

/* The number in a key of that kind; 0 if it is none. */
uint64_t record_number(const MDB_val *key);

/* Makes a code stick. Returns -1. */
int record_fail(struct store_txn *txn, int code, const char *doing);

/* 0, or -1 with the error that stuck. */
int record_status(struct store_txn *txn, struct error *err);

/* The sentence of who changes a pair record on another node than the active one ("": not known). -1. */
int record_not_active(const char *active_name, struct error *err);

/* True if it is there. The value lasts until the next write. False may be an error: record_status(). */
bool record_get(struct store_txn *txn, enum database database, MDB_val key, MDB_val *value);

/* Packs into the transaction's arena. */
MDB_val record_pack(struct store_txn *txn, const ProtobufCMessage *message);

/* Writes and deletes without an entry in the feed. `flags` are mdb_put()'s. */
void record_store(struct store_txn *txn, enum database database, MDB_val key, MDB_val value, unsigned flags);
void record_remove(struct store_txn *txn, enum database database, MDB_val key);

#define RECORD_SET_KEY "set" /* in "meta" */

/* Which set of the databases with pair records the transaction works with: the one in use, unless
 * replica_set_work_with() said another. */
unsigned record_set(struct store_txn *txn);

/* The handle of a database in that set. */
MDB_dbi record_handle(struct store_txn *txn, enum database database);

/* The entry in the feed. value NULL: deleted. ERROR_NOT_ACTIVE sticks where pair records may not change. */
void record_note(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key,
                 const MDB_val *value);

/*
 * The same for a record that was the pair's and is this node's own, or gone from here only, from now on: the
 * standby keeps what it has as its own.
 */
void record_release(struct store_txn *txn, enum database database, MDB_val key);

/* Both. */
void record_put(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key,
                const ProtobufCMessage *message);
void record_delete(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key);

/* The first and the last number of a database keyed by numbers; 0 where it is empty. */
uint64_t record_first_number(struct store_txn *txn, enum database database);
uint64_t record_last_number(struct store_txn *txn, enum database database);
uint64_t record_count(struct store_txn *txn, enum database database);

/* A cursor, or NULL (sticky). Close before the transaction ends. */
MDB_cursor *record_cursor(struct store_txn *txn, enum database database);

/* Moves it. True: there is a record. False: the end, or an error: record_status(). */
bool record_cursor_move(struct store_txn *txn, MDB_cursor *cursor, MDB_cursor_op move, MDB_val *key,
                        MDB_val *value);

/* What a row of a walk says: go on, that was enough, or this is no such record. */
enum record_step { RECORD_NEXT, RECORD_ENOUGH, RECORD_DAMAGED };

/* One record; what is unpacked into `scratch` lives for the call. */
typedef enum record_step (*record_row)(void *arg, struct arena *scratch, const MDB_val *key,
                                       const MDB_val *value);

/* Walks a database from `start` on, in the order of its keys. */
int record_walk(struct store_txn *txn, enum database database, MDB_val start, record_row row, void *arg,
                struct error *err);

/* Unpacks into an arena; NULL if the bytes are no such message. */
void *record_unpack(struct arena *arena, const ProtobufCMessageDescriptor *kind, const void *bytes,
                    size_t length);

/* True if the field holds a SHA-256, which is copied; false, and zeros, if it does not. */
bool record_sha256(const ProtobufCBinaryData *field, uint8_t out[32]);

/* ERROR_INTERNAL: a record cannot be read. Returns -1. */
int record_damaged(struct store_txn *txn, enum database database, struct error *err);
