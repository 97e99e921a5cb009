#include "store/record.h"

#include "store/allocator.h"
#include "store/lmdb_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATUS_NOT_ACTIVE (-1) /* neither errno's nor LMDB's */

MDB_val record_key(const void *bytes, size_t length)
{
    return (MDB_val){.mv_size = length, .mv_data = (void *)(uintptr_t)bytes};
}

MDB_val record_key_text(const char *text)
{
    return record_key(text, strlen(text));
}

MDB_val record_key_number(const uint64_t *number)
{
    return record_key(number, sizeof(*number));
}

uint64_t record_number(const MDB_val *key)
{
    uint64_t number = 0;

    if (key->mv_size == sizeof(number))
        memcpy(&number, key->mv_data, sizeof(number));
    return number;
}

int record_fail(struct store_txn *txn, int code, const char *doing)
{
    if (txn->status == 0) {
        txn->status = code;
        txn->doing = doing;
    }
    return -1;
}

int record_not_active(const char *active_name, struct error *err)
{
    if (active_name == NULL || active_name[0] == '\0') {
        error_set(err, ERROR_NOT_ACTIVE,
                  "this node of the pair is not the active one, and changes what both have only there");
        return error_hint(err, "`ncs ha status` says which node is active");
    }
    return error_set(
        err, ERROR_NOT_ACTIVE,
        "this node is the standby of %.300s, the active node of the pair: make this change there",
        active_name);
}

int record_status(struct store_txn *txn, struct error *err)
{
    if (txn->status == 0)
        return 0;
    if (txn->status == STATUS_NOT_ACTIVE)
        return record_not_active(txn->active_name, err);
    return lmdb_error(err, txn->status, txn->doing, txn->environment->folder);
}

unsigned record_set(struct store_txn *txn)
{
    const Record__ReplicaSet *message;
    struct arena scratch = {0};
    MDB_val value;

    if (txn->set_is_known)
        return txn->set;
    txn->set_is_known = true;
    if (record_get(txn, DATABASE_META, record_key_text(RECORD_SET_KEY), &value)) {
        message = record_unpack(&scratch, &record__replica_set__descriptor, value.mv_data, value.mv_size);
        if (message == NULL || message->set >= ENVIRONMENT_SETS)
            record_fail(txn, MDB_CORRUPTED, "read");
        else
            txn->set = message->set;
    }
    arena_free(&scratch);
    return txn->set;
}

MDB_dbi record_handle(struct store_txn *txn, enum database database)
{
    unsigned set = environment_database_is_paired(database) ? record_set(txn) : 0;

    return txn->environment->databases[set][database];
}

bool record_get(struct store_txn *txn, enum database database, MDB_val key, MDB_val *value)
{
    int code;

    if (txn->status != 0 || key.mv_size == 0 || key.mv_size > RECORD_KEY_MOST)
        return false;
    code = mdb_get(txn->mdb, record_handle(txn, database), &key, value);
    if (code != 0 && code != MDB_NOTFOUND)
        record_fail(txn, code, "read");
    return code == 0;
}

MDB_val record_pack(struct store_txn *txn, const ProtobufCMessage *message)
{
    MDB_val value = {.mv_size = protobuf_c_message_get_packed_size(message)};

    value.mv_data = arena_alloc(&txn->arena, value.mv_size);
    if (value.mv_data == NULL)
        record_fail(txn, ENOMEM, "write");
    else
        protobuf_c_message_pack(message, value.mv_data);
    return value;
}

void record_store(struct store_txn *txn, enum database database, MDB_val key, MDB_val value, unsigned flags)
{
    int code;

    if (txn->status != 0)
        return;
    code = txn->writing ? mdb_put(txn->mdb, record_handle(txn, database), &key, &value, flags) : EACCES;
    if (code != 0)
        record_fail(txn, code, "write");
}

void record_remove(struct store_txn *txn, enum database database, MDB_val key)
{
    int code;

    if (txn->status != 0 || key.mv_size == 0 || key.mv_size > RECORD_KEY_MOST)
        return;
    code = txn->writing ? mdb_del(txn->mdb, record_handle(txn, database), &key, NULL) : EACCES;
    if (code != 0 && code != MDB_NOTFOUND)
        record_fail(txn, code, "write");
}

/* The list doubles whenever its length is a power of two. */
static bool make_room(struct store_txn *txn)
{
    size_t count = txn->change_count;
    Record__ChangeRecord **list;

    if ((count & (count - 1)) != 0)
        return true;
    list = arena_alloc(&txn->arena, (count == 0 ? 1 : 2 * count) * sizeof(*list));
    if (list == NULL)
        return false;
    if (count > 0)
        memcpy(list, txn->changes, count * sizeof(*list));
    txn->changes = list;
    return true;
}

