#include "ha/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(const char **at, const char *name, uint64_t *out)
{
    size_t length = strlen(name);
    size_t digits;

    if (strncmp(*at, name, length) != 0)
        return false;
    *at += length;
    digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 19) /* all of which fit */
        return false;
    *out = strtoull(*at, NULL, 10);
    *at += digits;
    return true;
}

int ha_position_parse(const char *query, struct ha_position *out, struct error *err)
{
    const char *at = query;

    *out = (struct ha_position){.line = ""};
    if (read_number(&at, "after=", &out->revision) && read_number(&at, "&epoch=", &out->epoch) &&
        strncmp(at, "&line=", 6) == 0) {
        size_t length = strlen(at + 6);

        if ((length == 0 || length == REPLICA_LINE_SIZE - 1) &&
            strspn(at + 6, "0123456789abcdef") == length) {
            memcpy(out->line, at + 6, length + 1);
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "the place in the changes is not well-formed");
}

void ha_position_format(const struct ha_position *position, char out[HA_POSITION_SIZE])
{
    snprintf(out, HA_POSITION_SIZE, "after=%" PRIu64 "&epoch=%" PRIu64 "&line=%s", position->revision,
             position->epoch, position->line);
}
