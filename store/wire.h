/* Records read in place, field by field, where unpacking them would cost more than what is done with them.
 * https://protobuf.dev/programming-guides/encoding/ */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VARINT_MOST 10 /* bytes of a 64-bit number */

enum { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5 };

/* Each returns what lies behind; NULL: the bytes up to `end` hold no such thing. */
static inline const uint8_t *wire_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t value;

    if (at < end && *at < 0x80) {
        *out = *at;
        return at + 1;
    }
    value = 0;
    for (unsigned i = 0; i < WIRE_VARINT_MOST && at < end; i++) {
        value |= (uint64_t)(*at & 0x7F) << (7 * i);
        if (*at++ < 0x80) {
            *out = value;
            return at;
        }
    }
    return NULL;
}

static inline const uint8_t *wire_bytes(const uint8_t *at, const uint8_t *end, const uint8_t **bytes,
                                        size_t *length)
{
    uint64_t size;

    at = wire_varint(at, end, &size);
    if (at == NULL || size > (uint64_t)(end - at))
        return NULL;
    *bytes = at;
    *length = (size_t)size;
    return at + size;
}

/* A field of any kind. */
struct wire_field {
    unsigned number;      /* 0: one that no schema has */
    uint64_t value;       /* of a number; 0 for bytes */
    const uint8_t *bytes; /* NULL for a number */
    size_t length;
};
const uint8_t *wire_field(const uint8_t *at, const uint8_t *end, struct wire_field *out);

/* The number in the field 1 of a record that has nothing else that counts; 0 where it is left out. */
bool wire_only_number(const uint8_t *bytes, size_t length, uint64_t *out);
