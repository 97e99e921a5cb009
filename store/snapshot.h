/* A copy of a whole store as it is at one moment, while others go on writing it. */
#pragma once

#include "store/store.h"

/*
 * Writes a data.mdb without free pages (what was deleted does not come along) to fd, which may be a pipe; it
 * is not synced. The map cannot grow meanwhile. ERROR_STORE_FULL, ERROR_INTERNAL.
 */
int store_snapshot(struct store *store, int fd, struct error *err);

/* True if the file this store has open is still the one in its folder. False after a restore: what is read is
 * the past. */
bool store_is_current(struct store *store);
