/* Time: the wall clock for records, the monotonic clock for limits. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_TEXT_MAX 32

/* Milliseconds since 1970-01-01 00:00 UTC. May jump. */
int64_t clock_wall_ms(void);

/* Milliseconds since some moment; never jumps, goes on while the machine sleeps. */
int64_t clock_monotonic_ms(void);

/* The moment so many milliseconds from now (less than none is now) on CLOCK_MONOTONIC, for
 * pthread_cond_timedwait(). */
struct timespec clock_deadline(int64_t ms);

/* "2026-11-21 00:41:56.123" in UTC: the time in front of log lines. */
void clock_format_log(int64_t wall_ms, char out[CLOCK_TEXT_MAX]);

/* "2026-11-21T00:41:56Z" (RFC 3339): the time in listings and JSON. "" for 0. */
void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_MAX]);
