/* The first fields of a pin's record, read in place: what a listing of a million pins does a million times.
 */
#pragma once

#include "store/pin.h"

/*
 * Reads fields 1 to 4 of message Pin (schema.proto) and stops behind them. Looks at no byte behind `length`.
 * False: the bytes are no such record. https://protobuf.dev/programming-guides/encoding/
 */
bool pin_row_read(const uint8_t *bytes, size_t length, struct pin_row *out);
