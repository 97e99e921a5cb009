/*
 * The services that use the certificates of the purposes. Each keeps the certificates that it loaded when it
 * was started last: a new one is used by a service only after its restart, and the holder of a purpose puts
 * the new certificate in service. Cisco Tomcat is primed's own HTTPS service; Cisco TFTP serves the CTL file
 * that it loaded; Cisco Intercluster Sync Agent shows the node's tomcat certificates in tomcat-trust, for the
 * pair.
 */
#pragma once

#include "daemon/purpose_keep.h"

#include <jansson.h>

struct purpose_services;
struct purpose_services *purpose_services_new(struct node *node, struct error *err);
void purpose_services_free(struct purpose_services *services);

/* All of them start: what waits is put in service, and everything is loaded. What fails goes to the log. */
void purpose_services_start(struct purpose_services *services);

/* Own certificates stand in the trust stores as they should: for the pair, where this node is active now. */
void purpose_services_show(struct purpose_services *services);

/* Restarts one; `step` is called with "STOPPING", "STARTING", "STARTED". */
int purpose_service_restart(struct purpose_services *services, const struct purpose_service *service,
                            void (*step)(void *arg, const char *state), void *arg, struct error *err);

/* A purpose got its first certificate: who uses it loads it at once. */
void purpose_services_first(struct purpose_services *services, const struct purpose *purpose,
                            const X509 *certificate);

/* True if the service uses this very certificate now. */
bool purpose_service_uses(struct purpose_services *services, const char *service,
                          const struct purpose *purpose, const X509 *certificate);

/* [{"service", "state", "since_ms", "purposes"}]. New reference. */
json_t *purpose_services_list(struct purpose_services *services);

/* The CTL file as Cisco TFTP loaded it; the caller frees. NULL: it serves none. */
char *purpose_services_ctl(struct purpose_services *services, size_t *length);
