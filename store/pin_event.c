#include "store/pin.h"
#include "store/pin_record.h"
#include "store/record.h"

#include <string.h>

#define PIN_EVENTS_KEPT \
    1000 /* of one host: somebody who shows ever new certificates must not fill the disk */
#define EVENT_KEY_MAX (HOST_PORT_TEXT_MAX + 8)

static const char *const names[PIN_EVENTS] = {
    [PIN_EVENT_FIRST_USE] = "first-use", [PIN_EVENT_ADDED] = "added",
    [PIN_EVENT_ACCEPTED] = "accepted",   [PIN_EVENT_DELETED] = "deleted",
    [PIN_EVENT_REFUSED] = "refused",     [PIN_EVENT_SELF_RENEWED] = "self-renewed",
    [PIN_EVENT_IMPORTED] = "imported",
};

const char *pin_event_name(enum pin_event_kind kind)
{
    return (unsigned)kind < PIN_EVENTS ? names[kind] : "unknown";
}

static bool read_optional_sha256(const ProtobufCBinaryData *field, uint8_t out[FINGERPRINT_SIZE])
{
    return record_sha256(field, out) || field->len == 0;
}

bool pin_event_read(struct arena *arena, const void *bytes, size_t length, struct pin_event *out)
{
    const Record__PinEvent *record = record_unpack(arena, &record__pin_event__descriptor, bytes, length);

    if (record == NULL || record->kind >= PIN_EVENTS ||
        !read_optional_sha256(&record->old_sha256, out->old_sha256) ||
        !read_optional_sha256(&record->new_sha256, out->new_sha256))
        return false;
    out->kind = (enum pin_event_kind)record->kind;
    out->when_ms = record->when_ms;
    out->who = record->who;
    out->why = record->why;
    return true;
}

/* A host's events lie together, in their order: host, NUL, number in big-endian. */
static MDB_val event_key(const char *host, uint64_t number, char out[EVENT_KEY_MAX])
{
    size_t length = strnlen(host, HOST_PORT_TEXT_MAX - 1);

    memcpy(out, host, length);
    out[length] = '\0';
    for (unsigned i = 0; i < 8; i++)
        out[length + 1 + i] = (char)(number >> (56 - 8 * i));
    return record_key(out, length + 9);
}

/* The number in the key, or 0 if it is another host's. */
static uint64_t event_number(const MDB_val *key, const char *host)
{
    size_t length = strlen(host);
    const uint8_t *bytes = key->mv_data;
    uint64_t number = 0;

    if (key->mv_size != length + 9 || memcmp(bytes, host, length + 1) != 0)
        return 0;
    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | bytes[length + 1 + i];
    return number;
}

/* The first number that is at least `from`; 0: none. */
static uint64_t next_number(struct store_txn *txn, MDB_cursor *cursor, const char *host, uint64_t from)
{
    char bytes[EVENT_KEY_MAX];
    MDB_val key = event_key(host, from, bytes);
    MDB_val value;

    return record_cursor_move(txn, cursor, MDB_SET_RANGE, &key, &value) ? event_number(&key, host) : 0;
}

static uint64_t last_number(struct store_txn *txn, MDB_cursor *cursor, const char *host)
{
    char bytes[EVENT_KEY_MAX];
    MDB_val key = event_key(host, UINT64_MAX, bytes);
    MDB_val value;
    bool behind = record_cursor_move(txn, cursor, MDB_SET_RANGE, &key, &value);

    if (txn->status != 0 || !record_cursor_move(txn, cursor, behind ? MDB_PREV : MDB_LAST, &key, &value))
        return 0;
    return event_number(&key, host);
}

/* Lets the oldest go when there are too many, but never the first of all: how the pin came to be. */
static void trim(struct store_txn *txn, MDB_cursor *cursor, const char *host, uint64_t last)
{
    char bytes[EVENT_KEY_MAX];
    uint64_t oldest = last > PIN_EVENTS_KEPT ? next_number(txn, cursor, host, 2) : 0;

    if (oldest != 0 && last - oldest + 1 > PIN_EVENTS_KEPT)
        record_remove(txn, DATABASE_PIN_EVENTS, event_key(host, oldest, bytes));
}

static ProtobufCBinaryData optional_sha256(const uint8_t sha256[FINGERPRINT_SIZE])
{
    static const uint8_t none[FINGERPRINT_SIZE];
    bool there = memcmp(sha256, none, sizeof(none)) != 0;

    return (ProtobufCBinaryData){.len = there ? FINGERPRINT_SIZE : 0, .data = (uint8_t *)(uintptr_t)sha256};
}

int pin_event_append(struct store_txn *txn, const char *host, const struct pin_event *event,
                     struct error *err)
{
    Record__PinEvent record = RECORD__PIN_EVENT__INIT;
    char bytes[EVENT_KEY_MAX];
    MDB_cursor *cursor;
    uint64_t last;

    if (host[0] == '\0' || strlen(host) >= HOST_PORT_TEXT_MAX || (unsigned)event->kind >= PIN_EVENTS)
        return error_set(err, ERROR_INVALID_ARGUMENT, "no such event of a pin");
    cursor = record_cursor(txn, DATABASE_PIN_EVENTS);
    if (cursor == NULL)
        return record_status(txn, err);
    last = last_number(txn, cursor, host) + 1;
    record.kind = event->kind;
    record.when_ms = event->when_ms;
    record.who = (char *)(uintptr_t)(event->who != NULL ? event->who : "");
    record.why = (char *)(uintptr_t)(event->why != NULL ? event->why : "");
    record.old_sha256 = optional_sha256(event->old_sha256);
    record.new_sha256 = optional_sha256(event->new_sha256);
    trim(txn, cursor, host, last);
    mdb_cursor_close(cursor);
    record_put(txn, DATABASE_PIN_EVENTS, STORE_SCOPE_NODE, event_key(host, last, bytes), &record.base);
    return record_status(txn, err);
}

struct event_walk {
    const char *host;
    int (*each)(void *arg, const struct pin_event *event);
    void *arg;
};

static enum record_step event_row(void *arg, struct arena *scratch, const MDB_val *key, const MDB_val *value)
{
    const struct event_walk *walk = arg;
    struct pin_event event;

    if (event_number(key, walk->host) == 0)
        return RECORD_ENOUGH; /* the next host's */
    if (!pin_event_read(scratch, value->mv_data, value->mv_size, &event))
        return RECORD_DAMAGED;
    return walk->each(walk->arg, &event) != 0 ? RECORD_ENOUGH : RECORD_NEXT;
}

int pin_event_each(struct store_txn *txn, const char *host,
                   int (*each)(void *arg, const struct pin_event *event), void *arg, struct error *err)
{
    struct event_walk walk = {host, each, arg};
    char bytes[EVENT_KEY_MAX];

    return record_walk(txn, DATABASE_PIN_EVENTS, event_key(host, 0, bytes), event_row, &walk, err);
}
