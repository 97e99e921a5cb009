#include "store/ca.h"

#include "store/certificate.h"
#include "store/record.h"
#include "store/small_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define CA_KEY_MAX (16 + CA_ALIAS_MAX) /* name of a zone, NUL, alias */

int ca_check_alias(const char *alias, struct error *err)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strspn(alias, characters);

    if (length > 0 && alias[length] == '\0' && length < CA_ALIAS_MAX)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "an alias is made of letters, digits and \"._-\", at most %d of them", CA_ALIAS_MAX - 1);
}

static MDB_val ca_key(enum trust_zone zone, const char *alias, char out[CA_KEY_MAX])
{
    int length = snprintf(out, CA_KEY_MAX, "%s%c%s", trust_zone_name(zone), '\0', alias);

    return record_key(out, (size_t)length);
}

bool ca_read(struct arena *arena, const void *bytes, size_t length, struct ca_certificate *out)
{
    const Record__CaCertificate *record =
        record_unpack(arena, &record__ca_certificate__descriptor, bytes, length);

    memset(out, 0, sizeof(*out));
    if (record == NULL || !record_sha256(&record->sha256, out->sha256) || record->source >= CA_SOURCES)
        return false;
    out->added_ms = record->added_ms;
    out->source = (enum ca_source)record->source;
    out->subject_slash = record->subject_slash;
    out->not_after_ms = record->not_after_ms;
    return true;
}

bool ca_state_read(struct arena *arena, const void *bytes, size_t length, struct ca_state *out)
{
    const Record__TrustStore *record = record_unpack(arena, &record__trust_store__descriptor, bytes, length);

    if (record == NULL)
        return false;
    *out = (struct ca_state){.generation = record->generation,
                             .auto_update = record->auto_update,
                             .updated_ms = record->updated_ms,
                             .problem = record->problem};
    return true;
}

int ca_state_get(struct store_txn *txn, enum trust_zone zone, struct ca_state *out, struct error *err)
{
    MDB_val value;

    *out = (struct ca_state){.problem = ""};
    if (record_get(txn, DATABASE_TRUST_STORES, record_key_text(trust_zone_name(zone)), &value))
        return ca_state_read(&txn->arena, value.mv_data, value.mv_size, out)
                   ? 0
                   : record_damaged(txn, DATABASE_TRUST_STORES, err);
    return record_status(txn, err);
}

static int put_state(struct store_txn *txn, enum trust_zone zone, const struct ca_state *state,
                     struct error *err)
{
    Record__TrustStore record = RECORD__TRUST_STORE__INIT;

    record.generation = state->generation;
    record.auto_update = state->auto_update;
    record.updated_ms = state->updated_ms;
    record.problem = (char *)(uintptr_t)(state->problem != NULL ? state->problem : "");
    record_put(txn, DATABASE_TRUST_STORES, STORE_SCOPE_PAIR, record_key_text(trust_zone_name(zone)),
               &record.base);
    return record_status(txn, err);
}

int ca_state_set(struct store_txn *txn, enum trust_zone zone, const struct ca_state *state, struct error *err)
{
    struct ca_state whole;
    struct ca_state old;

    if (ca_state_get(txn, zone, &old, err) != 0)
        return -1;
    whole = *state;
    whole.generation = old.generation;
    return put_state(txn, zone, &whole, err);
}

/* A number that no other state of this zone ever had, on this node or on its peer. */
static int renew_generation(struct store_txn *txn, enum trust_zone zone, struct error *err)
{
    struct ca_state state;

    if (ca_state_get(txn, zone, &state, err) != 0)
        return -1;
    do {
        if (getrandom(&state.generation, sizeof(state.generation), 0) != (ssize_t)sizeof(state.generation))
            return error_set_errno(err, errno, "cannot get random bytes");
    } while (state.generation == 0);
    return put_state(txn, zone, &state, err);
}

