/* Rows under way between nodes: into records, and out of changes. */
#include "store/pin_adopt.h"
#include "store/pin_copy.h"
#include "store/replica_private.h"
#include "store/secret.h"
#include "store/small_record.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

bool replica_database_find(const char *name, enum database *out)
{
    return environment_database_find(name, out) && environment_database_is_paired(*out) &&
           *out != DATABASE_SHADOWED;
}

static int no_record(const struct replica_row *row, struct error *err)
{
    return error_set(err, ERROR_UNTRUSTED, "what the other node sent for \"%.40s\" is no record of that kind",
                     row->database);
}

static MDB_val pack_setting(struct arena *arena, const uint8_t *value, size_t length)
{
    Record__Setting record = RECORD__SETTING__INIT;
    MDB_val out;

    record.scope = STORE_SCOPE_PAIR;
    record.value.data = (uint8_t *)(uintptr_t)value;
    record.value.len = length;
    out.mv_size = protobuf_c_message_get_packed_size(&record.base);
    out.mv_data = arena_alloc(arena, out.mv_size);
    if (out.mv_data != NULL)
        protobuf_c_message_pack(&record.base, out.mv_data);
    return out;
}

int replica_open_secret(struct arena *arena, const struct seal *seal, const void *name, size_t name_length,
                        const void *record, size_t length, MDB_val *out, struct error *err)
{
    enum store_scope scope;
    const uint8_t *value;
    size_t value_length, plain_length;
    uint8_t *plain;

    if (!secret_is(name, name_length))
        return 0;
    if (!setting_read(arena, record, length, &scope, &value, &value_length))
        return error_set(err, ERROR_INTERNAL, "the setting of a secret cannot be read");
    if (seal == NULL)
        return error_set(err, ERROR_INTERNAL, "there is no key that opens the secrets");
    if (secret_open(seal, name, name_length, value, value_length, &plain, &plain_length, err) != 0)
        return -1;
    *out = pack_setting(arena, plain, plain_length);
    secret_free(plain, plain_length);
    return out->mv_data != NULL ? 1 : error_set(err, ERROR_INTERNAL, "out of memory");
}

static void put_and_note(struct store_txn *txn, enum database database, MDB_val key, MDB_val value)
{
    record_store(txn, database, key, value, 0);
    record_note(txn, database, STORE_SCOPE_PAIR, key, &value);
}

static int put_secret(struct store_txn *txn, const struct seal *seal, const struct replica_row *row,
                      const uint8_t *plain, size_t length, struct error *err)
{
    uint8_t *sealed;
    size_t sealed_length;
    MDB_val value;

    if (seal == NULL)
        return error_set(err, ERROR_INTERNAL, "there is no key to seal the secrets with");
    if (secret_seal(seal, (const char *)row->key, row->key_length, plain, length, &sealed, &sealed_length,
                    err) != 0)
        return -1;
    value = pack_setting(&txn->arena, sealed, sealed_length);
    secret_free(sealed, sealed_length);
    if (value.mv_data == NULL)
        record_fail(txn, ENOMEM, "write");
    else
        put_and_note(txn, DATABASE_SETTINGS, record_key(row->key, row->key_length), value);
    return record_status(txn, err);
}

static int put_setting(struct store_txn *txn, const struct seal *seal, const struct replica_row *row,
                       struct error *err)
{
    struct arena scratch = {0};
    enum store_scope scope;
    const uint8_t *value;
    size_t length;
    int result = 0;

    if (!setting_read(&scratch, row->value, row->value_length, &scope, &value, &length) ||
        scope != STORE_SCOPE_PAIR)
        result = no_record(row, err);
    else if (secret_is((const char *)row->key, row->key_length))
        result = put_secret(txn, seal, row, value, length, err);
    else
        put_and_note(txn, DATABASE_SETTINGS, record_key(row->key, row->key_length),
                     record_key(row->value, row->value_length));
    arena_wipe(&scratch);
    return result != 0 ? result : record_status(txn, err);
}

/* The active node's record went to each node's own keeping. */
static int release_setting(struct store_txn *txn, const struct replica_row *row, struct error *err)
{
    MDB_val key = record_key(row->key, row->key_length);
    Record__Setting *record;
    MDB_val value;

    if (!record_get(txn, DATABASE_SETTINGS, key, &value))
        return record_status(txn, err);
    record = record_unpack(&txn->arena, &record__setting__descriptor, value.mv_data, value.mv_size);
    if (record == NULL)
        return record_damaged(txn, DATABASE_SETTINGS, err);
    if (record->scope == STORE_SCOPE_PAIR) {
        record->scope = STORE_SCOPE_NODE;
        record_put(txn, DATABASE_SETTINGS, STORE_SCOPE_NODE, key, &record->base);
    }
    return record_status(txn, err);
}

static const char *host_of(struct store_txn *txn, const struct replica_row *row)
{
    const char *host;

    if (row->key_length >= HOST_PORT_TEXT_MAX || memchr(row->key, '\0', row->key_length) != NULL)
        return NULL;
    host = arena_copy(&txn->arena, row->key, row->key_length);
    if (host == NULL)
        record_fail(txn, ENOMEM, "write");
    return host;
}

