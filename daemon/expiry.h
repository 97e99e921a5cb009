/* Notices of certificates that come to their end: 90, 30, 7 and 1 days before, and once it is over. */
#pragma once

#include "daemon/node.h"

#define EXPIRY_NOTICES_MAX 200 /* of one run; the rest is counted */

/* Gives the notices that came due since the last time; what is new on this node counts from the beginning. */
void expiry_run(struct node *node);
