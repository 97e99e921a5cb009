/*
 * The configuration: named values, each a text, such as "hostname" or "repository/backups/url". It is there
 * up to three times: what runs, what comes back after a restart, and what comes back unless it is confirmed.
 * Which names there are, and what their values may be, is said in store/statement.h. Secrets stand here
 * sealed (store/seal.h), as base64.
 */
#pragma once

#include "store/store.h"

enum config_area { CONFIG_RUNNING, CONFIG_STARTUP, CONFIG_BEFORE };

/* The value, valid until the transaction ends; NULL with ERROR_NOT_FOUND. */
const char *config_get(struct store_txn *txn, enum config_area area, const char *name, struct error *err);

/* Calls `each` with every name that is `name` or stands below it ("": all), in order of the bytes of the
 * names, until it returns non-zero. What it gets lasts until the transaction ends. */
int config_each(struct store_txn *txn, enum config_area area, const char *name,
                int (*each)(void *arg, const char *name, const char *value), void *arg, struct error *err);

/* Sets a checked value (statement_check()). The scope is the statement's. ERROR_INVALID_ARGUMENT: no such
 * name. */
int config_set(struct store_txn *txn, enum config_area area, const char *name, const char *value,
               struct error *err);

/* Removes the name and all below it; *removed (may be NULL): how many there were. */
int config_unset(struct store_txn *txn, enum config_area area, const char *name, size_t *removed,
                 struct error *err);

/* Makes `to` equal to `from`; touches only what differs, and on a standby only what is the node's own. */
int config_copy(struct store_txn *txn, enum config_area from, enum config_area to, struct error *err);

/* Whether the two say different things. */
int config_differ(struct store_txn *txn, enum config_area one, enum config_area other, bool *differ,
                  struct error *err);

/*
 * A configuration on probation: the running one is kept as CONFIG_BEFORE until deadline_ms (wall clock).
 * ERROR_CONFLICT: one is on probation already.
 */
int config_probation_begin(struct store_txn *txn, int64_t deadline_ms, struct error *err);

/* When it ends; 0: none is on probation. */
int config_probation_deadline(struct store_txn *txn, int64_t *deadline_ms, struct error *err);

/* Ends it, and keeps what runs or puts back what was before. ERROR_NOT_FOUND: none is on probation. */
int config_probation_end(struct store_txn *txn, bool put_back, struct error *err);
