/*
 * The privileged half of primed and the words between the halves. It keeps the privileges that primed was
 * started with and does only what is listed here, on values that it checks against node.conf itself.
 */
#pragma once

#include "base/node_conf.h"

#include <sys/types.h>

/*
 * Serves the child until it ends: forwards SIGTERM, SIGINT and SIGHUP to it, returns its exit status
 * (128 + signal when it was killed).
 */
int broker_serve(int socket, pid_t child, const struct node_conf *conf);

/* Asked by the child: a listening socket on the `index`-th listen address of node.conf, at its port.
 * The errors of https_listen(). */
int broker_listen(int socket, unsigned index, struct error *err);
