#include "store/pin_row.h"

#define VARINT_MOST 10 /* bytes of a 64-bit number */

enum { FIELD_HOST = 1, FIELD_FROM_PEER, FIELD_SUBJECT_SLASH, FIELD_SUBJECT_ONELINE };
enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static inline const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t value;

    if (at < end && *at < 0x80) {
        *out = *at;
        return at + 1;
    }
    value = 0;
    for (unsigned i = 0; i < VARINT_MOST && at < end; i++) {
        value |= (uint64_t)(*at & 0x7F) << (7 * i);
        if (*at++ < 0x80) {
            *out = value;
            return at;
        }
    }
    return NULL;
}

static inline const uint8_t *read_text(const uint8_t *at, const uint8_t *end, const char **text,
                                       size_t *length)
{
    uint64_t size;

    at = read_varint(at, end, &size);
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
        at = read_varint(at, end, &tag);
        if (at == NULL)
            return false;
        if (tag == (FIELD_HOST << 3 | WIRE_BYTES)) {
            at = read_text(at, end, &out->host, &out->host_length);
        } else if (tag == (FIELD_SUBJECT_SLASH << 3 | WIRE_BYTES)) {
            at = read_text(at, end, &out->subject_slash, &out->subject_slash_length);
        } else if (tag == (FIELD_SUBJECT_ONELINE << 3 | WIRE_BYTES)) {
            at = read_text(at, end, &out->subject_oneline, &out->subject_oneline_length);
        } else if (tag == (FIELD_FROM_PEER << 3 | WIRE_VARINT)) {
            at = read_varint(at, end, &number);
            out->from_peer = at != NULL && number != 0;
        } else if (tag >> 3 <= FIELD_SUBJECT_ONELINE) { /* one of these fields in another form */
            return false;
        }
        if (at == NULL)
            return false;
    }
    return out->host_length > 0 && out->host_length < HOST_PORT_TEXT_MAX;
}
