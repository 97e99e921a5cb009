/* Where a lab lives: a range of loopback addresses in which nobody listens on its ports. */
#pragma once

#include "lab/servers.h"

/*
 * Finds the addresses of a lab about to come up, where it has none yet: LAB_NETWORK for the lab without a
 * name (`first`), else, or where that is taken, the next free range from 127.0.1 on. Holds the range until
 * the returned descriptor is closed, against other labs that come up meanwhile. A range that was typed or
 * written down is kept. ERROR_CONFLICT says who listens there already.
 */
int lab_network_claim(struct lab *lab, bool first, struct error *err);

/* That nobody listens where the server is about to. ERROR_CONFLICT says who does. */
int lab_network_check_free(const struct lab *lab, const struct lab_server *server, struct error *err);

/* Who listens on that address and port, e.g. "nginx (process 123)"; "another process" where it cannot be
 * seen. */
#define LAB_LISTENER_MAX 80
void lab_listener(const char *address, uint16_t port, char out[LAB_LISTENER_MAX]);
