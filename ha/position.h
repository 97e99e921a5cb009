/* Where a standby stands: a revision of an epoch of a line of history. */
#pragma once

#include "store/replica.h"

struct ha_position {
    char line[REPLICA_LINE_SIZE]; /* "": in none yet */
    uint64_t epoch;
    uint64_t revision;
};

/* As a request says it: "after=<revision>&epoch=<epoch>&line=<line>". ERROR_INVALID_ARGUMENT. */
#define HA_POSITION_SIZE 128
int ha_position_parse(const char *query, struct ha_position *out, struct error *err);
void ha_position_format(const struct ha_position *position, char out[HA_POSITION_SIZE]);
