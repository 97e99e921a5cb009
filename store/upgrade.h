/* What a store holds when it is new, and how an older one becomes one of this version. */
#pragma once

#include "store/record.h"

#define STORE_VERSION 3 /* of the records and databases that this program writes */
#define NODE_ID_DIGITS 32

/* Makes <folder>/data.mdb, whole or not at all. ERROR_STORE_FULL, ERROR_DENIED, ERROR_INTERNAL. */
int upgrade_create(const char *folder, struct error *err);

/* Step i makes a store of version i into one of version i + 1; NULL where there is no such version. */
typedef int (*upgrade_step)(struct store_txn *txn, struct error *err);

/* Takes the store in the transaction from its version to `to`. ERROR_CONFLICT: it is newer. */
int upgrade_run(struct store_txn *txn, const upgrade_step *steps, uint32_t to, struct error *err);

/*
 * With the environment just opened: checks the version, upgrades (a writer), takes the database handles,
 * and gives the node's id. ERROR_CONFLICT: a newer version, or an older one that only primed may upgrade.
 */
int upgrade_open(struct environment *environment, char node_id[NODE_ID_DIGITS + 1], struct error *err);

/* The revision that a transaction sees. */
uint64_t upgrade_revision(struct store_txn *txn);
void upgrade_set_revision(struct store_txn *txn, uint64_t revision);
