#include "store/feed.h"
#include "store/pin_adopt.h"
#include "store/pin_copy.h"
#include "store/pin_record.h"
#include "store/replica_private.h"
#include "store/replica_set.h"
#include "store/small_record.h"
#include "store/trust_certificate.h"
#include "store/upgrade.h"
#include "store/wire.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (4U << 20)    /* of rows written by one job */
#define BATCHES_MOST 3            /* of them waiting for the disk */
#define SEQUENCE_GAP (1ULL << 20) /* numbers left for pins that this node makes meanwhile */
#define ROW_PIN_MOST (1U << 20)   /* bytes of a pin's record */
#define FIELD_SETTING_SCOPE 1     /* of message Setting (schema.proto) */
#define FIELD_SEQUENCE 1          /* of message PinHost */

struct replica_import {
    struct store *store;
    const struct seal *seal;
    unsigned set;  /* that is being filled */
    uint64_t base; /* added to the sender's numbers of pins */
    uint64_t rows;
    struct batch *batch; /* being filled */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting;   /* batches given to the writer */
    struct error error; /* of the first one that failed */
    bool committed;
};

struct batch {
    struct replica_import *import;
    struct arena arena; /* what the rows point to */
    size_t bytes;
    struct replica_row *rows;
    size_t count;
    size_t room;
};

/* ---- writing a batch, on the writer's thread ---- */

static int bad_row(const struct replica_row *row, struct error *err)
{
    return error_set(err, ERROR_UNTRUSTED, "what the other node sent for \"%.40s\" makes no sense",
                     row->database);
}

static int stage_pin(struct store_txn *txn, const struct replica_import *import,
                     const struct replica_row *row, struct error *err)
{
    struct pin_copy with = {.from_peer = true, .scope = STORE_SCOPE_PAIR};
    MDB_val key = record_key(row->key, row->key_length);
    uint8_t *copy;
    size_t length;

    with.sequence = import->base + record_number(&key);
    copy = arena_alloc(&txn->row, row->value_length + PIN_COPY_MORE);
    if (copy == NULL)
        return record_fail(txn, ENOMEM, "write");
    length = pin_copy_write(row->value, row->value_length, &with, copy);
    if (length > 0)
        record_store(txn, DATABASE_PINS, record_key_number(&with.sequence), record_key(copy, length),
                     MDB_APPEND);
    arena_reset(&txn->row);
    return length > 0 ? record_status(txn, err) : bad_row(row, err);
}

static int stage_host(struct store_txn *txn, const struct replica_import *import,
                      const struct replica_row *row, struct error *err)
{
    uint8_t entry[1 + WIRE_VARINT_MOST];
    uint8_t *end = entry;
    uint64_t sequence;

    if (!wire_number(row->value, row->value_length, FIELD_SEQUENCE, &sequence))
        return bad_row(row, err);
    *end++ = FIELD_SEQUENCE << 3 | WIRE_VARINT;
    end = wire_write_varint(end, import->base + sequence);
    record_store(txn, DATABASE_PIN_HOSTS, record_key(row->key, row->key_length),
                 record_key(entry, (size_t)(end - entry)), MDB_APPEND);
    return record_status(txn, err);
}

static int stage_row(struct store_txn *txn, const struct replica_import *import,
                     const struct replica_row *row, struct error *err)
{
    enum database database;

    if (row->value == NULL || row->scope != STORE_SCOPE_PAIR || row->key_length == 0 ||
        row->key_length > RECORD_KEY_MOST || !replica_database_find(row->database, &database))
        return bad_row(row, err);
    if (database == DATABASE_PIN_HOSTS)
        return stage_host(txn, import, row, err);
    if (database == DATABASE_PINS)
        return row->key_length == sizeof(uint64_t) && row->value_length <= ROW_PIN_MOST
                   ? stage_pin(txn, import, row, err)
                   : bad_row(row, err);
    if (database != DATABASE_CERTIFICATES)
        return replica_put(txn, import->seal, row, err);
    if (row->key_length != FINGERPRINT_SIZE || certificate_stays(row->value, row->value_length))
        return bad_row(row, err);
    record_store(txn, database, record_key(row->key, row->key_length),
                 record_key(row->value, row->value_length), MDB_APPEND);
    return record_status(txn, err);
}

