#include "store/pin_row.h"

#include "store/pin_record.h"
#include "store/wire.h"

#include <string.h>

enum {
    FIELD_HOST = 1,
    FIELD_FROM_PEER,
    FIELD_SUBJECT_SLASH,
    FIELD_SUBJECT_ONELINE,
    FIELD_SEQUENCE,
    FIELD_ZONE,
    FIELD_SCOPE,
    FIELD_FIRST_SEEN,
    FIELD_LAST_SEEN,
    FIELD_ACCEPTED,
    FIELD_CERTIFICATE,
    FIELD_NOT_AFTER
};
enum { FIELD_KIND = 1, FIELD_STATE, FIELD_SHA256 }; /* of an accepted fingerprint */

static inline const uint8_t *read_text(const uint8_t *at, const uint8_t *end, const char **text,
                                       size_t *length)
{
    uint64_t size;

    at = wire_read_varint(at, end, &size);
    if (at == NULL || size > (uint64_t)(end - at))
        return NULL;
    *text = (const char *)at;
    *length = (size_t)size;
    return at + size;
}

bool pin_row_read(const uint8_t *bytes, size_t length, struct pin_row *out)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + length;
    uint64_t tag = 0;
    uint64_t number;

    *out = (struct pin_row){
        .host = "", .subject_slash = "", .subject_oneline = "", .record = bytes, .record_length = length};
    /* Fields are written in the order of their numbers: nothing behind the last one is even looked at. */
    while (at < end && tag >> 3 < FIELD_SUBJECT_ONELINE) {
        at = wire_read_varint(at, end, &tag);
        if (at == NULL)
            return false;
        if (tag == (FIELD_HOST << 3 | WIRE_BYTES)) {
            at = read_text(at, end, &out->host, &out->host_length);
        } else if (tag == (FIELD_SUBJECT_SLASH << 3 | WIRE_BYTES)) {
            at = read_text(at, end, &out->subject_slash, &out->subject_slash_length);
        } else if (tag == (FIELD_SUBJECT_ONELINE << 3 | WIRE_BYTES)) {
            at = read_text(at, end, &out->subject_oneline, &out->subject_oneline_length);
        } else if (tag == (FIELD_FROM_PEER << 3 | WIRE_VARINT)) {
            at = wire_read_varint(at, end, &number);
            out->from_peer = at != NULL && number != 0;
        } else if (tag >> 3 <= FIELD_SUBJECT_ONELINE) { /* one of these fields in another form */
            return false;
        }
        if (at == NULL)
            return false;
    }
    return out->host_length > 0 && out->host_length < HOST_PORT_TEXT_MAX;
}

static bool read_accepted(const struct wire_field *record, struct pin_fingerprint *out)
{
    const uint8_t *at = record->bytes;
    const uint8_t *end = at + record->length;
    struct wire_field field;
    bool whole = false;
    int more;

    memset(out, 0, sizeof(*out));
    while ((more = wire_next(&at, end, &field)) == 1) {
        if (field.number <= FIELD_SHA256 && (field.bytes != NULL) != (field.number == FIELD_SHA256))
            return false;
        if (field.number == FIELD_KIND)
            out->kind = (enum pin_kind)field.value;
        else if (field.number == FIELD_STATE)
            out->state = (enum pin_state)field.value;
        else if (field.number == FIELD_SHA256 && (whole = field.length == FINGERPRINT_SIZE))
            memcpy(out->sha256, field.bytes, FINGERPRINT_SIZE);
    }
    return more == 0 && whole && out->kind <= PIN_KEY && out->state <= PIN_RETIRED;
}

static bool read_bytes(const struct wire_field *field, struct pin *out)
{
    switch (field->number) {
    case FIELD_HOST:
        if (field->length == 0 || field->length >= HOST_PORT_TEXT_MAX)
            return false;
        memcpy(out->host, field->bytes, field->length);
        out->host[field->length] = '\0';
        return strlen(out->host) == field->length;
    case FIELD_ACCEPTED:
        return out->accepted_count < PIN_ACCEPTED_MAX &&
               read_accepted(field, &out->accepted[out->accepted_count++]);
    case FIELD_CERTIFICATE:
        if (field->length == FINGERPRINT_SIZE)
            memcpy(out->certificate, field->bytes, FINGERPRINT_SIZE);
        return field->length == FINGERPRINT_SIZE || field->length == 0;
    default:
        return field->number == FIELD_SUBJECT_SLASH || field->number == FIELD_SUBJECT_ONELINE ||
               field->number > FIELD_NOT_AFTER;
    }
}

static bool read_number(const struct wire_field *field, struct pin *out)
{
    switch (field->number) {
    case FIELD_FROM_PEER:
        out->from_peer = field->value != 0;
        return true;
    case FIELD_SEQUENCE:
        out->sequence = field->value;
        return true;
    case FIELD_ZONE:
        out->zone = (enum trust_zone)field->value;
        return field->value < TRUST_ZONES;
    case FIELD_SCOPE:
        out->scope = (enum store_scope)field->value;
        return field->value <= STORE_SCOPE_PAIR;
    case FIELD_FIRST_SEEN:
        out->first_seen_ms = (int64_t)field->value;
        return true;
    case FIELD_LAST_SEEN:
        out->last_seen_ms = (int64_t)field->value;
        return true;
    case FIELD_NOT_AFTER:
        out->not_after_ms = (int64_t)field->value;
        return true;
    default:
        return field->number > FIELD_NOT_AFTER;
    }
}

bool pin_record_look(const uint8_t *bytes, size_t length, struct pin *out)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + length;
    struct wire_field field;
    bool named = false;
    int more;

    memset(out, 0, sizeof(*out));
    while ((more = wire_next(&at, end, &field)) == 1) {
        if (!(field.bytes != NULL ? read_bytes : read_number)(&field, out))
            return false;
        if (field.number == FIELD_CERTIFICATE)
            named = field.length > 0;
    }
    if (out->accepted_count > 0 && !named)
        memcpy(out->certificate, out->accepted[0].sha256, FINGERPRINT_SIZE);
    return more == 0 && out->host[0] != '\0';
}
