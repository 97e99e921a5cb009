/* Fields of a packed protobuf message, read in place. https://protobuf.dev/programming-guides/encoding/ */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VARINT_MOST 10 /* bytes of a 64-bit number */
enum wire_kind { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint64_t number;
    enum wire_kind kind;
    const uint8_t *start; /* of the whole field, its tag included, up to the reader's new place */
    uint64_t value;       /* of a varint */
    const uint8_t *bytes; /* of WIRE_BYTES */
    size_t length;
};

static inline const uint8_t *wire_read_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
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

/* Writes a number; returns the byte behind it. At most WIRE_VARINT_MOST bytes. */
uint8_t *wire_write_varint(uint8_t *at, uint64_t value);

/* Reads the field at *at and moves behind it. 1; 0: the end; -1: the bytes are no message. */
int wire_next(const uint8_t **at, const uint8_t *end, struct wire_field *out);

/* The last value of a number field; 0 where it is not there. False: the bytes are no message. */
bool wire_number(const uint8_t *bytes, size_t length, uint64_t number, uint64_t *out);
