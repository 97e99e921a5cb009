/* What `ncs start` and `ncs stop` start and stop: the HTTPS service and the health monitor. */
#pragma once

#include "daemon/node.h"
#include "identity/identity.h"

#include <jansson.h>

struct services;
struct services *services_new(struct node *node, struct error *err);
void services_free(struct services *services); /* stops them first */

/*
 * Loads key and certificate (made on the first start), follows them with the node's pins of itself, opens the
 * port and starts the monitor; all or nothing. ERROR_CONFLICT: running already, or the port is taken.
 * On the loop's thread only before and after the loop runs; otherwise from a worker.
 */
int services_start(struct services *services, struct error *err);

/* ERROR_CONFLICT: not running. */
int services_stop(struct services *services, struct error *err);

/* What is served; for the monitor, which lives only while that does. */
const struct identity *services_identity(const struct services *services);

/* Certificate and chain that are served now, without the key; NULL while the services are stopped. */
struct identity *services_identity_copy(struct services *services);

/* Servers were registered, changed or deleted: their checks follow. */
void services_wake_watch(struct services *services);

/* True if callers are asked for a certificate now. */
bool services_ask_clients(struct services *services);

/* {"running", "since_ms", "subject", "sha256", "listen", "port", "self_checks"}. New reference. */
json_t *services_state(struct services *services);
