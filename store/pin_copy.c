#include "store/pin_copy.h"

#include "store/wire.h"

#include <string.h>

/* Numbers of message Pin (schema.proto). */
enum { FIELD_HOST = 1, FIELD_FROM_PEER = 2, FIELD_SEQUENCE = 5, FIELD_SCOPE = 7 };

bool pin_copy_read(const uint8_t *bytes, size_t length, struct pin_copy *out, const char **host,
                   size_t *host_length)
{
    const uint8_t *at = bytes;
    struct wire_field field;
    int more;

    *out = (struct pin_copy){.scope = STORE_SCOPE_NODE};
    *host = NULL;
    *host_length = 0;
    while ((more = wire_next(&at, bytes + length, &field)) == 1) {
        if (field.number == FIELD_HOST && field.kind == WIRE_BYTES) {
            *host = (const char *)field.bytes;
            *host_length = field.length;
        } else if (field.number == FIELD_FROM_PEER && field.kind == WIRE_VARINT) {
            out->from_peer = field.value != 0;
        } else if (field.number == FIELD_SEQUENCE && field.kind == WIRE_VARINT) {
            out->sequence = field.value;
        } else if (field.number == FIELD_SCOPE && field.kind == WIRE_VARINT) {
            out->scope = field.value == STORE_SCOPE_PAIR ? STORE_SCOPE_PAIR : STORE_SCOPE_NODE;
        }
    }
    return more == 0 && *host_length > 0 && *host_length < HOST_PORT_TEXT_MAX &&
           memchr(*host, '\0', *host_length) == NULL;
}

static uint8_t *put_number(uint8_t *at, unsigned field, uint64_t value)
{
    if (value == 0)
        return at;
    at = wire_write_varint(at, (uint64_t)field << 3 | WIRE_VARINT);
    return wire_write_varint(at, value);
}

/* Those of the node's own fields that come behind field `from` and before field `to`. */
static uint8_t *put_own(uint8_t *at, uint64_t from, uint64_t to, const struct pin_copy *with)
{
    if (from < FIELD_FROM_PEER && FIELD_FROM_PEER < to)
        at = put_number(at, FIELD_FROM_PEER, with->from_peer);
    if (from < FIELD_SEQUENCE && FIELD_SEQUENCE < to)
        at = put_number(at, FIELD_SEQUENCE, with->sequence);
    if (from < FIELD_SCOPE && FIELD_SCOPE < to)
        at = put_number(at, FIELD_SCOPE, with->scope);
    return at;
}

size_t pin_copy_write(const uint8_t *bytes, size_t length, const struct pin_copy *with, uint8_t *out)
{
    const uint8_t *at = bytes;
    uint8_t *to = out;
    struct wire_field field;
    uint64_t last = 0;
    int more;

    /* Fields are written in the order of their numbers; whatever has another order was not written here. */
    while ((more = wire_next(&at, bytes + length, &field)) == 1) {
        bool own =
            field.number == FIELD_FROM_PEER || field.number == FIELD_SEQUENCE || field.number == FIELD_SCOPE;

        if (field.number < last || (last == 0 && field.number != FIELD_HOST))
            return 0;
        if (own)
            continue;
        to = put_own(to, last, field.number, with);
        memcpy(to, field.start, (size_t)(at - field.start));
        to += at - field.start;
        last = field.number;
    }
    if (more != 0 || last == 0)
        return 0;
    to = put_own(to, last, UINT64_MAX, with);
    return (size_t)(to - out);
}
