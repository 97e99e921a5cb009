/*
 * The privileged half of primed and the words between the halves. It keeps the privileges that primed was
 * started with and does only what is listed here, on values that it checks against node.conf itself.
 */
#pragma once

#include "base/node_conf.h"
#include "ha/virtual_address.h"

#include <sys/types.h>

/* What ssh(1) may be started for: an SFTP session, and nothing else. */
struct broker_ssh {
    char host[HOST_TEXT_MAX]; /* canonical */
    uint16_t port;
    char user[64];
    bool check_host_keys; /* false: the trust zone's policy is `disable` */
    bool known_only;      /* a host key that was not seen before is refused */
};

#define BROKER_SIGNALED 128

/*
 * Serves the child until it ends: forwards SIGTERM, SIGINT and SIGHUP to it, returns its exit status
 * (BROKER_SIGNALED + signal when it was killed).
 */
int broker_serve(int socket, pid_t child, const char *home, const struct node_conf *conf);

/* Asked by the child: a listening socket on the `index`-th listen address of node.conf, at its port.
 * The errors of https_listen(). */
int broker_listen(int socket, unsigned index, struct error *err);

/*
 * Asked by the child: ssh(1) as the node's user, its standard input and output on `channel`, its messages and
 * the password that it asks for on `side`; both stay the caller's to close. A pidfd of it, or -1.
 * ERROR_NOT_FOUND: no ssh here. ERROR_INVALID_ARGUMENT, ERROR_INTERNAL.
 */
int broker_ssh(int socket, const struct broker_ssh *what, int channel, int side, struct error *err);

/* Said by the child, once: the node is up. The service manager hears of it from this half, its main process.
 */
void broker_ready(int socket);
/*
 * Asked by the child about the pair's virtual address (daemon/keepalived.h, whose errors they have). Start,
 * set and stop change what the privileged half does; check and state only look.
 */
int broker_address_check(int socket, const struct virtual_address *wanted, struct error *err);
int broker_address_start(int socket, const struct virtual_address *wanted, struct error *err);
int broker_address_set(int socket, bool active, uint64_t epoch, struct error *err);
int broker_address_stop(int socket, struct error *err);
int broker_address_state(int socket, struct virtual_address_state *out, struct error *err);
