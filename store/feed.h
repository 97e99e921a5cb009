/* The writing side of the change feed; store/change.h reads it. */
#pragma once

#include "store/change.h"
#include "store/record.h"

/* Writes the job's entry and its revision, if it changed anything. */
void feed_write(struct store_txn *txn);

/* Deletes at most `most` entries that are too many (above `kept`) or older than `oldest_ms`. */
void feed_trim(struct store_txn *txn, uint64_t kept, int64_t oldest_ms, unsigned most);

/* An entry's bytes in the reader's form; false if they are none. */
bool feed_read(struct arena *arena, const void *bytes, size_t length, struct change *out);
