/* The two sets of databases that hold pair records: which one a transaction works with. */
#pragma once

#include "store/record.h"

/* From now on the transaction works with this set. */
void replica_set_work_with(struct store_txn *txn, unsigned set);

/* Makes it the one in use. */
void replica_set_use(struct store_txn *txn, unsigned set);

/* Empties a set. */
void replica_set_drop(struct store_txn *txn, unsigned set);

/* True if anything is in it. */
bool replica_set_is_filled(struct store_txn *txn, unsigned set);
