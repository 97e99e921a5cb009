/* The writing side of the change feed; store/change.h reads it. */
#pragma once

#include "store/change.h"
#include "store/record.h"

/* Writes the job's entry and its revision, if it changed anything that is the pair's business. */
void feed_write(struct store_txn *txn);

/* Writes what the transaction noted so far as the entry of a revision that another node gave. */
void feed_write_as(struct store_txn *txn, uint64_t revision, int64_t when_ms);

/* Deletes all entries: what comes next has nothing to do with them. */
void feed_clear(struct store_txn *txn);

/* Deletes at most `most` entries that are too many (above `kept`) or older than `oldest_ms`. */
void feed_trim(struct store_txn *txn, uint64_t kept, int64_t oldest_ms, unsigned most);

/* An entry's bytes in the reader's form; false if they are none. */
bool feed_read(struct arena *arena, const void *bytes, size_t length, struct change *out);
