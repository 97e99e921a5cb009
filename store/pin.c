#include "store/pin.h"

#include "store/certificate.h"
#include "store/lmdb_error.h"
#include "store/pin_copy.h"
#include "store/pin_record.h"
#include "store/pin_row.h"
#include "store/pin_subject.h"
#include "store/record.h"
#include "store/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN_HOST_SEQUENCE 1 /* number of the field */

#define PREFETCH_ROWS 3    /* how far ahead a listing asks for memory */
#define PREFETCH_LINES 3   /* of a record: host and subject */
#define CACHE_LINE_SIZE 64 /* bytes */
#define NODE_OVERHEAD 16   /* bytes that LMDB adds to a record here: its header and the key */

static bool read_accepted(const Record__Pin *record, struct pin *out)
{
    if (record->n_accepted > PIN_ACCEPTED_MAX)
        return false;
    for (size_t i = 0; i < record->n_accepted; i++) {
        const Record__Fingerprint *from = record->accepted[i];

        if (from->kind > PIN_KEY || from->state > PIN_RETIRED ||
            !record_sha256(&from->sha256, out->accepted[i].sha256))
            return false;
        out->accepted[i].kind = (enum pin_kind)from->kind;
        out->accepted[i].state = (enum pin_state)from->state;
    }
    out->accepted_count = record->n_accepted;
    return true;
}

bool pin_record_read(struct arena *arena, const void *bytes, size_t length, struct pin *out)
{
    const Record__Pin *record = record_unpack(arena, &record__pin__descriptor, bytes, length);

    memset(out, 0, sizeof(*out));
    if (record == NULL || record->host[0] == '\0' || strlen(record->host) >= HOST_PORT_TEXT_MAX ||
        record->zone >= TRUST_ZONES || record->scope > STORE_SCOPE_PAIR || !read_accepted(record, out) ||
        !(record_sha256(&record->certificate, out->certificate) || record->certificate.len == 0))
        return false;
    if (record->certificate.len == 0 && out->accepted_count > 0)
        memcpy(out->certificate, out->accepted[0].sha256, FINGERPRINT_SIZE);
    snprintf(out->host, sizeof(out->host), "%s", record->host);
    out->sequence = record->sequence;
    out->zone = (enum trust_zone)record->zone;
    out->scope = (enum store_scope)record->scope;
    out->from_peer = record->from_peer;
    out->first_seen_ms = record->first_seen_ms;
    out->last_seen_ms = record->last_seen_ms;
    out->subject_slash = record->subject_slash;
    out->subject_oneline = record->subject_oneline;
    out->not_after_ms = record->not_after_ms;
    return true;
}

/* True if the one-line form need not be kept: it can be made of the slash form. */
static bool is_derived(const struct pin *pin)
{
    struct text oneline = {0};
    bool derived;

    if (pin->subject_slash == NULL || pin->subject_oneline == NULL || pin->subject_oneline[0] == '\0')
        return true;
    pin_subject_oneline(pin->subject_slash, strlen(pin->subject_slash), &oneline);
    derived = !oneline.failed && strcmp(oneline.length > 0 ? oneline.data : "", pin->subject_oneline) == 0;
    text_free(&oneline);
    return derived;
}

/* Packs a pin; the value lives in the transaction's arena. */
static MDB_val pack_pin(struct store_txn *txn, const struct pin *pin)
{
    Record__Fingerprint prints[PIN_ACCEPTED_MAX];
    Record__Fingerprint *list[PIN_ACCEPTED_MAX];
    Record__Pin record = RECORD__PIN__INIT;

    for (size_t i = 0; i < pin->accepted_count; i++) {
        record__fingerprint__init(&prints[i]);
        prints[i].kind = pin->accepted[i].kind;
        prints[i].state = pin->accepted[i].state;
        prints[i].sha256.data = (uint8_t *)(uintptr_t)pin->accepted[i].sha256;
        prints[i].sha256.len = FINGERPRINT_SIZE;
        list[i] = &prints[i];
    }
    record.host = (char *)(uintptr_t)pin->host;
    record.subject_slash = (char *)(uintptr_t)(pin->subject_slash != NULL ? pin->subject_slash : "");
    /* a third of the record less to be read by every listing */
    record.subject_oneline = (char *)(uintptr_t)(is_derived(pin) ? "" : pin->subject_oneline);
    record.from_peer = pin->from_peer;
    record.sequence = pin->sequence;
    record.zone = pin->zone;
    record.scope = pin->scope;
    record.first_seen_ms = pin->first_seen_ms;
    record.last_seen_ms = pin->last_seen_ms;
    record.accepted = list;
    record.n_accepted = pin->accepted_count;
    record.certificate.data = (uint8_t *)(uintptr_t)pin->certificate;
    /* Mostly it is the accepted one: a tenth of the record less to be read by every listing. */
    if (pin->accepted_count == 0 || memcmp(pin->certificate, pin->accepted[0].sha256, FINGERPRINT_SIZE) != 0)
        record.certificate.len = FINGERPRINT_SIZE;
    record.not_after_ms = pin->not_after_ms;
    return record_pack(txn, &record.base);
}

