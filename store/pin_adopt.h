/* Pins that come from the active node, into a standby's store. */
#pragma once

#include "store/pin.h"
#include "store/record.h"

/*
 * Puts the active node's record of a host's pin; ERROR_UNTRUSTED: it is none. Where this node has a pin of
 * its own (node scope) for the host, the other is kept out of sight, under "pins-shadowed". Notes the change.
 */
int pin_adopt(struct store_txn *txn, const char *host, const uint8_t *bytes, size_t length,
              struct error *err);

/* The active node deleted it; or it is each node's own from now on. */
int pin_adopt_deletion(struct store_txn *txn, const char *host, struct error *err);
int pin_adopt_release(struct store_txn *txn, const char *host, struct error *err);

/* In a job of the node that becomes active: what was kept out of sight comes back, or is deleted for both
 * where this node has a pin of its own. */
int pin_adopt_shadowed(struct store_txn *txn, struct error *err);

/* Takes a pin of this node's own into the set of databases that the transaction works with, under its number.
 */
int pin_adopt_own(struct store_txn *txn, uint64_t sequence, const char *host, const MDB_val *record,
                  struct error *err);
