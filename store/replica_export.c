#include "store/pin_copy.h"
#include "store/replica_private.h"
#include "store/small_record.h"
#include "store/wire.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* In this order; certificates come before what refers to them, and hosts after the pins they lead to. */
static const enum database order[] = {DATABASE_CERTIFICATES,    DATABASE_POLICIES,     DATABASE_SETTINGS,
                                      DATABASE_CA_CERTIFICATES, DATABASE_TRUST_STORES, DATABASE_SERVERS,
                                      DATABASE_SERVER_STATES,   DATABASE_PINS,         DATABASE_PIN_HOSTS};
#define ORDER_COUNT (sizeof(order) / sizeof(order[0]))

#define FIELD_SETTING_SCOPE 1 /* of message Setting (schema.proto) */
#define FIELD_SEQUENCE 1      /* of message PinHost */

struct replica_export {
    struct store_txn *txn;
    const struct seal *seal;
    struct replica_state state;
    uint64_t total;
    size_t at; /* in `order` */
    MDB_cursor *cursor;
    struct arena secret;  /* the last one that was opened */
    uint64_t *own_pins;   /* numbers of the pins that stay here, rising */
    size_t own_pin_count; /* this node's of itself and of its peer: few */
};

struct replica_export *replica_export_open(struct store *store, const struct seal *seal, struct error *err)
{
    struct replica_export *export = calloc(1, sizeof(*export));

    if (export == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    export->seal = seal;
    export->txn = store_read(store, err);
    if (export->txn == NULL || replica_state_get(export->txn, &export->state, err) != 0) {
        replica_export_close(export);
        return NULL;
    }
    for (size_t i = 0; i < ORDER_COUNT; i++)
        export->total += record_count(export->txn, order[i]);
    return export;
}

void replica_export_close(struct replica_export *export)
{
    if (export == NULL)
        return;
    if (export->cursor != NULL)
        mdb_cursor_close(export->cursor);
    store_end(export->txn);
    arena_wipe(&export->secret);
    free(export->own_pins);
    free(export);
}

const struct replica_state *replica_export_state(const struct replica_export *export)
{
    return &export->state;
}

uint64_t replica_export_total(const struct replica_export *export)
{
    return export->total;
}

static int remember_own_pin(struct replica_export *export, uint64_t sequence, struct error *err)
{
    size_t count = export->own_pin_count;
    uint64_t *grown;

    if ((count & (count - 1)) == 0) {
        grown = realloc(export->own_pins, (count == 0 ? 1 : 2 * count) * sizeof(*grown));
        if (grown == NULL)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        export->own_pins = grown;
    }
    export->own_pins[export->own_pin_count++] = sequence;
    return 0;
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static bool is_own_pin(const struct replica_export *export, uint64_t sequence)
{
    return export->own_pin_count > 0 && bsearch(&sequence, export->own_pins, export->own_pin_count,
                                                sizeof(sequence), compare_numbers) != NULL;
}

/* 1: the record goes; 0: it stays here; -1. *value may become another. */
static int goes(struct replica_export *export, enum database database, const MDB_val *key, MDB_val *value,
                struct error *err)
{
    struct error why = {0};
    struct pin_copy says;
    const char *host;
    uint64_t number;
    size_t length;

    switch (database) {
    case DATABASE_CERTIFICATES:
        return !certificate_stays(value->mv_data, value->mv_size);
    case DATABASE_PINS:
        if (!pin_copy_read(value->mv_data, value->mv_size, &says, &host, &length))
            return record_damaged(export->txn, database, err);
        return says.scope == STORE_SCOPE_PAIR ? 1 : remember_own_pin(export, record_number(key), err);
    case DATABASE_PIN_HOSTS:
        if (!wire_number(value->mv_data, value->mv_size, FIELD_SEQUENCE, &number))
            return record_damaged(export->txn, database, err);
        return !is_own_pin(export, number);
    case DATABASE_SETTINGS:
        if (!wire_number(value->mv_data, value->mv_size, FIELD_SETTING_SCOPE, &number))
            return record_damaged(export->txn, database, err);
        arena_wipe(&export->secret);
        export->secret = (struct arena){0};
        /* one that nobody can open is none for the other node */
        return number == STORE_SCOPE_PAIR &&
               replica_open_secret(&export->secret, export->seal, key->mv_data, key->mv_size, value->mv_data,
                                   value->mv_size, value, &why) >= 0;
    default:
        return 1;
    }
}

int replica_export_next(struct replica_export *export, struct replica_row *row, struct error *err)
{
    for (; export->at < ORDER_COUNT; export->at++) {
        enum database database = order[export->at];
        MDB_val key, value;

        if (export->cursor == NULL && (export->cursor = record_cursor(export->txn, database)) == NULL)
            return record_status(export->txn, err);
        while (record_cursor_move(export->txn, export->cursor, MDB_NEXT, &key, &value)) {
            int here = goes(export, database, &key, &value, err);

            if (here == 0)
                continue;
            *row = (struct replica_row){.database = environment_database_name(database),
                                        .scope = STORE_SCOPE_PAIR,
                                        .key = key.mv_data,
                                        .key_length = key.mv_size,
                                        .value = value.mv_data,
                                        .value_length = value.mv_size};
            return here;
        }
        mdb_cursor_close(export->cursor);
        export->cursor = NULL;
        if (record_status(export->txn, err) != 0)
            return -1;
    }
    return 0;
}
