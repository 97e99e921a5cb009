#include "store/trust_certificate.h"

#include "store/record.h"
#include "store/setting.h"

#include <stdio.h>
#include <string.h>

#define NAME_MOST 160 /* bytes of a setting's name here */

static int name_of(const char *store, const char *file, char out[NAME_MOST], struct error *err)
{
    if (snprintf(out, NAME_MOST, TRUST_CERTIFICATE_PREFIX "%s/%s", store, file) < NAME_MOST)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "the name %.60s... is too long", file);
}

static int read_value(struct store_txn *txn, const uint8_t *value, size_t length,
                      struct trust_certificate *out, struct error *err)
{
    const Record__TrustCertificate *record =
        record_unpack(&txn->arena, &record__trust_certificate__descriptor, value, length);

    if (record == NULL)
        return record_damaged(txn, DATABASE_SETTINGS, err);
    out->der = record->der.data;
    out->der_length = record->der.len;
    out->node = record->node;
    out->purpose = record->purpose;
    out->subject_slash = record->subject_slash;
    out->not_after_ms = record->not_after_ms;
    out->when_ms = record->when_ms;
    out->who = record->who;
    return 0;
}

int trust_certificate_get(struct store_txn *txn, const char *store, const char *file,
                          struct trust_certificate *out, struct error *err)
{
    char name[NAME_MOST];
    struct error cause = {0};
    const uint8_t *value;
    size_t length;

    if (name_of(store, file, name, err) != 0)
        return -1;
    *out = (struct trust_certificate){.store = store, .file = file};
    if (setting_get(txn, name, &value, &length, &cause) == 0)
        return read_value(txn, value, length, out, err);
    if (cause.code == ERROR_NOT_FOUND)
        return error_set(err, ERROR_NOT_FOUND, "there is no certificate %.100s in %s", file, store);
    if (err != NULL)
        *err = cause;
    return -1;
}

int trust_certificate_put(struct store_txn *txn, const struct trust_certificate *certificate,
                          struct error *err)
{
    Record__TrustCertificate record = RECORD__TRUST_CERTIFICATE__INIT;
    char name[NAME_MOST];
    MDB_val value;

    if (name_of(certificate->store, certificate->file, name, err) != 0)
        return -1;
    record.der.data = (uint8_t *)(uintptr_t)certificate->der;
    record.der.len = certificate->der_length;
    record.node = (char *)(uintptr_t)certificate->node;
    record.purpose = (char *)(uintptr_t)certificate->purpose;
    if (certificate->subject_slash != NULL)
        record.subject_slash = (char *)(uintptr_t)certificate->subject_slash;
    record.not_after_ms = certificate->not_after_ms;
    record.when_ms = certificate->when_ms;
    record.who = (char *)(uintptr_t)certificate->who;
    value = record_pack(txn, &record.base);
    if (record_status(txn, err) != 0)
        return -1;
    return setting_set(txn, name, certificate->scope, value.mv_data, value.mv_size, err);
}

int trust_certificate_delete(struct store_txn *txn, const char *store, const char *file,
                             enum store_scope scope, struct error *err)
{
    struct trust_certificate there;
    enum store_scope kept;
    char name[NAME_MOST];

    if (trust_certificate_get(txn, store, file, &there, err) != 0 || name_of(store, file, name, err) != 0 ||
        setting_scope(txn, name, &kept, err) != 0)
        return -1;
    record_remove(txn, DATABASE_SETTINGS, record_key_text(name));
    if (scope == STORE_SCOPE_NODE && kept == STORE_SCOPE_PAIR)
        record_release(txn, DATABASE_SETTINGS, record_key_text(name));
    else if (kept == STORE_SCOPE_NODE && !store_is_active(txn))
        record_note(txn, DATABASE_SETTINGS, STORE_SCOPE_NODE, record_key_text(name), NULL); /* its own copy */
    else
        record_note(txn, DATABASE_SETTINGS, scope, record_key_text(name), NULL);
    return record_status(txn, err);
}

struct walk {
    struct store_txn *txn;
    int (*each)(void *arg, const struct trust_certificate *certificate);
    void *arg;
    struct error *err;
    const char *store; /* the names come without it */
    int result;
};

static int take(void *arg, const char *name, enum store_scope scope, const uint8_t *value, size_t length)
{
    struct walk *walk = arg;
    struct trust_certificate certificate = {.scope = scope};
    const char *slash = walk->store != NULL ? NULL : strchr(name, '/');

    certificate.store = walk->store;
    certificate.file = name;
    if (slash != NULL) {
        certificate.store = arena_copy(&walk->txn->arena, name, (size_t)(slash - name));
        certificate.file = slash + 1;
    }
    if (certificate.store == NULL)
        return 0;
    walk->result = read_value(walk->txn, value, length, &certificate, walk->err);
    return walk->result != 0 ? -1 : walk->each(walk->arg, &certificate);
}

int trust_certificate_each(struct store_txn *txn, const char *store,
                           int (*each)(void *arg, const struct trust_certificate *certificate), void *arg,
                           struct error *err)
{
    struct walk walk = {.txn = txn, .each = each, .arg = arg, .err = err, .store = store};
    char prefix[NAME_MOST] = TRUST_CERTIFICATE_PREFIX;

    if (store != NULL && name_of(store, "", prefix, err) != 0)
        return -1;
    if (setting_each(txn, prefix, take, &walk, err) != 0)
        return -1;
    return walk.result;
}
