/* A pin's record for another node: the same bytes, but for what is each node's own. */
#pragma once

#include "store/pin.h"

#define PIN_COPY_MORE 32 /* bytes that a copy may have more than the record */

struct pin_copy {
    uint64_t sequence; /* 0: none, as in what is compared */
    bool from_peer;
    enum store_scope scope;
};

/* What a record says of it, and its host (not NUL-terminated). False: the bytes are no such record. */
bool pin_copy_read(const uint8_t *bytes, size_t length, struct pin_copy *out, const char **host,
                   size_t *host_length);

/* Writes the record with these values instead; `out` has room for length + PIN_COPY_MORE. Returns its length;
 * 0: the bytes are no such record. */
size_t pin_copy_write(const uint8_t *bytes, size_t length, const struct pin_copy *with, uint8_t *out);
