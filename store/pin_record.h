/* Pins, their events and refusals as bytes. */
#pragma once

#include "base/arena.h"
#include "store/pin.h"

/* Each reads the bytes of one record into the arena. False: they are no such record, or memory ran out. */
bool pin_record_read(struct arena *arena, const void *bytes, size_t length, struct pin *out);
/* The same for a pin without its texts (NULL), in place. Both read the same of what this program wrote. */
bool pin_record_look(const uint8_t *bytes, size_t length, struct pin *out);

bool pin_event_read(struct arena *arena, const void *bytes, size_t length, struct pin_event *out);
bool pin_refused_read(struct arena *arena, const void *bytes, size_t length, struct pin_refused *out);

/* The number under which a host's pin is kept: 1 found, 0 there is none, -1. */
int pin_find_sequence(struct store_txn *txn, const char *host, uint64_t *sequence, struct error *err);
