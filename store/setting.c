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
    enum store_scope old;
    const uint8_t *there;
    size_t there_length;

    /* the pair's, and now this node's own: the standby's copy becomes its own too */
    if (scope == STORE_SCOPE_NODE && get(txn, name, &old, &there, &there_length, NULL) == 0 &&
        old == STORE_SCOPE_PAIR)
        record_release(txn, DATABASE_SETTINGS, record_key_text(name));
    record.scope = scope;
    record.value.data = (uint8_t *)(uintptr_t)value;
    record.value.len = length;
    record_put(txn, DATABASE_SETTINGS, scope, record_key_text(name), &record.base);
    return record_status(txn, err);
}

int setting_scope(struct store_txn *txn, const char *name, enum store_scope *scope, struct error *err)
{
    const uint8_t *value;
    size_t length;

    return get(txn, name, scope, &value, &length, err);
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

struct setting_walk {
    struct store_txn *txn;
    const char *prefix;
    int (*each)(void *arg, const char *name, enum store_scope scope, const uint8_t *value, size_t length);
    void *arg;
};

static enum record_step setting_row(void *arg, struct arena *scratch, const MDB_val *key,
                                    const MDB_val *bytes)
{
    const struct setting_walk *walk = arg;
    struct arena *arena = &walk->txn->arena; /* what is given out lasts until the transaction ends */
    size_t prefix = strlen(walk->prefix);
    enum store_scope scope;
    const uint8_t *value;
    const char *name;
    size_t length;

    (void)scratch;
    if (key->mv_size < prefix || memcmp(key->mv_data, walk->prefix, prefix) != 0)
        return RECORD_ENOUGH;
    name = arena_copy(arena, (const char *)key->mv_data + prefix, key->mv_size - prefix);
    if (name == NULL) {
        record_fail(walk->txn, ENOMEM, "read");
        return RECORD_ENOUGH;
    }
    if (!setting_read(arena, bytes->mv_data, bytes->mv_size, &scope, &value, &length))
        return RECORD_DAMAGED;
    return walk->each(walk->arg, name, scope, value, length) == 0 ? RECORD_NEXT : RECORD_ENOUGH;
}

int setting_each(struct store_txn *txn, const char *prefix,
                 int (*each)(void *arg, const char *name, enum store_scope scope, const uint8_t *value,
                             size_t length),
                 void *arg, struct error *err)
{
    struct setting_walk walk = {.txn = txn, .prefix = prefix, .each = each, .arg = arg};

    return record_walk(txn, DATABASE_SETTINGS, record_key_text(prefix), setting_row, &walk, err);
}

int setting_is_on(struct store *store, const char *name, bool *on, struct error *err)
{
    struct store_txn *txn = store_read(store, err);
    struct error cause = {0};
    const uint8_t *value;
    size_t length;
    int result = 0;

    *on = false;
    if (txn == NULL)
        return -1;
    if (setting_get(txn, name, &value, &length, &cause) == 0) {
        *on = length == 1 && value[0] == '1';
    } else if (cause.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = cause;
        result = -1;
    }
    store_end(txn);
    return result;
}
