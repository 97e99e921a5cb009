#include "store/certificate.h"
#include "store/pin.h"
#include "store/pin_record.h"
#include "store/record.h"
#include "store/small_record.h"

#include <string.h>

bool pin_refused_read(struct arena *arena, const void *bytes, size_t length, struct pin_refused *out)
{
    const Record__Refused *record = record_unpack(arena, &record__refused__descriptor, bytes, length);

    if (record == NULL || !record_sha256(&record->sha256, out->sha256))
        return false;
    out->first_seen_ms = record->first_seen_ms;
    out->last_seen_ms = record->last_seen_ms;
    out->times = record->times;
    out->bytes = record->certificate.data;
    out->length = record->certificate.len;
    return true;
}

int pin_refused_get(struct store_txn *txn, const char *host, struct pin_refused *out, struct error *err)
{
    MDB_val value;

    if (record_get(txn, DATABASE_REFUSED, record_key_text(host), &value))
        return pin_refused_read(&txn->arena, value.mv_data, value.mv_size, out)
                   ? 0
                   : record_damaged(txn, DATABASE_REFUSED, err);
    if (record_status(txn, err) != 0)
        return -1;
    return error_set(err, ERROR_NOT_FOUND, "no certificate was refused for %.260s", host);
}

int pin_refused_set(struct store_txn *txn, const char *host, const struct pin_refused *refused,
                    struct error *err)
{
    Record__Refused record = RECORD__REFUSED__INIT;

    record.sha256.data = (uint8_t *)(uintptr_t)refused->sha256;
    record.sha256.len = FINGERPRINT_SIZE;
    record.first_seen_ms = refused->first_seen_ms;
    record.last_seen_ms = refused->last_seen_ms;
    record.times = refused->times;
    record.certificate.data = (uint8_t *)(uintptr_t)refused->bytes;
    record.certificate.len = refused->length;
    record_put(txn, DATABASE_REFUSED, STORE_SCOPE_NODE, record_key_text(host), &record.base);
    return record_status(txn, err);
}

int pin_refused_fill(struct store_txn *txn, struct pin_refused *refused,
                     const struct certificate_facts *facts, const uint8_t *der, size_t der_length,
                     struct error *err)
{
    memcpy(refused->sha256, facts->sha256, FINGERPRINT_SIZE);
    refused->bytes = certificate_pack(txn, facts, der, der_length, &refused->length);
    return record_status(txn, err);
}

int pin_refused_certificate(struct store_txn *txn, const struct pin_refused *refused,
                            struct certificate_facts *facts, const uint8_t **der, size_t *der_length,
                            struct error *err)
{
    const uint8_t *bytes;
    size_t length;

    if (refused->length == 0) /* refused by an earlier version */
        return certificate_get(txn, refused->sha256, facts, der, der_length, err);
    if (!certificate_read(&txn->arena, refused->bytes, refused->length, facts, &bytes, &length))
        return record_damaged(txn, DATABASE_REFUSED, err);
    memcpy(facts->sha256, refused->sha256, FINGERPRINT_SIZE);
    if (der != NULL)
        *der = bytes;
    if (der_length != NULL)
        *der_length = length;
    return 0;
}

int pin_refused_clear(struct store_txn *txn, const char *host, struct error *err)
{
    MDB_val value;

    if (record_get(txn, DATABASE_REFUSED, record_key_text(host), &value))
        record_delete(txn, DATABASE_REFUSED, STORE_SCOPE_NODE, record_key_text(host));
    return record_status(txn, err);
}