static int batch_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct batch *batch = arg;

    txn->active_name = NULL;
    replica_set_work_with(txn, batch->import->set);
    for (size_t i = 0; i < batch->count; i++) {
        if (stage_row(txn, batch->import, &batch->rows[i], err) != 0)
            return -1;
    }
    txn->change_count = 0; /* nothing that anybody sees */
    txn->pair_changed = false;
    txn->unnoted = true;
    return record_status(txn, err);
}

static void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    arena_wipe(&batch->arena); /* secrets are in clear in it */
    free(batch->rows);
    free(batch);
}

static void batch_done(void *arg, int result, const struct error *err)
{
    struct batch *batch = arg;
    struct replica_import *import = batch->import;

    batch_free(batch);
    pthread_mutex_lock(&import->lock);
    if (result != 0 && import->error.code == ERROR_NONE)
        import->error = *err;
    import->waiting--;
    pthread_cond_signal(&import->changed);
    pthread_mutex_unlock(&import->lock);
}

/* Until at most so many batches wait. Returns what came of those that do not any more. */
static int wait_for_batches(struct replica_import *import, unsigned most, struct error *err)
{
    int result = 0;

    pthread_mutex_lock(&import->lock);
    while (import->waiting > most)
        pthread_cond_wait(&import->changed, &import->lock);
    if (import->error.code != ERROR_NONE) {
        if (err != NULL)
            *err = import->error;
        result = -1;
    }
    pthread_mutex_unlock(&import->lock);
    return result;
}

static int send_batch(struct replica_import *import, struct error *err)
{
    struct batch *batch = import->batch;

    if (batch == NULL)
        return 0;
    if (wait_for_batches(import, BATCHES_MOST - 1, err) != 0)
        return -1;
    import->batch = NULL;
    pthread_mutex_lock(&import->lock);
    import->waiting++;
    pthread_mutex_unlock(&import->lock);
    store_submit(import->store, batch_job, batch_done, batch);
    return 0;
}

/* ---- taking rows ---- */

static int drop_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct replica_import *import = arg;

    import->set = ENVIRONMENT_SETS - 1 - record_set(txn);
    import->base = record_last_number(txn, DATABASE_PINS) + SEQUENCE_GAP;
    if (replica_set_is_filled(txn, import->set)) {
        replica_set_drop(txn, import->set);
        txn->unnoted = true;
    }
    return record_status(txn, err);
}

struct replica_import *replica_import_begin(struct store *store, const struct seal *seal, struct error *err)
{
    struct replica_import *import = calloc(1, sizeof(*import));