int ca_add(struct store_txn *txn, enum trust_zone zone, const struct ca_certificate *ca, struct error *err)
{
    Record__CaCertificate record = RECORD__CA_CERTIFICATE__INIT;
    char bytes[CA_KEY_MAX];
    MDB_val there;
    MDB_val key;

    if (ca_check_alias(ca->alias, err) != 0)
        return -1;
    key = ca_key(zone, ca->alias, bytes);
    if (record_get(txn, DATABASE_CA_CERTIFICATES, key, &there))
        return error_set(err, ERROR_CONFLICT,
                         "the trust store of the zone %s has a CA certificate with the alias %s already",
                         trust_zone_name(zone), ca->alias);
    record.sha256.data = (uint8_t *)(uintptr_t)ca->sha256;
    record.sha256.len = FINGERPRINT_SIZE;
    record.added_ms = ca->added_ms;
    record.source = ca->source;
    record.subject_slash = (char *)(uintptr_t)(ca->subject_slash != NULL ? ca->subject_slash : "");
    record.not_after_ms = ca->not_after_ms;
    record_put(txn, DATABASE_CA_CERTIFICATES, STORE_SCOPE_PAIR, key, &record.base);
    certificate_share(txn, ca->sha256);
    return renew_generation(txn, zone, err);
}

int ca_get(struct store_txn *txn, enum trust_zone zone, const char *alias, struct ca_certificate *out,
           struct error *err)
{
    char bytes[CA_KEY_MAX];
    MDB_val value;

    if (ca_check_alias(alias, err) != 0)
        return -1;
    if (!record_get(txn, DATABASE_CA_CERTIFICATES, ca_key(zone, alias, bytes), &value)) {
        if (record_status(txn, err) != 0)
            return -1;
        error_set(err, ERROR_NOT_FOUND,
                  "the trust store of the zone %s has no CA certificate with the alias %s",
                  trust_zone_name(zone), alias);
        return error_hint(err,
                          "see what it has with: ncs certvalidation trusted-ca-store listcacerts truststore "
                          "%s",
                          trust_zone_name(zone));
    }
    if (!ca_read(&txn->arena, value.mv_data, value.mv_size, out))
        return record_damaged(txn, DATABASE_CA_CERTIFICATES, err);
    snprintf(out->alias, sizeof(out->alias), "%s", alias);
    return 0;
}

int ca_delete(struct store_txn *txn, enum trust_zone zone, const char *alias, struct error *err)
{
    struct ca_certificate there;
    char bytes[CA_KEY_MAX];

    if (ca_get(txn, zone, alias, &there, err) != 0)
        return -1;
    record_delete(txn, DATABASE_CA_CERTIFICATES, STORE_SCOPE_PAIR, ca_key(zone, alias, bytes));
    return renew_generation(txn, zone, err);
}

/* The alias in a key of the zone whose keys start with `start`; false: it is another zone's. */
static bool read_alias(const MDB_val *key, const MDB_val *start, char out[CA_ALIAS_MAX])
{
    size_t length = key->mv_size - start->mv_size;

    if (key->mv_size <= start->mv_size || memcmp(key->mv_data, start->mv_data, start->mv_size) != 0 ||
        length >= CA_ALIAS_MAX)
        return false;
    memcpy(out, (const char *)key->mv_data + start->mv_size, length);
    out[length] = '\0';
    return true;
}

int ca_each(struct store_txn *txn, enum trust_zone zone,
            int (*each)(void *arg, const struct ca_certificate *ca), void *arg, struct error *err)
{
    MDB_cursor *cursor = record_cursor(txn, DATABASE_CA_CERTIFICATES);
    MDB_cursor_op move = MDB_SET_RANGE;
    struct arena scratch = {0};
    char bytes[CA_KEY_MAX];
    MDB_val start = ca_key(zone, "", bytes);
    MDB_val key = start;
    MDB_val value;
    int result = 0;

    while (cursor != NULL && record_cursor_move(txn, cursor, move, &key, &value)) {
        struct ca_certificate ca;
        char alias[CA_ALIAS_MAX];

        if (!read_alias(&key, &start, alias))
            break;
        if (!ca_read(&scratch, value.mv_data, value.mv_size, &ca)) {
            result = record_damaged(txn, DATABASE_CA_CERTIFICATES, err);
            break;
        }
        memcpy(ca.alias, alias, sizeof(alias));
        if (each(arg, &ca) != 0)
            break;
        arena_reset(&scratch);
        move = MDB_NEXT;
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    arena_free(&scratch);
    return result != 0 ? result : record_status(txn, err);
}
