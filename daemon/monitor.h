/* The health monitor: connects to the node's own addresses as any peer would, every interval. */
#pragma once

#include "daemon/node.h"

#include <jansson.h>

struct monitor;

/* Starts the monitor's thread. Ends with monitor_stop(), which waits for a check under way. */
struct monitor *monitor_start(struct node *node, struct error *err);
void monitor_stop(struct monitor *monitor);

/* A list of {"kind", "host", "state", "checked_ms", "message"}: the last self check of each address, and the
 * pair's heartbeat. New reference.
 */
json_t *monitor_state(struct monitor *monitor);
