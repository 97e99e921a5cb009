#include "store/audit.h"

#include "base/text.h"
#include "store/record.h"
#include "store/small_record.h"

#include <errno.h>
#include <string.h>

#define AUDIT_KEPT 1000000 /* entries */
#define AUDIT_TRIM_MOST 2  /* of the oldest, deleted with each new one */

bool audit_read(struct arena *arena, const void *bytes, size_t length, struct audit_entry *out)
{
    const Record__Audit *record = record_unpack(arena, &record__audit__descriptor, bytes, length);

    if (record == NULL)
        return false;
    out->when_ms = record->when_ms;
    out->user = record->user;
    out->role = record->role;
    out->origin = record->origin;
    out->line = record->line;
    out->result = record->result;
    out->message = record->message;
    out->method = record->method;
    out->settings = record->settings;
    return true;
}

/* Escaped into the transaction's arena. */
static char *escaped(struct store_txn *txn, const char *string)
{
    struct text text = {0};
    char *copy;

    if (string != NULL)
        text_add_escaped(&text, string, strlen(string), NULL);
    copy = text.failed ? NULL : arena_copy(&txn->arena, text.data, text.length);
    if (copy == NULL)
        record_fail(txn, ENOMEM, "write");
    else
        copy[text.length] = '\0';
    text_free(&text);
    return copy != NULL ? copy : (char *)(uintptr_t) "";
}

static void trim(struct store_txn *txn)
{
    uint64_t count = record_count(txn, DATABASE_AUDIT);

    for (int i = 0; i < AUDIT_TRIM_MOST && count > AUDIT_KEPT; i++, count--) {
        uint64_t oldest = record_first_number(txn, DATABASE_AUDIT);

        record_remove(txn, DATABASE_AUDIT, record_key_number(&oldest));
    }
}

int audit_append(struct store_txn *txn, const struct audit_entry *entry, struct error *err)
{
    Record__Audit record = RECORD__AUDIT__INIT;
    uint64_t number = record_last_number(txn, DATABASE_AUDIT) + 1;
    MDB_val key = record_key_number(&number);
    MDB_val value;

    record.when_ms = entry->when_ms;
    record.user = escaped(txn, entry->user);
    record.role = escaped(txn, entry->role);
    record.origin = escaped(txn, entry->origin);
    record.line = escaped(txn, entry->line);
    record.result = escaped(txn, entry->result);
    record.message = escaped(txn, entry->message);
    record.method = escaped(txn, entry->method);
    record.settings = escaped(txn, entry->settings);
    value = record_pack(txn, &record.base);
    record_store(txn, DATABASE_AUDIT, key, value, MDB_APPEND);
    record_note(txn, DATABASE_AUDIT, STORE_SCOPE_NODE, key, &value);
    trim(txn);
    return record_status(txn, err);
}

struct audit_walk {
    int (*each)(void *arg, const struct audit_entry *entry);
    void *arg;
};

static enum record_step audit_row(void *arg, struct arena *scratch, const MDB_val *key, const MDB_val *value)
{
    const struct audit_walk *walk = arg;
    struct audit_entry entry = {.number = record_number(key)};

    if (!audit_read(scratch, value->mv_data, value->mv_size, &entry))
        return RECORD_DAMAGED;
    return walk->each(walk->arg, &entry) != 0 ? RECORD_ENOUGH : RECORD_NEXT;
}

int audit_each(struct store_txn *txn, uint64_t count, int (*each)(void *arg, const struct audit_entry *entry),
               void *arg, struct error *err)
{
    uint64_t last = record_last_number(txn, DATABASE_AUDIT);
    uint64_t start = count == 0 || count >= last ? 1 : last - count + 1;
    struct audit_walk walk = {each, arg};

    return record_walk(txn, DATABASE_AUDIT, record_key_number(&start), audit_row, &walk, err);
}
