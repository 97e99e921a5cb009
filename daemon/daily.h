/* What a node does by itself about once a day, on a thread of its own. */
#pragma once

#include "daemon/node.h"

struct daily;

/* Looks at once, and then every DAILY_LOOK_MS, what is due: own certificates that the pair shall trust, CA
 * certificates, notices of expiry. */
#define DAILY_LOOK_MS (3600 * 1000)
struct daily *daily_start(struct node *node, struct error *err);

/* Looks now. NULL is fine. Does not wait. */
void daily_wake(struct daily *daily);

/* Waits until what is under way has ended. NULL is fine. */
void daily_stop(struct daily *daily);

/* Once nobody can wake it any more. NULL is fine. */
void daily_free(struct daily *daily);
