#include "base/clock.h"

#include <stdio.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

struct timespec clock_deadline(int64_t ms)
{
    struct timespec when;

    clock_gettime(CLOCK_MONOTONIC, &when);
    if (ms < 0)
        ms = 0;
    when.tv_sec += ms / 1000;
    when.tv_nsec += ms % 1000 * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_nsec -= 1000000000;
        when.tv_sec++;
    }
    return when;
}

static struct tm utc_of(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc = {0};

    gmtime_r(&seconds, &utc);
    return utc;
}

void clock_format_log(int64_t wall_ms, char out[CLOCK_TEXT_MAX])
{
    struct tm utc = utc_of(wall_ms);
    size_t used = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &utc);

    snprintf(out + used, CLOCK_TEXT_MAX - used, ".%03d", (int)(wall_ms % 1000));
}

void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_MAX])
{
    struct tm utc = utc_of(wall_ms);

    out[0] = '\0';
    if (wall_ms != 0)
        strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