static void note(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key,
                 const MDB_val *value)
{
    Record__ChangeRecord *record;
    void *key_copy;

    if (txn->status != 0)
        return;
    record = arena_alloc(&txn->arena, sizeof(*record));
    key_copy = arena_copy(&txn->arena, key.mv_data, key.mv_size);
    if (record == NULL || key_copy == NULL || !make_room(txn)) {
        record_fail(txn, ENOMEM, "write");
        return;
    }
    record__change_record__init(record);
    record->database = (char *)(uintptr_t)environment_database_name(database);
    record->scope = scope;
    record->key.data = key_copy;
    record->key.len = key.mv_size;
    if (value != NULL && scope == STORE_SCOPE_PAIR) {
        record->has_value = true;
        record->value.data = value->mv_data;
        record->value.len = value->mv_size;
    }
    txn->changes[txn->change_count++] = record;
}

/* A change of what the standby has too; only the active node may make one. */
static void change_pair(struct store_txn *txn)
{
    txn->pair_changed = true;
    if (txn->active_name == NULL || txn->status != 0)
        return;
    txn->status = STATUS_NOT_ACTIVE;
}

void record_note(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key,
                 const MDB_val *value)
{
    if (scope == STORE_SCOPE_PAIR)
        change_pair(txn);
    note(txn, database, scope, key, value);
}

void record_release(struct store_txn *txn, enum database database, MDB_val key)
{
    change_pair(txn);
    note(txn, database, STORE_SCOPE_NODE, key, NULL);
}

void record_put(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key,
                const ProtobufCMessage *message)
{
    MDB_val value = record_pack(txn, message);

    record_store(txn, database, key, value, 0);
    record_note(txn, database, scope, key, &value);
}

void record_delete(struct store_txn *txn, enum database database, enum store_scope scope, MDB_val key)
{
    record_remove(txn, database, key);
    record_note(txn, database, scope, key, NULL);
}

static uint64_t number_at(struct store_txn *txn, enum database database, MDB_cursor_op end)
{
    MDB_cursor *cursor = record_cursor(txn, database);
    uint64_t number = 0;
    MDB_val key, value;

    if (cursor == NULL)
        return 0;
    if (record_cursor_move(txn, cursor, end, &key, &value))
        number = record_number(&key);
    mdb_cursor_close(cursor);
    return number;
}

uint64_t record_first_number(struct store_txn *txn, enum database database)
{
    return number_at(txn, database, MDB_FIRST);
}

uint64_t record_last_number(struct store_txn *txn, enum database database)
{
    return number_at(txn, database, MDB_LAST);
}

uint64_t record_count(struct store_txn *txn, enum database database)
{
    MDB_stat stat = {0};
    int code = txn->status != 0 ? 0 : mdb_stat(txn->mdb, record_handle(txn, database), &stat);

    if (code != 0)
        record_fail(txn, code, "read");
    return stat.ms_entries;
}

MDB_cursor *record_cursor(struct store_txn *txn, enum database database)
{
    MDB_cursor *cursor = NULL;
    int code;

    if (txn->status != 0)
        return NULL;
    code = mdb_cursor_open(txn->mdb, record_handle(txn, database), &cursor);
    if (code != 0)
        record_fail(txn, code, "read");
    return code == 0 ? cursor : NULL;
}

bool record_cursor_move(struct store_txn *txn, MDB_cursor *cursor, MDB_cursor_op move, MDB_val *key,
                        MDB_val *value)
{
    int code;

    if (txn->status != 0)
        return false;
    code = mdb_cursor_get(cursor, key, value, move);
    if (code != 0 && code != MDB_NOTFOUND)
        record_fail(txn, code, "read");
    return code == 0;
}

int record_walk(struct store_txn *txn, enum database database, MDB_val start, record_row row, void *arg,
                struct error *err)
{
    MDB_cursor *cursor = record_cursor(txn, database);
    MDB_cursor_op move = MDB_SET_RANGE;
    enum record_step step = RECORD_NEXT;
    struct arena scratch = {0};
    MDB_val key = start;
    MDB_val value;

    while (step == RECORD_NEXT && cursor != NULL && record_cursor_move(txn, cursor, move, &key, &value)) {
        step = row(arg, &scratch, &key, &value);
        arena_reset(&scratch);
        move = MDB_NEXT;
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    arena_free(&scratch);
    return step == RECORD_DAMAGED ? record_damaged(txn, database, err) : record_status(txn, err);
}

void *record_unpack(struct arena *arena, const ProtobufCMessageDescriptor *kind, const void *bytes,
                    size_t length)
{
    ProtobufCAllocator allocator = allocator_of(arena);

    return protobuf_c_message_unpack(kind, &allocator, length, bytes);
}

bool record_sha256(const ProtobufCBinaryData *field, uint8_t out[32])
{
    bool whole = field->len == 32;

    memset(out, 0, 32);
    if (whole)
        memcpy(out, field->data, 32);
    return whole;
}

int record_damaged(struct store_txn *txn, enum database database, struct error *err)
{
    char what[100];

    snprintf(what, sizeof(what), "a record in \"%s\" cannot be read", environment_database_name(database));
    return lmdb_error_damaged(err, txn->environment->folder, what);
}