    if (import == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    import->store = store;
    import->seal = seal;
    if (store_run(store, drop_job, import, err) != 0) {
        free(import);
        return NULL;
    }
    pthread_mutex_init(&import->lock, NULL);
    pthread_cond_init(&import->changed, NULL);
    return import;
}

static bool add_to_batch(struct batch *batch, const struct replica_row *row)
{
    struct replica_row *copy;

    if (batch->count == batch->room) {
        size_t room = batch->room == 0 ? 1024 : 2 * batch->room;
        struct replica_row *grown = realloc(batch->rows, room * sizeof(*grown));

        if (grown == NULL)
            return false;
        batch->rows = grown;
        batch->room = room;
    }
    copy = &batch->rows[batch->count];
    *copy = *row;
    copy->database = arena_copy(&batch->arena, row->database, strlen(row->database));
    copy->key = arena_copy(&batch->arena, row->key, row->key_length);
    copy->value = row->value == NULL ? NULL : arena_copy(&batch->arena, row->value, row->value_length);
    batch->count++;
    batch->bytes += sizeof(*row) + row->key_length + row->value_length;
    return copy->database != NULL && copy->key != NULL && (copy->value != NULL) == (row->value != NULL);
}

int replica_import_put(struct replica_import *import, const struct replica_row *rows, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (import->batch == NULL) {
            import->batch = calloc(1, sizeof(*import->batch));
            if (import->batch != NULL)
                *import->batch = (struct batch){.import = import, .arena = {.block_size = BATCH_BYTES / 8}};
        }
        if (import->batch == NULL || !add_to_batch(import->batch, &rows[i]))
            return error_set(err, ERROR_INTERNAL, "out of memory");
        import->rows++;
        if (import->batch->bytes >= BATCH_BYTES && send_batch(import, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- the last transaction ---- */

struct commit {
    struct replica_import *import;
    const struct replica_state *state;
    store_job job;
    void *arg;
};

/* A walk over the set in use, that copies what stays into the new one. */
struct keep {
    struct store_txn *txn;
    const struct replica_import *import;
    const char *node_id;
    struct error *err;
    int result;
};

/* Copies of what a cursor shows, as it does not survive a write to its database; this one is never written.
 */
static MDB_val kept_copy(struct store_txn *txn, const MDB_val *value)
{
    MDB_val copy = {value->mv_size, arena_copy(&txn->arena, value->mv_data, value->mv_size)};

    if (copy.mv_data == NULL)
        record_fail(txn, ENOMEM, "write");
    return copy;
}

static void work_with_new(const struct keep *keep)
{
    replica_set_work_with(keep->txn, keep->import->set);
}

static void work_with_old(const struct keep *keep)
{
    replica_set_work_with(keep->txn, ENVIRONMENT_SETS - 1 - keep->import->set);
}

/* The certificate that a record of this node refers to comes along, where it is not there already. */
static void keep_certificate(const struct keep *keep, const uint8_t sha256[FINGERPRINT_SIZE])
{
    MDB_val key = record_key(sha256, FINGERPRINT_SIZE);
    Record__Certificate *record = NULL;
    MDB_val value, there;

    work_with_old(keep);
    if (record_get(keep->txn, DATABASE_CERTIFICATES, key, &value))
        record =
            record_unpack(&keep->txn->arena, &record__certificate__descriptor, value.mv_data, value.mv_size);
    work_with_new(keep);
    if (record != NULL && !record_get(keep->txn, DATABASE_CERTIFICATES, key, &there)) {
        record->stays_on_node = true;
        record_store(keep->txn, DATABASE_CERTIFICATES, key, record_pack(keep->txn, &record->base), 0);
    }
    work_with_old(keep);
}

static enum record_step keep_pin(void *arg, struct arena *scratch, const MDB_val *key, const MDB_val *value)
{
    struct keep *keep = arg;
    struct pin_copy says;
    struct pin pin;
    const char *host;
    size_t length;
    MDB_val copy;

    if (!pin_copy_read(value->mv_data, value->mv_size, &says, &host, &length))
        return RECORD_DAMAGED;
    if (says.scope == STORE_SCOPE_PAIR)
        return RECORD_NEXT;
    if (!pin_record_read(scratch, value->mv_data, value->mv_size, &pin))
        return RECORD_DAMAGED;
    copy = kept_copy(keep->txn, value);
    work_with_new(keep);
    keep->result = pin_adopt_own(keep->txn, record_number(key), pin.host, &copy, keep->err);
    keep_certificate(keep, pin.certificate);
    for (size_t i = 0; i < pin.accepted_count; i++)
        keep_certificate(keep, pin.accepted[i].sha256);
    work_with_old(keep);
    return keep->result == 0 ? RECORD_NEXT : RECORD_ENOUGH;
}

/* What shows this node's own certificate in a trust store was the pair's while it stood alone. */
static bool is_own_certificate(const struct keep *keep, struct arena *scratch, const MDB_val *key,
                               const uint8_t *value, size_t length)
{
    const Record__TrustCertificate *record;

    if (key->mv_size < strlen(TRUST_CERTIFICATE_PREFIX) ||
        memcmp(key->mv_data, TRUST_CERTIFICATE_PREFIX, strlen(TRUST_CERTIFICATE_PREFIX)) != 0)
        return false;
    record = record_unpack(scratch, &record__trust_certificate__descriptor, value, length);
    return record != NULL && strcmp(record->node, keep->node_id) == 0;
}

static enum record_step keep_setting(void *arg, struct arena *scratch, const MDB_val *key,
                                     const MDB_val *value)
{
    struct keep *keep = arg;
    Record__Setting *record =
        record_unpack(scratch, &record__setting__descriptor, value->mv_data, value->mv_size);
    MDB_val there;

    if (record == NULL)
        return RECORD_DAMAGED;
    if (record->scope == STORE_SCOPE_PAIR &&
        !is_own_certificate(keep, scratch, key, record->value.data, record->value.len))
        return RECORD_NEXT;
    record->scope = STORE_SCOPE_NODE;
    work_with_new(keep);
    if (!record_get(keep->txn, DATABASE_SETTINGS, *key, &there))
        record_store(keep->txn, DATABASE_SETTINGS, kept_copy(keep->txn, key),
                     record_pack(keep->txn, &record->base), 0);
    work_with_old(keep);
    return keep->txn->status == 0 ? RECORD_NEXT : RECORD_ENOUGH;
}

/* A refused certificate is of interest as long as there is a pin that it did not match. */
static int keep_refused(struct keep *keep)
{
    MDB_cursor *cursor = record_cursor(keep->txn, DATABASE_REFUSED);
    struct arena scratch = {0};
    MDB_val key, value, there;

    while (cursor != NULL && record_cursor_move(keep->txn, cursor, MDB_NEXT, &key, &value)) {
        struct pin_refused refused;
        bool has_pin;

        work_with_new(keep);
        has_pin = record_get(keep->txn, DATABASE_PIN_HOSTS, key, &there);
        work_with_old(keep);
        if (has_pin && pin_refused_read(&scratch, value.mv_data, value.mv_size, &refused)) {
            keep_certificate(keep, refused.sha256);
        } else {
            int code = mdb_cursor_del(cursor, 0);

            if (code != 0)
                record_fail(keep->txn, code, "write");
        }
        arena_reset(&scratch);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    arena_free(&scratch);
    return record_status(keep->txn, keep->err);
}

static int keep_own(struct store_txn *txn, const struct replica_import *import, struct error *err)
{
    struct keep keep = {.txn = txn, .import = import, .node_id = store_node_id(import->store), .err = err};
    uint64_t first = 0;
    MDB_val least = {1, (void *)(uintptr_t) ""};

    work_with_old(&keep);
    if (record_walk(txn, DATABASE_PINS, record_key_number(&first), keep_pin, &keep, err) != 0 ||
        keep.result != 0 || record_walk(txn, DATABASE_SETTINGS, least, keep_setting, &keep, err) != 0)
        return -1;
    return keep_refused(&keep);
}

static int check_whole(struct store_txn *txn, const struct replica_import *import, struct error *err)
{
    replica_set_work_with(txn, import->set);
    if (record_count(txn, DATABASE_PINS) != record_count(txn, DATABASE_PIN_HOSTS))
        return error_set(err, ERROR_UNTRUSTED, "what the other node sent has pins without a host");
    return record_status(txn, err);
}

static int commit_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct commit *commit = arg;
    const struct replica_import *import = commit->import;
    struct replica_state state = *commit->state;

    txn->active_name = NULL;
    if (check_whole(txn, import, err) != 0 || keep_own(txn, import, err) != 0)
        return -1;
    replica_set_use(txn, import->set);
    replica_set_drop(txn, ENVIRONMENT_SETS - 1 - import->set);
    feed_clear(txn);
    upgrade_set_revision(txn, state.revision);
    state.standby = true;
    replica_state_put(txn, &state);
    if (commit->job != NULL && commit->job(txn, commit->arg, err) != 0)
        return -1;
    if (txn->pair_changed)
        return error_set(err, ERROR_INTERNAL, "taking over the other node's records may not change them");
    txn->applied = true;
    txn->applied_to = state.revision;
    return record_status(txn, err);
}

int replica_import_commit(struct replica_import *import, const struct replica_state *state, uint64_t rows,
                          store_job job, void *arg, struct error *err)
{
    struct commit commit = {import, state, job, arg};

    if (import->rows != rows)
        return error_set(err, ERROR_UNTRUSTED, "%llu records came instead of %llu",
                         (unsigned long long)import->rows, (unsigned long long)rows);
    if (send_batch(import, err) != 0 || wait_for_batches(import, 0, err) != 0 ||
        store_run(import->store, commit_job, &commit, err) != 0)
        return -1;
    import->committed = true;
    return 0;
}

void replica_import_free(struct replica_import *import)
{
    if (import == NULL)
        return;
    wait_for_batches(import, 0, NULL);
    batch_free(import->batch);
    if (!import->committed)
        store_run(import->store, drop_job, import, NULL); /* or the next import, or the next start */
    pthread_cond_destroy(&import->changed);
    pthread_mutex_destroy(&import->lock);
    free(import);
}
