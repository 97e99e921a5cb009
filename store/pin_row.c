#include "store/pin_row.h"

#include "store/wire.h"

enum { FIELD_HOST = 1, FIELD_FROM_PEER, FIELD_SUBJECT_SLASH, FIELD_SUBJECT_ONELINE };

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
