/* Notices of certificates that come to their end: 90, 30, 7 and 1 days before, and once it is over. */
#pragma once

#include "daemon/node.h"

#define EXPIRY_NOTICES_MAX 200 /* of one run; the rest is counted */

/* How many days before the end the moment that was passed lies: 90, 30, 7, 1 or 0 for the nearest one between
 * after_ms and now_ms, -1 where there was none. */
int expiry_passed(int64_t not_after_ms, int64_t after_ms, int64_t now_ms);

/* Gives the notices that came due since the last time; what is new on this node counts from the beginning. */
void expiry_run(struct node *node);
