#include "store/pin_copy.h"
#include "store/pin_record.h"
#include "store/replica_private.h"
#include "store/secret.h"
#include "store/small_record.h"
#include "store/wire.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_SETTING_SCOPE 1 /* of message Setting (schema.proto) */
#define PIN_BYTES_MOST (64 * 1024)

struct digest {
    struct store_txn *txn;
    EVP_MD_CTX *context;
    const struct seal *seal;
    const uint8_t *key;
    size_t key_length;
    uint8_t *room; /* for a pin without what is each node's own */
    size_t room_size;
    bool failed;
};

static void add(struct digest *digest, const void *bytes, size_t length)
{
    digest->failed |= EVP_DigestUpdate(digest->context, bytes, length) != 1;
}

/* With its length in front, so that no two lists of texts give the same bytes. */
static void add_counted(struct digest *digest, const void *bytes, size_t length)
{
    uint8_t size[8];

    for (unsigned i = 0; i < sizeof(size); i++)
        size[i] = (uint8_t)((uint64_t)length >> (8 * i));
    add(digest, size, sizeof(size));
    add(digest, bytes, length);
}

static void add_row(struct digest *digest, enum database database, const MDB_val *key, const void *value,
                    size_t length)
{
    const char *name = environment_database_name(database);

    add_counted(digest, name, strlen(name));
    add_counted(digest, key->mv_data, key->mv_size);
    add_counted(digest, value, length);
}

/* A secret's bytes differ from node to node; what it says does not. */
static void add_secret(struct digest *digest, const MDB_val *key, const MDB_val *value)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    struct arena arena = {0};
    struct error why = {0};
    unsigned length = 0;
    MDB_val plain = {0};

    if (digest->key != NULL && replica_open_secret(&arena, digest->seal, key->mv_data, key->mv_size,
                                                   value->mv_data, value->mv_size, &plain, &why) == 1)
        digest->failed |= HMAC(EVP_sha256(), digest->key, (int)digest->key_length, plain.mv_data,
                               plain.mv_size, mac, &length) == NULL;
    add_row(digest, DATABASE_SETTINGS, key, mac, length);
    arena_wipe(&arena);
}

static void add_record(struct digest *digest, enum database database, const MDB_val *key,
                       const MDB_val *value)
{
    uint64_t scope;

    if (database == DATABASE_CERTIFICATES && certificate_stays(value->mv_data, value->mv_size))
        return;
    if (database != DATABASE_SETTINGS) {
        add_row(digest, database, key, value->mv_data, value->mv_size);
        return;
    }
    if (!wire_number(value->mv_data, value->mv_size, FIELD_SETTING_SCOPE, &scope))
        record_fail(digest->txn, MDB_CORRUPTED, "read");
    else if (scope != STORE_SCOPE_PAIR)
        return;
    else if (secret_is(key->mv_data, key->mv_size))
        add_secret(digest, key, value);
    else
        add_row(digest, database, key, value->mv_data, value->mv_size);
}

static void add_database(struct digest *digest, enum database database)
{
    MDB_cursor *cursor = record_cursor(digest->txn, database);
    MDB_val key, value;

    while (cursor != NULL && record_cursor_move(digest->txn, cursor, MDB_NEXT, &key, &value))
        add_record(digest, database, &key, &value);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
}

/* False: the bytes are no pin. One of node scope adds nothing. */
static bool add_pin(struct digest *digest, const MDB_val *host, const MDB_val *record)
{
    struct pin_copy bare = {.scope = STORE_SCOPE_PAIR};
    struct pin_copy says;
    const char *text;
    size_t length;

    if (record->mv_size > PIN_BYTES_MOST ||
        !pin_copy_read(record->mv_data, record->mv_size, &says, &text, &length))
        return false;
    if (says.scope != STORE_SCOPE_PAIR)
        return true;
    length = pin_copy_write(record->mv_data, record->mv_size, &bare, digest->room);
    add_row(digest, DATABASE_PINS, host, digest->room, length);
    return length > 0;
}

static bool add_pin_of_host(struct digest *digest, const MDB_val *host, const MDB_val *entry)
{
    uint64_t sequence;
    MDB_val record;

    return wire_number(entry->mv_data, entry->mv_size, 1, &sequence) &&
           record_get(digest->txn, DATABASE_PINS, record_key_number(&sequence), &record) &&
           add_pin(digest, host, &record);
}

static int compare_keys(const MDB_val *left, const MDB_val *right)
{
    size_t shorter = left->mv_size < right->mv_size ? left->mv_size : right->mv_size;
    int order = memcmp(left->mv_data, right->mv_data, shorter);

    return order != 0 ? order : (left->mv_size > right->mv_size) - (left->mv_size < right->mv_size);
}

/* By host: in sight and out of sight together, as the active node has them. */
static void add_pins(struct digest *digest)
{
    MDB_cursor *hosts = record_cursor(digest->txn, DATABASE_PIN_HOSTS);
    MDB_cursor *others = record_cursor(digest->txn, DATABASE_SHADOWED);
    MDB_val host, entry, other, record;
    bool more = hosts != NULL && record_cursor_move(digest->txn, hosts, MDB_NEXT, &host, &entry);
    bool more_others = others != NULL && record_cursor_move(digest->txn, others, MDB_NEXT, &other, &record);

    while ((more || more_others) && digest->txn->status == 0) {
        int order = !more ? 1 : !more_others ? -1 : compare_keys(&host, &other);

        if (!(order > 0 ? add_pin(digest, &other, &record) : add_pin_of_host(digest, &host, &entry)))
            record_fail(digest->txn, MDB_CORRUPTED, "read");
        if (order == 0 && !add_pin(digest, &other, &record)) /* then the one in sight is this node's own */
            record_fail(digest->txn, MDB_CORRUPTED, "read");
        if (order <= 0)
            more = record_cursor_move(digest->txn, hosts, MDB_NEXT, &host, &entry);
        if (order >= 0)
            more_others = record_cursor_move(digest->txn, others, MDB_NEXT, &other, &record);
    }
    if (others != NULL)
        mdb_cursor_close(others);
    if (hosts != NULL)
        mdb_cursor_close(hosts);
}

int replica_digest(struct store_txn *txn, const struct seal *seal, const uint8_t *key, size_t key_length,
                   uint8_t out[REPLICA_DIGEST_SIZE], struct error *err)
{
    static const enum database databases[] = {
        DATABASE_CERTIFICATES, DATABASE_POLICIES, DATABASE_SETTINGS,     DATABASE_CA_CERTIFICATES,
        DATABASE_TRUST_STORES, DATABASE_SERVERS,  DATABASE_SERVER_STATES};
    struct digest digest = {.txn = txn,
                            .context = EVP_MD_CTX_new(),
                            .seal = seal,
                            .key = key,
                            .key_length = key_length,
                            .room = malloc(PIN_BYTES_MOST + PIN_COPY_MORE)};

    digest.failed = digest.context == NULL || digest.room == NULL ||
                    EVP_DigestInit_ex(digest.context, EVP_sha256(), NULL) != 1;
    for (size_t i = 0; !digest.failed && i < sizeof(databases) / sizeof(databases[0]); i++)
        add_database(&digest, databases[i]);
    if (!digest.failed)
        add_pins(&digest);
    digest.failed = digest.failed || EVP_DigestFinal_ex(digest.context, out, NULL) != 1;
    EVP_MD_CTX_free(digest.context);
    free(digest.room);
    if (record_status(txn, err) != 0)
        return -1;
    return digest.failed ? error_set(err, ERROR_INTERNAL, "cannot compute the digest") : 0;
}
