/* Names to addresses, off the caller's thread: getaddrinfo(3) has no time limit of its own. Only for this
 * folder. */
#pragma once

#include "base/host_port.h"

#include <netdb.h>

struct resolve;

/*
 * Addresses of a host in the order to try them. An address is there at once: *addresses is filled and NULL is
 * returned. A name is looked up on a thread of its own, and `done_fd` (an eventfd, duplicated) is written to
 * when resolve_result() has the answer; the lookup is returned. NULL with *addresses NULL: failed (err).
 */
struct resolve *resolve_start(const struct host_port *host, int done_fd, struct addrinfo **addresses,
                              struct error *err);

/* 1: *addresses is the caller's (resolve_addresses_free()); 0: not yet; -1: ERROR_UNREACHABLE. */
int resolve_result(struct resolve *resolve, struct addrinfo **addresses, struct error *err);

/* Lets go of it, finished or not. */
void resolve_release(struct resolve *resolve);
void resolve_addresses_free(struct addrinfo *addresses);
