#include "store/purpose_end.h"

#include "store/record.h"
#include "store/setting.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "purpose-end/"
#define NAME_MOST 80 /* bytes of a setting's name here */

static int read_value(struct store_txn *txn, const uint8_t *value, size_t length, struct purpose_end *out,
                      struct error *err)
{
    const Record__PurposeEnd *record =
        record_unpack(&txn->arena, &record__purpose_end__descriptor, value, length);

    if (record == NULL)
        return record_damaged(txn, DATABASE_SETTINGS, err);
    out->subject_slash = record->subject_slash;
    out->not_after_ms = record->not_after_ms;
    out->since_ms = record->since_ms;
    return 0;
}

static bool is_noted(struct store_txn *txn, const char *name, const struct purpose_end *end)
{
    struct error cause = {0};
    struct purpose_end there = {0};
    const uint8_t *value;
    size_t length;

    return setting_get(txn, name, &value, &length, &cause) == 0 &&
           read_value(txn, value, length, &there, &cause) == 0 && there.not_after_ms == end->not_after_ms &&
           strcmp(there.subject_slash, end->subject_slash) == 0;
}

int purpose_end_set(struct store_txn *txn, const struct purpose_end *end, struct error *err)
{
    Record__PurposeEnd record = RECORD__PURPOSE_END__INIT;
    char name[NAME_MOST];
    MDB_val value;

    if (snprintf(name, sizeof(name), PREFIX "%s", end->purpose) >= NAME_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the name %.60s... is too long", end->purpose);
    if (is_noted(txn, name, end))
        return 0;
    record.subject_slash = (char *)(uintptr_t)end->subject_slash;
    record.not_after_ms = end->not_after_ms;
    record.since_ms = end->since_ms;
    value = record_pack(txn, &record.base);
    if (record_status(txn, err) != 0)
        return -1;
    return setting_set(txn, name, STORE_SCOPE_NODE, value.mv_data, value.mv_size, err);
}

struct walk {
    struct store_txn *txn;
    int (*each)(void *arg, const struct purpose_end *end);
    void *arg;
    struct error *err;
    int result;
};

static int take(void *arg, const char *name, enum store_scope scope, const uint8_t *value, size_t length)
{
    struct walk *walk = arg;
    struct purpose_end end = {.purpose = name};

    (void)scope;
    walk->result = read_value(walk->txn, value, length, &end, walk->err);
    return walk->result != 0 ? -1 : walk->each(walk->arg, &end);
}

int purpose_end_each(struct store_txn *txn, int (*each)(void *arg, const struct purpose_end *end), void *arg,
                     struct error *err)
{
    struct walk walk = {.txn = txn, .each = each, .arg = arg, .err = err};

    return setting_each(txn, PREFIX, take, &walk, err) != 0 ? -1 : walk.result;
}
