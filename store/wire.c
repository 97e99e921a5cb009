#include "store/wire.h"

uint8_t *wire_write_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static const uint8_t *skip(const uint8_t *at, const uint8_t *end, size_t length)
{
    return length <= (size_t)(end - at) ? at + length : NULL;
}

int wire_next(const uint8_t **at, const uint8_t *end, struct wire_field *out)
{
    const uint8_t *next = *at;
    uint64_t tag, length;

    if (next == end)
        return 0;
    *out = (struct wire_field){.start = next};
    next = wire_read_varint(next, end, &tag);
    if (next == NULL || tag >> 3 == 0)
        return -1;
    out->number = tag >> 3;
    out->kind = (enum wire_kind)(tag & 7);
    switch (out->kind) {
    case WIRE_VARINT:
        next = wire_read_varint(next, end, &out->value);
        break;
    case WIRE_FIXED64:
        next = skip(next, end, 8);
        break;
    case WIRE_FIXED32:
        next = skip(next, end, 4);
        break;
    case WIRE_BYTES:
        next = wire_read_varint(next, end, &length);
        if (next == NULL || length > (uint64_t)(end - next))
            return -1;
        out->bytes = next;
        out->length = (size_t)length;
        next += length;
        break;
    default:
        return -1;
    }
    if (next == NULL)
        return -1;
    *at = next;
    return 1;
}

bool wire_number(const uint8_t *bytes, size_t length, uint64_t number, uint64_t *out)
{
    const uint8_t *at = bytes;
    struct wire_field field;
    int more;

    *out = 0;
    while ((more = wire_next(&at, bytes + length, &field)) == 1) {
        if (field.number == number && field.kind != WIRE_VARINT)
            return false;
        if (field.number == number)
            *out = field.value;
    }
    return more == 0;
}
