/* The change feed: what each revision did, for the standby to follow. */
#pragma once

#include "store/store.h"

#include <stddef.h>

#define CHANGES_KEPT 1000000                  /* entries */
#define CHANGES_KEPT_MS (30LL * 86400 * 1000) /* age of the oldest */

/* One record that a revision put or deleted. */
struct change_record {
    const char *database; /* "pins", ... */
    enum store_scope scope;
    const uint8_t *key; /* a pin's is its host: sequences are each node's own */
    size_t key_length;
    const uint8_t *value; /* NULL: deleted, or a node-scope record, whose value never enters the feed */
    size_t value_length;
};

struct change {
    uint64_t revision;
    int64_t when_ms;
    const struct change_record *records;
    size_t record_count;
};

/* Calls `each` for every revision above `after`, in order, until it returns non-zero.
 * ERROR_NOT_FOUND: the feed does not reach back that far any more. ERROR_CONFLICT: `after` is ahead of this
 * store. */
int change_each(struct store_txn *txn, uint64_t after, int (*each)(void *arg, const struct change *change),
                void *arg, struct error *err);

/* The same for all that is still kept. */
int change_each_kept(struct store_txn *txn, int (*each)(void *arg, const struct change *change), void *arg,
                     struct error *err);
