#include "servers/schedule.h"

static bool may_retry_early(enum server_state state)
{
    return state == SERVER_UNREACHABLE || state == SERVER_UNEXPECTED || state == SERVER_BUSY;
}

int64_t schedule_delay_ms(int64_t interval_ms, enum server_state state, unsigned failures,
                          int64_t retry_after_s, uint32_t random)
{
    int64_t most_ms = interval_ms * SCHEDULE_INTERVALS_MOST;
    int64_t delay_ms = may_retry_early(state) ? interval_ms / SCHEDULE_RETRY_SHARE : interval_ms;
    int64_t jitter_ms;

    if (state == SERVER_REACHABLE)
        failures = 0;
    for (unsigned i = 1; i < failures && delay_ms < most_ms; i++)
        delay_ms *= 2;
    if (state == SERVER_BUSY && retry_after_s > 0 && retry_after_s < most_ms / 1000 &&
        delay_ms < retry_after_s * 1000)
        delay_ms = retry_after_s * 1000;
    else if (state == SERVER_BUSY && retry_after_s >= most_ms / 1000)
        delay_ms = most_ms;
    if (delay_ms > most_ms)
        delay_ms = most_ms;
    jitter_ms = delay_ms * SCHEDULE_JITTER_PERCENT / 100;
    /* what a server asked for is not cut short */
    if (state == SERVER_BUSY && retry_after_s > 0)
        return delay_ms + (jitter_ms > 0 ? random % (jitter_ms + 1) : 0);
    return delay_ms - jitter_ms + (jitter_ms > 0 ? random % (2 * jitter_ms + 1) : 0);
}
