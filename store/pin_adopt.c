#include "store/pin_adopt.h"

#include "store/pin_copy.h"
#include "store/pin_record.h"

#include <errno.h>
#include <string.h>

/* What there is for a host: its number (0: nothing), its record, and what that says. */
struct place {
    uint64_t sequence;
    MDB_val record;
    struct pin_copy says;
};

static int find(struct store_txn *txn, const char *host, struct place *out, struct error *err)
{
    const char *text;
    size_t length;
    int found;

    *out = (struct place){0};
    found = pin_find_sequence(txn, host, &out->sequence, err);
    if (found <= 0)
        return found;
    if (record_get(txn, DATABASE_PINS, record_key_number(&out->sequence), &out->record) &&
        pin_copy_read(out->record.mv_data, out->record.mv_size, &out->says, &text, &length))
        return 0;
    return record_status(txn, err) != 0 ? -1 : record_damaged(txn, DATABASE_PINS, err);
}

/* The record with other values, in the transaction's arena; empty where the bytes are no pin, or memory ran
 * out. */
static MDB_val copy_with(struct store_txn *txn, const uint8_t *bytes, size_t length,
                         const struct pin_copy *with)
{
    MDB_val out = {.mv_data = arena_alloc(&txn->arena, length + PIN_COPY_MORE)};

    if (out.mv_data == NULL)
        record_fail(txn, ENOMEM, "write");
    else
        out.mv_size = pin_copy_write(bytes, length, with, out.mv_data);
    return out;
}

static void put(struct store_txn *txn, const char *host, uint64_t sequence, MDB_val record, bool is_new)
{
    Record__PinHost entry = RECORD__PIN_HOST__INIT;

    record_store(txn, DATABASE_PINS, record_key_number(&sequence), record, 0);
    if (!is_new)
        return;
    entry.sequence = sequence;
    record_store(txn, DATABASE_PIN_HOSTS, record_key_text(host), record_pack(txn, &entry.base), 0);
}

static bool is_pin_of(struct store_txn *txn, const char *host, const uint8_t *bytes, size_t length)
{
    struct pin pin;
    bool is = pin_record_read(&txn->row, bytes, length, &pin) && strcmp(pin.host, host) == 0;

    arena_reset(&txn->row);
    return is;
}

int pin_adopt(struct store_txn *txn, const char *host, const uint8_t *bytes, size_t length, struct error *err)
{
    struct pin_copy with = {.from_peer = true, .scope = STORE_SCOPE_PAIR};
    bool shadowed;
    struct place place;
    MDB_val record;

    if (!is_pin_of(txn, host, bytes, length))
        return error_set(err, ERROR_UNTRUSTED, "what came as the pin of %.260s is none", host);
    if (find(txn, host, &place, err) != 0)
        return -1;
    shadowed = place.sequence != 0 && place.says.scope == STORE_SCOPE_NODE;
    if (!shadowed)
        with.sequence = place.sequence != 0 ? place.sequence : record_last_number(txn, DATABASE_PINS) + 1;
    record = copy_with(txn, bytes, length, &with);
    if (record.mv_size == 0)
        return record_status(txn, err) != 0
                   ? -1
                   : error_set(err, ERROR_UNTRUSTED, "what came as the pin of %.260s is none", host);
    if (shadowed)
        record_store(txn, DATABASE_SHADOWED, record_key_text(host), record, 0);
    else
        put(txn, host, with.sequence, record, place.sequence == 0);
    record_note(txn, DATABASE_PINS, STORE_SCOPE_PAIR, record_key_text(host), &record);
    return record_status(txn, err);
}

int pin_adopt_deletion(struct store_txn *txn, const char *host, struct error *err)
{
    struct place place;

    if (find(txn, host, &place, err) != 0)
        return -1;
    record_remove(txn, DATABASE_SHADOWED, record_key_text(host));
    if (place.sequence != 0 && place.says.scope == STORE_SCOPE_PAIR) {
        record_remove(txn, DATABASE_PINS, record_key_number(&place.sequence));
        record_remove(txn, DATABASE_PIN_HOSTS, record_key_text(host));
        record_remove(txn, DATABASE_REFUSED, record_key_text(host));
    }
    record_note(txn, DATABASE_PINS, STORE_SCOPE_PAIR, record_key_text(host), NULL);
    return record_status(txn, err);
}

int pin_adopt_release(struct store_txn *txn, const char *host, struct error *err)
{
    struct pin_copy own;
    struct place place;
    MDB_val record;

    if (find(txn, host, &place, err) != 0)
        return -1;
    record_remove(txn, DATABASE_SHADOWED, record_key_text(host));
    if (place.sequence != 0 && place.says.scope == STORE_SCOPE_PAIR) {
        own = (struct pin_copy){.sequence = place.sequence, .scope = STORE_SCOPE_NODE};
        record = copy_with(txn, place.record.mv_data, place.record.mv_size, &own);
        if (record.mv_size > 0)
            put(txn, host, place.sequence, record, false);
    }
    record_note(txn, DATABASE_PINS, STORE_SCOPE_NODE, record_key_text(host), NULL);
    return record_status(txn, err);
}

/* The first one that is kept out of sight; its host comes into the transaction's arena. False: none. */
static bool first_shadowed(struct store_txn *txn, const char **host, MDB_val *record)
{
    MDB_cursor *cursor = record_cursor(txn, DATABASE_SHADOWED);
    MDB_val key;
    bool found = cursor != NULL && record_cursor_move(txn, cursor, MDB_FIRST, &key, record);

    if (found) {
        *host = arena_copy(&txn->arena, key.mv_data, key.mv_size);
        record->mv_data = arena_copy(&txn->arena, record->mv_data, record->mv_size);
        found = *host != NULL && record->mv_data != NULL;
        if (!found)
            record_fail(txn, ENOMEM, "read");
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return found;
}

int pin_adopt_shadowed(struct store_txn *txn, struct error *err)
{
    struct place place;
    const char *host;
    MDB_val record;

    while (first_shadowed(txn, &host, &record)) {
        record_remove(txn, DATABASE_SHADOWED, record_key_text(host));
        if (find(txn, host, &place, err) != 0)
            return -1;
        if (place.sequence != 0)
            record_note(txn, DATABASE_PINS, STORE_SCOPE_PAIR, record_key_text(host), NULL);
        else if (pin_adopt(txn, host, record.mv_data, record.mv_size, err) != 0)
            return -1;
    }
    return record_status(txn, err);
}

int pin_adopt_own(struct store_txn *txn, uint64_t sequence, const char *host, const MDB_val *record,
                  struct error *err)
{
    struct place place;
    void *copy;

    if (find(txn, host, &place, err) != 0)
        return -1;
    if (place.sequence != 0) {
        copy = arena_copy(&txn->arena, place.record.mv_data, place.record.mv_size);
        if (copy == NULL)
            record_fail(txn, ENOMEM, "write");
        else
            record_store(txn, DATABASE_SHADOWED, record_key_text(host),
                         record_key(copy, place.record.mv_size), 0);
        record_remove(txn, DATABASE_PINS, record_key_number(&place.sequence));
    }
    put(txn, host, sequence, *record, true);
    return record_status(txn, err);
}
