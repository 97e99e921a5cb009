/* When a server is checked next. Pure. */
#pragma once

#include "store/server.h"

#define SCHEDULE_INTERVAL_MS (15 * 60 * 1000) /* between two checks, unless node.conf says otherwise */
#define SCHEDULE_RETRY_SHARE 15               /* the first retry comes after this part of the interval */
#define SCHEDULE_INTERVALS_MOST 4             /* and never later than after so many intervals */
#define SCHEDULE_JITTER_PERCENT 10            /* more or less */

/*
 * Milliseconds until the next check. Reachable: the interval. Failed so many times in a row: retries that
 * double from a part of the interval up to some intervals; but a server that refused our credentials or our
 * trust, or could not be asked at all, is not asked before the interval is over (accounts get locked). What
 * a busy server asks for (retry_after_s) is granted up to the same limit. `random`: any bits, for the jitter.
 */
int64_t schedule_delay_ms(int64_t interval_ms, enum server_state state, unsigned failures,
                          int64_t retry_after_s, uint32_t random);
