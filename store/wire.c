#include "store/wire.h"

static const uint8_t *fixed(const uint8_t *at, const uint8_t *end, size_t size)
{
    return (size_t)(end - at) >= size ? at + size : NULL;
}

const uint8_t *wire_field(const uint8_t *at, const uint8_t *end, struct wire_field *out)
{
    uint64_t tag;

    *out = (struct wire_field){0};
    at = wire_varint(at, end, &tag);
    if (at == NULL || tag >> 3 == 0 || tag >> 32 != 0)
        return NULL;
    out->number = (unsigned)(tag >> 3);
    switch (tag & 7) {
    case WIRE_VARINT:
        return wire_varint(at, end, &out->value);
    case WIRE_BYTES:
        return wire_bytes(at, end, &out->bytes, &out->length);
    case WIRE_64_BITS:
        return fixed(at, end, sizeof(uint64_t));
    case WIRE_32_BITS:
        return fixed(at, end, sizeof(uint32_t));
    default:
        return NULL;
    }
}

bool wire_only_number(const uint8_t *bytes, size_t length, uint64_t *out)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + length;

    *out = 0;
    while (at < end) {
        struct wire_field field;

        at = wire_field(at, end, &field);
        if (at == NULL || (field.number == 1 && field.bytes != NULL))
            return false;
        if (field.number == 1)
            *out = field.value;
    }
    return true;
}
