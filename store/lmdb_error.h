/* What LMDB says, in our own words: the one place where its codes are turned into errors. */
#pragma once

#include "base/error.h"

/* What to do about a store that cannot be read. */
#define STORE_DAMAGED_HINT \
    "move the folder %s away and start primed, which makes an empty store; then restore a backup"

/* LMDB's code or errno. `doing` is a verb ("read", "write"). Returns -1. */
int lmdb_error(struct error *err, int code, const char *doing, const char *folder);

/* ERROR_INTERNAL: the store is damaged; `what` says what was found. Returns -1. */
int lmdb_error_damaged(struct error *err, const char *folder, const char *what);
