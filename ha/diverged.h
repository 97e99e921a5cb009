/* Changes that one node made and the other never got: kept aside in a file, never dropped silently. */
#pragma once

#include "store/replica.h"

/*
 * Writes this store's changes above `common` to <folder>/diverged-<epoch>.json (0640, on disk before it
 * returns; a further file of the same epoch gets "-2", ...): time, database, key and what the record says, no
 * secret. *count: how many changes; 0 writes no file. `file` gets its name.
 */
int ha_diverged_write(struct store *store, const char *folder, uint64_t epoch, uint64_t common,
                      uint64_t *count, char *file, size_t size, struct error *err);

struct ha_diverged {
    const char *file; /* "diverged-3.json" */
    uint64_t epoch;
    uint64_t first_revision;
    uint64_t last_revision;
    uint64_t changes;
    int64_t written_ms; /* wall clock */
};

/* Calls `each` for every such file, the oldest epoch first, until it returns non-zero. */
int ha_diverged_each(const char *folder, int (*each)(void *arg, const struct ha_diverged *diverged),
                     void *arg, struct error *err);