static int check_pin(const struct pin *pin, struct error *err)
{
    if (pin->host[0] == '\0' || memchr(pin->host, '\0', sizeof(pin->host)) == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a pin needs the name of a host");
    if (pin->accepted_count > PIN_ACCEPTED_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the pin of %s accepts more than %d fingerprints",
                         pin->host, PIN_ACCEPTED_MAX);
    return 0;
}

int pin_find_sequence(struct store_txn *txn, const char *host, uint64_t *sequence, struct error *err)
{
    MDB_val value;

    if (!record_get(txn, DATABASE_PIN_HOSTS, record_key_text(host), &value))
        return record_status(txn, err);
    return wire_number(value.mv_data, value.mv_size, PIN_HOST_SEQUENCE, sequence)
               ? 1
               : record_damaged(txn, DATABASE_PIN_HOSTS, err);
}

static int no_pin(const char *host, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "there is no pin for %.260s", host);
}

static int find_record(struct store_txn *txn, const char *host, uint64_t *sequence, MDB_val *value,
                       struct error *err)
{
    int found = pin_find_sequence(txn, host, sequence, err);

    if (found <= 0)
        return found == 0 ? no_pin(host, err) : -1;
    if (record_get(txn, DATABASE_PINS, record_key_number(sequence), value))
        return 0;
    return record_status(txn, err) == 0 ? record_damaged(txn, DATABASE_PIN_HOSTS, err) : -1;
}

int pin_get(struct store_txn *txn, const char *host, struct pin *out, struct error *err)
{
    uint64_t sequence;
    MDB_val value;

    if (find_record(txn, host, &sequence, &value, err) != 0)
        return -1;
    if (!pin_record_read(&txn->arena, value.mv_data, value.mv_size, out) || strcmp(out->host, host) != 0)
        return record_damaged(txn, DATABASE_PINS, err);
    out->sequence = sequence;
    return 0;
}

int pin_look(struct store_txn *txn, const char *host, struct pin *out, struct error *err)
{
    uint64_t sequence;
    MDB_val value;

    if (find_record(txn, host, &sequence, &value, err) != 0)
        return -1;
    if (!pin_record_look(value.mv_data, value.mv_size, out) || strcmp(out->host, host) != 0)
        return record_damaged(txn, DATABASE_PINS, err);
    out->sequence = sequence;
    return 0;
}

/* The feed names a pin by its host: sequences are each node's own. */
static void note_pin(struct store_txn *txn, const char *host, enum store_scope scope, const MDB_val *value)
{
    record_note(txn, DATABASE_PINS, scope, record_key_text(host), value);
}

/* What a pin of the pair refers to travels along. */
static void share_certificates(struct store_txn *txn, const struct pin *pin)
{
    if (pin->scope != STORE_SCOPE_PAIR)
        return;
    certificate_share(txn, pin->certificate);
    for (size_t i = 0; i < pin->accepted_count; i++) {
        if (pin->accepted[i].kind == PIN_CERTIFICATE &&
            memcmp(pin->accepted[i].sha256, pin->certificate, FINGERPRINT_SIZE) != 0)
            certificate_share(txn, pin->accepted[i].sha256);
    }
}

/*
 * The pair's pin of a host becomes this node's own: it met itself, or its peer. The active node lets the
 * pair's go; a standby cannot, and keeps it out of sight.
 */
static void take_over(struct store_txn *txn, const char *host, const MDB_val *old)
{
    void *copy;

    if (txn->active_name == NULL) {
        record_release(txn, DATABASE_PINS, record_key_text(host));
        return;
    }
    copy = arena_copy(&txn->arena, old->mv_data, old->mv_size); /* the page may move */
    if (copy == NULL)
        record_fail(txn, ENOMEM, "write");
    else
        record_store(txn, DATABASE_SHADOWED, record_key_text(host), record_key(copy, old->mv_size), 0);
}

