/* Taking over the system's CA certificates into the trust stores that follow them. */
#pragma once

#include "daemon/node.h"
#include "trust/trust.h"

#define CA_UPDATE_INTERVAL_MS (24 * 3600 * 1000LL)

/* Reads node.conf's ca-bundle. Free with x509_bundle_free(). */
STACK_OF(X509) * ca_update_read(const struct node *node, struct error *err);

/* In a job: the zone's part of the system's certificates becomes what the bundle is. */
int ca_update_apply(struct store_txn *txn, enum trust_zone zone, STACK_OF(X509) * bundle,
                    struct trust_ca_count *count, struct error *err);

/* Does so for every zone that follows it and was not brought up to date for CA_UPDATE_INTERVAL_MS; a failure
 * is kept with the zone and logged. */
void ca_update_run(struct node *node);
