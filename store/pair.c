#include "store/pair.h"

#include "store/record.h"
#include "store/setting.h"

#include <stdio.h>
#include <string.h>

#define RECORD_NAME "ha/pair"
#define HISTORY_NAME "ha/history"
#define REGISTRATION_NAME "ha/registration"
#define COPY(field, text) snprintf(field, sizeof(field), "%s", text)

static const char *const key_names[] = {
    [PAIR_KEY_AUTHENTICATION] = "ha/authentication-key",
    [PAIR_KEY_PAIR] = "ha/pair-key",
};

/* protobuf-c has no const. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* *message is NULL where there is no such setting. */
static int read_message(struct store_txn *txn, const char *name, const ProtobufCMessageDescriptor *kind,
                        void **message, struct error *err)
{
    struct error cause = {0};
    const uint8_t *value;
    size_t length;

    *message = NULL;
    if (setting_get(txn, name, &value, &length, &cause) != 0) {
        if (cause.code == ERROR_NOT_FOUND)
            return 0;
        if (err != NULL)
            *err = cause;
        return -1;
    }
    *message = record_unpack(&txn->arena, kind, value, length);
    return *message != NULL ? 0 : record_damaged(txn, DATABASE_SETTINGS, err);
}

static int write_message(struct store_txn *txn, const char *name, const ProtobufCMessage *message,
                         struct error *err)
{
    MDB_val packed = record_pack(txn, message);

    if (record_status(txn, err) != 0)
        return -1;
    return setting_set(txn, name, STORE_SCOPE_NODE, packed.mv_data, packed.mv_size, err);
}

