/* Small named values. */
#pragma once

#include "store/store.h"

#include <stddef.h>

/* The value of a name, valid until the transaction ends. ERROR_NOT_FOUND. */
int setting_get(struct store_txn *txn, const char *name, const uint8_t **value, size_t *length,
                struct error *err);
int setting_set(struct store_txn *txn, const char *name, enum store_scope scope, const void *value,
                size_t length, struct error *err);
int setting_scope(struct store_txn *txn, const char *name, enum store_scope *scope, struct error *err);
int setting_delete(struct store_txn *txn, const char *name, struct error *err);

/* True for the value "1"; false where it is another one, or none. */
int setting_is_on(struct store *store, const char *name, bool *on, struct error *err);

/* Calls `each` with every setting whose name starts with `prefix`, by name, until it returns non-zero; the
 * name comes without the prefix. Name and value last until the transaction ends. */
int setting_each(struct store_txn *txn, const char *prefix,
                 int (*each)(void *arg, const char *name, enum store_scope scope, const uint8_t *value,
                             size_t length),
                 void *arg, struct error *err);
