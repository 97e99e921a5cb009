#include "shell/idle.h"

#include "base/clock.h"

#include <stdio.h>

#define WARN_BEFORE_MS 60000 /* before an idle session ends; half the limit where that is shorter */

void idle_touch(struct idle *idle)
{
    idle->last_ms = clock_monotonic_ms();
    idle->warned = false;
}

int64_t idle_left(const struct idle *idle)
{
    int64_t before = idle->limit_ms / 2 < WARN_BEFORE_MS ? idle->limit_ms / 2 : WARN_BEFORE_MS;
    int64_t left = idle->last_ms + idle->limit_ms - (idle->warned ? 0 : before) - clock_monotonic_ms();

    if (idle->limit_ms == 0)
        return -1;
    return left > 0 ? left : 0;
}

bool idle_warn(struct idle *idle, char *warning, size_t size)
{
    int64_t left = idle->last_ms + idle->limit_ms - clock_monotonic_ms();

    if (idle->warned)
        return false;
    idle->warned = true;
    snprintf(warning, size, "This session ends in %lld seconds unless a key is pressed.",
             (long long)(left > 0 ? (left + 999) / 1000 : 0));
    return true;
}
