/* The SSH host keys that the node has met: <home>/ssh/known_hosts, OpenSSH's own format. */
#pragma once

#include "base/error.h"
#include "base/host_port.h"

struct host_key {
    char host[HOST_PORT_TEXT_MAX]; /* 10.1.1.1_22 */
    char kind[64];                 /* "ssh-ed25519" */
    char fingerprint[64];          /* "SHA256:...", as ssh-keygen -l prints it */
};

/* Calls `each` in the order of first contact, until it returns non-zero. */
int host_keys_each(const char *home, int (*each)(void *arg, const struct host_key *key), void *arg,
                   struct error *err);

/* Forgets all keys of a host. ERROR_NOT_FOUND. */
int host_keys_delete(const char *home, const struct host_port *host, struct error *err);
