#include "store/certificate.h"

#include "store/record.h"
#include "store/small_record.h"
#include "store/wire.h"

#include <string.h>

#define FIELD_STAYS_ON_NODE 14 /* of message Certificate (schema.proto) */

bool certificate_read(struct arena *arena, const void *bytes, size_t length, struct certificate_facts *facts,
                      const uint8_t **der, size_t *der_length)
{
    const Record__Certificate *record = record_unpack(arena, &record__certificate__descriptor, bytes, length);

    memset(facts, 0, sizeof(*facts));
    if (record == NULL || !record_sha256(&record->spki_sha256, facts->spki_sha256))
        return false;
    facts->subject_slash = record->subject_slash;
    facts->subject_oneline = record->subject_oneline;
    facts->subject_reversed = record->subject_reversed;
    facts->common_name = record->common_name;
    facts->issuer_oneline = record->issuer_oneline;
    facts->serial = record->serial;
    facts->names = record->names;
    facts->key = record->key;
    facts->signature = record->signature;
    facts->not_before_ms = record->not_before_ms;
    facts->not_after_ms = record->not_after_ms;
    *der = record->der.data;
    *der_length = record->der.len;
    return true;
}

bool certificate_stays(const void *bytes, size_t length)
{
    uint64_t stays = 0;

    return wire_number(bytes, length, FIELD_STAYS_ON_NODE, &stays) && stays != 0;
}

static char *text(const char *string)
{
    return (char *)(uintptr_t)(string != NULL ? string : "");
}

/* Its texts and bytes are borrowed. */
static void fill(Record__Certificate *record, const struct certificate_facts *facts, const uint8_t *der,
                 size_t der_length)
{
    record__certificate__init(record);
    record->der.data = (uint8_t *)(uintptr_t)der;
    record->der.len = der_length;
    record->spki_sha256.data = (uint8_t *)(uintptr_t)facts->spki_sha256;
    record->spki_sha256.len = FINGERPRINT_SIZE;
    record->subject_slash = text(facts->subject_slash);
    record->subject_oneline = text(facts->subject_oneline);
    record->subject_reversed = text(facts->subject_reversed);
    record->common_name = text(facts->common_name);
    record->issuer_oneline = text(facts->issuer_oneline);
    record->serial = text(facts->serial);
    record->names = text(facts->names);
    record->key = text(facts->key);
    record->signature = text(facts->signature);
    record->not_before_ms = facts->not_before_ms;
    record->not_after_ms = facts->not_after_ms;
    record->stays_on_node = true;
}

const uint8_t *certificate_pack(struct store_txn *txn, const struct certificate_facts *facts,
                                const uint8_t *der, size_t der_length, size_t *length)
{
    Record__Certificate record;
    MDB_val packed;

    fill(&record, facts, der, der_length);
    packed = record_pack(txn, &record.base);
    *length = packed.mv_size;
    return packed.mv_data;
}

int certificate_put(struct store_txn *txn, const struct certificate_facts *facts, const uint8_t *der,
                    size_t der_length, struct error *err)
{
    MDB_val key = record_key(facts->sha256, FINGERPRINT_SIZE);
    Record__Certificate record;
    MDB_val there;

    if (record_get(txn, DATABASE_CERTIFICATES, key, &there) || txn->status != 0)
        return record_status(txn, err);
    fill(&record, facts, der, der_length);
    record_put(txn, DATABASE_CERTIFICATES, STORE_SCOPE_NODE, key, &record.base);
    return record_status(txn, err);
}

void certificate_share(struct store_txn *txn, const uint8_t sha256[FINGERPRINT_SIZE])
{
    MDB_val key = record_key(sha256, FINGERPRINT_SIZE);
    Record__Certificate *record;
    MDB_val value;

    if (!record_get(txn, DATABASE_CERTIFICATES, key, &value) ||
        !certificate_stays(value.mv_data, value.mv_size))
        return;
    record = record_unpack(&txn->arena, &record__certificate__descriptor, value.mv_data, value.mv_size);
    if (record == NULL) {
        record_fail(txn, MDB_CORRUPTED, "read");
        return;
    }
    record->stays_on_node = false;
    record_put(txn, DATABASE_CERTIFICATES, STORE_SCOPE_PAIR, key, &record->base);
}

int certificate_get(struct store_txn *txn, const uint8_t sha256[FINGERPRINT_SIZE],
                    struct certificate_facts *facts, const uint8_t **der, size_t *der_length,
                    struct error *err)
{
    char name[FINGERPRINT_TEXT_MAX];
    const uint8_t *bytes;
    size_t length;
    MDB_val value;

    if (!record_get(txn, DATABASE_CERTIFICATES, record_key(sha256, FINGERPRINT_SIZE), &value)) {
        if (record_status(txn, err) != 0)
            return -1;
        fingerprint_format(sha256, name);
        return error_set(err, ERROR_NOT_FOUND, "the certificate %s is not kept here", name);
    }
    if (!certificate_read(&txn->arena, value.mv_data, value.mv_size, facts, &bytes, &length))
        return record_damaged(txn, DATABASE_CERTIFICATES, err);
    memcpy(facts->sha256, sha256, FINGERPRINT_SIZE);
    if (der != NULL)
        *der = bytes;
    if (der_length != NULL)
        *der_length = length;
    return 0;
}
