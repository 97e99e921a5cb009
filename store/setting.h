/* Small named values. */
#pragma once

#include "store/store.h"

#include <stddef.h>

/* The value of a name, valid until the transaction ends. ERROR_NOT_FOUND. */
int setting_get(struct store_txn *txn, const char *name, const uint8_t **value, size_t *length,
                struct error *err);
int setting_set(struct store_txn *txn, const char *name, enum store_scope scope, const void *value,
                size_t length, struct error *err);
int setting_delete(struct store_txn *txn, const char *name, struct error *err);
