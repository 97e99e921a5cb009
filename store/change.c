#include "store/change.h"

#include "base/clock.h"
#include "store/feed.h"
#include "store/upgrade.h"

#include <errno.h>

void feed_write_as(struct store_txn *txn, uint64_t revision, int64_t when_ms)
{
    Record__Change change = RECORD__CHANGE__INIT;

    if (txn->status != 0)
        return;
    change.when_ms = when_ms;
    change.records = txn->changes;
    change.n_records = txn->change_count;
    record_store(txn, DATABASE_CHANGES, record_key_number(&revision), record_pack(txn, &change.base),
                 MDB_APPEND);
    upgrade_set_revision(txn, revision);
}

void feed_write(struct store_txn *txn)
{
    if (txn->pair_changed)
        feed_write_as(txn, txn->revision, clock_wall_ms());
}

void feed_clear(struct store_txn *txn)
{
    int code = txn->status != 0 ? 0 : mdb_drop(txn->mdb, record_handle(txn, DATABASE_CHANGES), 0);

    if (code != 0)
        record_fail(txn, code, "write");
}

/* When an entry was written, without reading what may be a large one whole: it is the first field. */
static int64_t entry_time(const MDB_val *value)
{
    const uint8_t *bytes = value->mv_data;
    uint64_t when = 0;

    if (value->mv_size < 1 || bytes[0] != 0x08)
        return 0;
    for (size_t i = 1; i < value->mv_size && i <= 10; i++) {
        when |= (uint64_t)(bytes[i] & 0x7F) << (7 * (i - 1));
        if ((bytes[i] & 0x80) == 0)
            return (int64_t)when;
    }
    return 0;
}

void feed_trim(struct store_txn *txn, uint64_t kept, int64_t oldest_ms, unsigned most)
{
    uint64_t count = record_count(txn, DATABASE_CHANGES);
    MDB_cursor *cursor = record_cursor(txn, DATABASE_CHANGES);
    MDB_val key, value;

    while (cursor != NULL && most-- > 0 && record_cursor_move(txn, cursor, MDB_FIRST, &key, &value) &&
           (count > kept || entry_time(&value) < oldest_ms)) {
        int code = mdb_cursor_del(cursor, 0);

        if (code != 0)
            record_fail(txn, code, "write");
        count--;
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
}

/* The entry in the reader's form; false if it is none. */
static bool read_entry(struct arena *arena, const MDB_val *value, struct change *out)
{
    Record__Change *entry = record_unpack(arena, &record__change__descriptor, value->mv_data, value->mv_size);
    struct change_record *records;

    if (entry == NULL)
        return false;
    records = arena_alloc(arena, entry->n_records * sizeof(*records));
    if (records == NULL)
        return false;
    for (size_t i = 0; i < entry->n_records; i++) {
        const Record__ChangeRecord *from = entry->records[i];

        records[i].database = from->database;
        records[i].scope = from->scope == STORE_SCOPE_PAIR ? STORE_SCOPE_PAIR : STORE_SCOPE_NODE;
        records[i].key = from->key.data;
        records[i].key_length = from->key.len;
        records[i].value = NULL;
        records[i].value_length = from->has_value ? from->value.len : 0;
        if (from->has_value) /* a record of nothing but defaults has no bytes, and is there all the same */
            records[i].value = from->value.len > 0 ? from->value.data : (const uint8_t *)"";
    }
    out->when_ms = entry->when_ms;
    out->records = records;
    out->record_count = entry->n_records;
    return true;
}

bool feed_read(struct arena *arena, const void *bytes, size_t length, struct change *out)
{
    MDB_val value = record_key(bytes, length);

    return read_entry(arena, &value, out);
}

static int check_reach(struct store_txn *txn, uint64_t after, uint64_t revision, uint64_t *first,
                       struct error *err)
{
    *first = record_first_number(txn, DATABASE_CHANGES);
    if (record_status(txn, err) != 0)
        return -1;
    if (after > revision)
        return error_set(err, ERROR_CONFLICT, "revision %llu is ahead of this store, which is at %llu",
                         (unsigned long long)after, (unsigned long long)revision);
    if (after < revision && (*first == 0 || *first > after + 1))
        return error_set(err, ERROR_NOT_FOUND, "the changes after revision %llu are not kept any more",
                         (unsigned long long)after);
    return 0;
}

struct change_walk {
    int (*each)(void *arg, const struct change *change);
    void *arg;
};

static enum record_step change_row(void *arg, struct arena *scratch, const MDB_val *key, const MDB_val *value)
{
    const struct change_walk *walk = arg;
    struct change change = {.revision = record_number(key)};

    if (!read_entry(scratch, value, &change))
        return RECORD_DAMAGED;
    return walk->each(walk->arg, &change) != 0 ? RECORD_ENOUGH : RECORD_NEXT;
}

int change_each(struct store_txn *txn, uint64_t after, int (*each)(void *arg, const struct change *change),
                void *arg, struct error *err)
{
    uint64_t revision = upgrade_revision(txn);
    uint64_t start = after + 1;
    struct change_walk walk = {each, arg};
    uint64_t first;

    if (check_reach(txn, after, revision, &first, err) != 0)
        return -1;
    if (after == revision)
        return 0;
    return record_walk(txn, DATABASE_CHANGES, record_key_number(&start), change_row, &walk, err);
}

int change_each_kept(struct store_txn *txn, int (*each)(void *arg, const struct change *change), void *arg,
                     struct error *err)
{
    struct change_walk walk = {each, arg};
    uint64_t start = 0;

    return record_walk(txn, DATABASE_CHANGES, record_key_number(&start), change_row, &walk, err);
}
