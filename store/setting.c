#include "store/setting.h"

#include "store/record.h"
#include "store/small_record.h"

#include <errno.h>
#include <string.h>

bool setting_read(struct arena *arena, const void *bytes, size_t length, enum store_scope *scope,
                  const uint8_t **value, size_t *value_length)
{
    const Record__Setting *record = record_unpack(arena, &record__setting__descriptor, bytes, length);

    if (record == NULL || record->scope > STORE_SCOPE_PAIR)
        return false;
    *scope = (enum store_scope)record->scope;
    *value = record->value.len > 0 ? record->value.data : (const uint8_t *)"";
    *value_length = record->value.len;
    return true;
}

static int get(struct store_txn *txn, const char *name, enum store_scope *scope, const uint8_t **value,
               size_t *length, struct error *err)
{
    MDB_val bytes;

    if (record_get(txn, DATABASE_SETTINGS, record_key_text(name), &bytes))
        return setting_read(&txn->arena, bytes.mv_data, bytes.mv_size, scope, value, length)
                   ? 0
                   : record_damaged(txn, DATABASE_SETTINGS, err);
    if (record_status(txn, err) != 0)
        return -1;
    return error_set(err, ERROR_NOT_FOUND, "\"%.200s\" is not set", name);
}

int setting_get(struct store_txn *txn, const char *name, const uint8_t **value, size_t *length,
                struct error *err)
{
    enum store_scope scope;

    return get(txn, name, &scope, value, length, err);
}

int setting_set(struct store_txn *txn, const char *name, enum store_scope scope, const void *value,
                size_t length, struct error *err)
{
    Record__Setting record = RECORD__SETTING__INIT;

    record.scope = scope;
    record.value.data = (uint8_t *)(uintptr_t)value;
    record.value.len = length;
    record_put(txn, DATABASE_SETTINGS, scope, record_key_text(name), &record.base);
    return record_status(txn, err);
}

int setting_delete(struct store_txn *txn, const char *name, struct error *err)
{
    enum store_scope scope;
    const uint8_t *value;
    size_t length;

    if (get(txn, name, &scope, &value, &length, err) != 0)
        return -1;
    record_delete(txn, DATABASE_SETTINGS, scope, record_key_text(name));
    return record_status(txn, err);
}

int setting_each(struct store_txn *txn, const char *prefix,
                 int (*each)(void *arg, const char *name, enum store_scope scope, const uint8_t *value,
                             size_t length),
                 void *arg, struct error *err)
{
    size_t prefix_length = strlen(prefix);
    MDB_cursor *cursor = record_cursor(txn, DATABASE_SETTINGS);
    MDB_cursor_op move = MDB_SET_RANGE;
    MDB_val key = record_key_text(prefix);
    MDB_val bytes;
    int result = 0;

    while (cursor != NULL && record_cursor_move(txn, cursor, move, &key, &bytes)) {
        enum store_scope scope;
        const uint8_t *value;
        const char *name;
        size_t length;

        if (key.mv_size < prefix_length || memcmp(key.mv_data, prefix, prefix_length) != 0)
            break;
        name =
            arena_copy(&txn->arena, (const char *)key.mv_data + prefix_length, key.mv_size - prefix_length);
        if (name == NULL) {
            record_fail(txn, ENOMEM, "read");
            break;
        }
        if (!setting_read(&txn->arena, bytes.mv_data, bytes.mv_size, &scope, &value, &length)) {
            result = record_damaged(txn, DATABASE_SETTINGS, err);
            break;
        }
        if (each(arg, name, scope, value, length) != 0)
            break;
        move = MDB_NEXT;
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return result != 0 ? result : record_status(txn, err);
}