static int put_pin(struct store_txn *txn, const struct replica_row *row, struct error *err)
{
    const char *host = host_of(txn, row);

    if (host == NULL)
        return record_status(txn, err) != 0 ? -1 : no_record(row, err);
    if (row->scope == STORE_SCOPE_NODE)
        return pin_adopt_release(txn, host, err);
    return row->value == NULL ? pin_adopt_deletion(txn, host, err)
                              : pin_adopt(txn, host, row->value, row->value_length, err);
}

static int put_certificate(struct store_txn *txn, const struct replica_row *row, struct error *err)
{
    struct certificate_facts facts;
    struct arena scratch = {0};
    const uint8_t *der;
    size_t length;
    bool fits = row->key_length == FINGERPRINT_SIZE &&
                certificate_read(&scratch, row->value, row->value_length, &facts, &der, &length) &&
                !certificate_stays(row->value, row->value_length);

    arena_free(&scratch);
    if (!fits)
        return no_record(row, err);
    put_and_note(txn, DATABASE_CERTIFICATES, record_key(row->key, row->key_length),
                 record_key(row->value, row->value_length));
    return record_status(txn, err);
}

static bool is_small_record(enum database database, const struct replica_row *row)
{
    struct arena scratch = {0};
    struct ca_certificate ca;
    struct ca_state state;
    struct server server;
    struct server_status status;
    enum trust_policy policy;
    bool is = false;

    if (database == DATABASE_POLICIES)
        is = policy_read(row->value, row->value_length, &policy);
    else if (database == DATABASE_CA_CERTIFICATES)
        is = ca_read(&scratch, row->value, row->value_length, &ca);
    else if (database == DATABASE_TRUST_STORES)
        is = ca_state_read(&scratch, row->value, row->value_length, &state);
    else if (database == DATABASE_SERVERS)
        is = server_read(&scratch, row->value, row->value_length, &server);
    else if (database == DATABASE_SERVER_STATES)
        is = server_status_read(&scratch, row->value, row->value_length, &status);
    arena_free(&scratch);
    return is;
}

int replica_put(struct store_txn *txn, const struct seal *seal, const struct replica_row *row,
                struct error *err)
{
    MDB_val key = record_key(row->key, row->key_length);
    enum database database;

    if (!replica_database_find(row->database, &database) || database == DATABASE_PIN_HOSTS ||
        row->key_length == 0 || row->key_length > RECORD_KEY_MOST)
        return no_record(row, err);
    if (database == DATABASE_PINS)
        return put_pin(txn, row, err);
    if (row->scope == STORE_SCOPE_NODE)
        return database == DATABASE_SETTINGS ? release_setting(txn, row, err) : 0;
    if (row->value == NULL) {
        record_delete(txn, database, STORE_SCOPE_PAIR, key);
        return record_status(txn, err);
    }
    if (database == DATABASE_SETTINGS)
        return put_setting(txn, seal, row, err);
    if (database == DATABASE_CERTIFICATES)
        return put_certificate(txn, row, err);
    if (!is_small_record(database, row))
        return no_record(row, err);
    put_and_note(txn, database, key, record_key(row->value, row->value_length));
    return record_status(txn, err);
}

/* ---- out of changes ---- */

static int open_value(struct arena *arena, const struct seal *seal, const struct change_record *record,
                      enum database database, struct replica_row *row, struct error *err)
{
    struct error why = {0};
    MDB_val opened = {0};
    int secret;

    if (database == DATABASE_PINS) {
        struct pin_copy bare = {.scope = STORE_SCOPE_PAIR};
        uint8_t *copy = arena_alloc(arena, record->value_length + PIN_COPY_MORE);

        if (copy == NULL)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        row->value = copy;
        row->value_length = pin_copy_write(record->value, record->value_length, &bare, copy);
        return 0;
    }
    if (database != DATABASE_SETTINGS)
        return 0;
    secret = replica_open_secret(arena, seal, record->key, record->key_length, record->value,
                                 record->value_length, &opened, &why);
    if (secret == 0)
        return 0;
    row->value = secret > 0 ? opened.mv_data : NULL; /* one that nobody can open is none for the other node */
    row->value_length = secret > 0 ? opened.mv_size : 0;
    return 0;
}

int replica_rows_of(struct arena *arena, const struct seal *seal, const struct change *change,
                    struct replica_row **rows, size_t *count, struct error *err)
{
    struct replica_row *list = arena_alloc(arena, (change->record_count + 1) * sizeof(*list));

    *rows = list;
    *count = 0;
    if (list == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < change->record_count; i++) {
        const struct change_record *record = &change->records[i];
        enum database database;

        if (!replica_database_find(record->database, &database) ||
            (record->scope == STORE_SCOPE_NODE && database != DATABASE_PINS && database != DATABASE_SETTINGS))
            continue;
        list[*count] = (struct replica_row){.database = record->database,
                                            .scope = record->scope,
                                            .key = record->key,
                                            .key_length = record->key_length,
                                            .value = record->value,
                                            .value_length = record->value_length};
        if (record->value != NULL && open_value(arena, seal, record, database, &list[*count], err) != 0)
            return -1;
        ++*count;
    }
    return 0;
}