int pin_add(struct store_txn *txn, struct pin *pin, struct error *err)
{
    Record__PinHost entry = RECORD__PIN_HOST__INIT;
    uint64_t sequence;
    MDB_val value;
    int found;

    if (check_pin(pin, err) != 0)
        return -1;
    found = pin_find_sequence(txn, pin->host, &sequence, err);
    if (found != 0)
        return found < 0 ? -1 : error_set(err, ERROR_CONFLICT, "%s has a pin already", pin->host);
    pin->sequence = record_last_number(txn, DATABASE_PINS) + 1;
    entry.sequence = pin->sequence;
    value = pack_pin(txn, pin);
    record_store(txn, DATABASE_PINS, record_key_number(&pin->sequence), value, MDB_APPEND);
    record_store(txn, DATABASE_PIN_HOSTS, record_key_text(pin->host), record_pack(txn, &entry.base), 0);
    note_pin(txn, pin->host, pin->scope, &value);
    share_certificates(txn, pin);
    return record_status(txn, err);
}

int pin_update(struct store_txn *txn, const struct pin *pin, struct error *err)
{
    struct pin copy = *pin;
    struct pin_copy before = {.scope = pin->scope};
    const char *host;
    size_t length;
    MDB_val value;
    int found;

    if (check_pin(pin, err) != 0)
        return -1;
    found = pin_find_sequence(txn, pin->host, &copy.sequence, err);
    if (found <= 0)
        return found == 0 ? no_pin(pin->host, err) : -1;
    if (record_get(txn, DATABASE_PINS, record_key_number(&copy.sequence), &value) &&
        !pin_copy_read(value.mv_data, value.mv_size, &before, &host, &length))
        return record_damaged(txn, DATABASE_PINS, err);
    if (before.scope == STORE_SCOPE_PAIR && pin->scope == STORE_SCOPE_NODE)
        take_over(txn, pin->host, &value);
    value = pack_pin(txn, &copy);
    record_store(txn, DATABASE_PINS, record_key_number(&copy.sequence), value, 0);
    note_pin(txn, pin->host, pin->scope, &value);
    share_certificates(txn, pin);
    return record_status(txn, err);
}

int pin_delete(struct store_txn *txn, const char *host, struct error *err)
{
    struct pin pin;

    if (pin_get(txn, host, &pin, err) != 0)
        return -1;
    record_remove(txn, DATABASE_PINS, record_key_number(&pin.sequence));
    record_remove(txn, DATABASE_PIN_HOSTS, record_key_text(host));
    note_pin(txn, host, pin.scope, NULL);
    return pin_refused_clear(txn, host, err);
}

struct pin_cursor {
    struct store_txn *txn;
    MDB_cursor *cursor;
};

struct pin_cursor *pin_cursor_open(struct store_txn *txn, struct error *err)
{
    struct pin_cursor *cursor = malloc(sizeof(*cursor));

    if (cursor == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    cursor->txn = txn;
    cursor->cursor = record_cursor(txn, DATABASE_PINS);
    if (cursor->cursor != NULL)
        return cursor;
    record_status(txn, err);
    free(cursor);
    return NULL;
}

void pin_cursor_close(struct pin_cursor *cursor)
{
    if (cursor == NULL)
        return;
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

/*
 * LMDB fills a page from its end: the records that come next lie before this one, at about their lengths'
 * distance. Asking for them now hides most of the memory's delay, which is most of the time a row takes. A
 * wrong guess costs nothing: a prefetch cannot fault.
 */
static inline void prefetch_rows(const MDB_val *value)
{
    uintptr_t ahead = (uintptr_t)value->mv_data - PREFETCH_ROWS * (value->mv_size + NODE_OVERHEAD);

    for (unsigned i = 0; i < PREFETCH_LINES; i++)
        __builtin_prefetch((const void *)(ahead + i * CACHE_LINE_SIZE));
}

int pin_cursor_next(struct pin_cursor *cursor, struct pin_row *out, struct error *err)
{
    MDB_val key, value;
    int code = mdb_cursor_get(cursor->cursor, &key, &value, MDB_NEXT);

    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return lmdb_error(err, code, "read", cursor->txn->environment->folder);
    prefetch_rows(&value);
    if (!pin_row_read(value.mv_data, value.mv_size, out))
        return record_damaged(cursor->txn, DATABASE_PINS, err);
    return 1;
}

void pin_row_oneline(const struct pin_row *row, struct text *out)
{
    if (row->subject_oneline_length > 0)
        text_add(out, row->subject_oneline, row->subject_oneline_length);
    else
        pin_subject_oneline(row->subject_slash, row->subject_slash_length, out);
}

int pin_decode(struct store_txn *txn, const struct pin_row *row, struct pin *out, struct error *err)
{
    arena_reset(&txn->row);
    if (!pin_record_read(&txn->row, row->record, row->record_length, out))
        return record_damaged(txn, DATABASE_PINS, err);
    return 0;
}
