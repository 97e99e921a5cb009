/* What the files of the replica share. */
#pragma once

#include "store/record.h"
#include "store/replica.h"

/* The message of a state, and what it points to. */
struct replica_packed {
    Record__Replica record;
    Record__Epoch epochs[REPLICA_EPOCHS_MOST];
    Record__Epoch *list[REPLICA_EPOCHS_MOST];
};
void replica_state_pack(const struct replica_state *state, struct replica_packed *out);

/* False: it makes no sense. The revision is not in it. */
bool replica_state_read(const Record__Replica *record, struct replica_state *out);

/* In a job. */
void replica_state_put(struct store_txn *txn, const struct replica_state *state);

/*
 * In a job, or while importing: puts or deletes what a row says; a secret is sealed. Notes it.
 * ERROR_UNTRUSTED: it makes no sense.
 */
int replica_put(struct store_txn *txn, const struct seal *seal, const struct replica_row *row,
                struct error *err);

/* True if a node may send rows of that database; pins by their number and hosts only in a snapshot. */
bool replica_database_find(const char *name, enum database *out);

/*
 * The value of a setting with its secret opened, in the arena. 1: it has one, and *out is the whole record;
 * 0: it holds no secret; -1: the secret cannot be opened, or memory ran out.
 */
int replica_open_secret(struct arena *arena, const struct seal *seal, const void *name, size_t name_length,
                        const void *record, size_t length, MDB_val *out, struct error *err);