static int delete_if_there(struct store_txn *txn, const char *name, struct error *err)
{
    struct error cause = {0};

    if (setting_delete(txn, name, &cause) == 0 || cause.code == ERROR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = cause;
    return -1;
}

int pair_record_get(struct store_txn *txn, struct pair_record *out, struct error *err)
{
    const Record__Pair *record;
    void *message;

    memset(out, 0, sizeof(*out));
    if (read_message(txn, RECORD_NAME, &record__pair__descriptor, &message, err) != 0)
        return -1;
    record = message;
    if (record == NULL)
        return 0;
    COPY(out->state, record->state);
    out->since_ms = record->since_ms;
    COPY(out->reason, record->reason);
    COPY(out->peer_address, record->peer_address);
    COPY(out->peer_name, record->peer_name);
    COPY(out->peer_node, record->peer_node);
    COPY(out->line, record->line);
    out->epoch = record->epoch;
    out->confirmed = record->confirmed;
    out->must_ask = record->must_ask;
    out->form.automatic = record->automatic;
    COPY(out->form.email, record->email);
    COPY(out->form.ipv4, record->ipv4);
    COPY(out->form.ipv6, record->ipv6);
    return 0;
}

int pair_record_set(struct store_txn *txn, const struct pair_record *from, struct error *err)
{
    Record__Pair record = RECORD__PAIR__INIT;

    record.state = text_of(from->state);
    record.since_ms = from->since_ms;
    record.reason = text_of(from->reason);
    record.peer_address = text_of(from->peer_address);
    record.peer_name = text_of(from->peer_name);
    record.peer_node = text_of(from->peer_node);
    record.line = text_of(from->line);
    record.epoch = from->epoch;
    record.confirmed = from->confirmed;
    record.must_ask = from->must_ask;
    record.automatic = from->form.automatic;
    record.email = text_of(from->form.email);
    record.ipv4 = text_of(from->form.ipv4);
    record.ipv6 = text_of(from->form.ipv6);
    return write_message(txn, RECORD_NAME, &record.base, err);
}

int pair_record_delete(struct store_txn *txn, struct error *err)
{
    return delete_if_there(txn, RECORD_NAME, err);
}

/* ---- history ---- */

int pair_event_append(struct store_txn *txn, const struct pair_event *event, struct error *err)
{
    Record__PairHistory history = RECORD__PAIR_HISTORY__INIT;
    Record__PairEvent newest = RECORD__PAIR_EVENT__INIT;
    Record__PairEvent *events[PAIR_EVENTS_KEPT];
    const Record__PairHistory *old;
    void *message;
    size_t kept = 0;

    if (read_message(txn, HISTORY_NAME, &record__pair_history__descriptor, &message, err) != 0)
        return -1;
    old = message;
    if (old != NULL) {
        size_t first = old->n_events >= PAIR_EVENTS_KEPT ? old->n_events - PAIR_EVENTS_KEPT + 1 : 0;

        for (size_t i = first; i < old->n_events; i++)
            events[kept++] = old->events[i];
    }
    newest.when_ms = event->when_ms;
    newest.from = text_of(event->from);
    newest.to = text_of(event->to);
    newest.event = text_of(event->event);
    newest.reason = text_of(event->reason);
    newest.epoch = event->epoch;
    events[kept++] = &newest;
    history.events = events;
    history.n_events = kept;
    return write_message(txn, HISTORY_NAME, &history.base, err);
}

int pair_event_each(struct store_txn *txn, int (*each)(void *arg, const struct pair_event *event), void *arg,
                    struct error *err)
{
    const Record__PairHistory *history;
    void *message;

    if (read_message(txn, HISTORY_NAME, &record__pair_history__descriptor, &message, err) != 0)
        return -1;
    history = message;
    for (size_t i = 0; history != NULL && i < history->n_events; i++) {
        const Record__PairEvent *record = history->events[i];
        const struct pair_event event = {.when_ms = record->when_ms,
                                         .from = record->from,
                                         .to = record->to,
                                         .event = record->event,
                                         .reason = record->reason,
                                         .epoch = record->epoch};

        if (each(arg, &event) != 0)
            break;
    }
    return 0;
}

/* ---- registration ---- */

int pair_registration_get(struct store_txn *txn, struct pair_registration *out, struct error *err)
{
    const Record__PairRegistration *record;
    void *message;

    memset(out, 0, sizeof(*out));
    if (read_message(txn, REGISTRATION_NAME, &record__pair_registration__descriptor, &message, err) != 0)
        return -1;
    record = message;
    if (record == NULL)
        return 0;
    out->started_ms = record->started_ms;
    out->ended_ms = record->ended_ms;
    for (size_t i = 0; i < PAIR_MILESTONES && i < record->n_percent; i++)
        out->percent[i] = record->percent[i];
    COPY(out->peer, record->peer);
    COPY(out->error, record->error);
    COPY(out->hint, record->hint);
    return 0;
}

int pair_registration_set(struct store_txn *txn, const struct pair_registration *from, struct error *err)
{
    Record__PairRegistration record = RECORD__PAIR_REGISTRATION__INIT;

    record.started_ms = from->started_ms;
    record.ended_ms = from->ended_ms;
    record.percent = (uint32_t *)(uintptr_t)from->percent;
    record.n_percent = PAIR_MILESTONES;
    record.peer = text_of(from->peer);
    record.error = text_of(from->error);
    record.hint = text_of(from->hint);
    return write_message(txn, REGISTRATION_NAME, &record.base, err);
}

/* ---- keys ---- */

int pair_key_get(struct store_txn *txn, const struct seal *seal, enum pair_key which,
                 uint8_t out[PAIR_KEY_SIZE], struct error *err)
{
    const char *name = key_names[which];
    const uint8_t *value;
    size_t length;

    if (setting_get(txn, name, &value, &length, err) != 0)
        return -1;
    if (length != PAIR_KEY_SIZE + SEAL_OVERHEAD)
        return record_damaged(txn, DATABASE_SETTINGS, err);
    return seal_unwrap(seal, name, value, length, out, err);
}

int pair_key_set(struct store_txn *txn, const struct seal *seal, enum pair_key which,
                 const uint8_t key[PAIR_KEY_SIZE], struct error *err)
{
    uint8_t sealed[PAIR_KEY_SIZE + SEAL_OVERHEAD];

    if (seal_wrap(seal, key_names[which], key, PAIR_KEY_SIZE, sealed, err) != 0)
        return -1;
    return setting_set(txn, key_names[which], STORE_SCOPE_NODE, sealed, sizeof(sealed), err);
}

int pair_key_delete(struct store_txn *txn, enum pair_key which, struct error *err)
{
    return delete_if_there(txn, key_names[which], err);
}
