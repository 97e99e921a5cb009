/* node.conf: what a node must know before its store opens. */
#pragma once

#include "base/error.h"
#include "base/host_port.h"
#include "base/log.h"

#include <stdbool.h>

#define NODE_LISTEN_MAX 4 /* addresses one node listens on */
#define NODE_PORT 8082    /* the health monitor's port unless node.conf says otherwise */
#define NODE_CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define NODE_HOME_DEFAULT "/var/lib/primesh" /* unless PRIMESH_HOME says otherwise */

/* Lines `key = value`; `#` starts a comment. The keys are the names of the fields, with hyphens. */
struct node_conf {
    char hostname[HOST_TEXT_MAX]; /* hostname; default: the machine's */
    char listen[NODE_LISTEN_MAX]
               [HOST_TEXT_MAX]; /* listen: addresses, comma separated; the first names the node */
    size_t listen_count;        /* default: one, 127.0.0.1 */
    uint16_t port;              /* port; default 8082 */
    enum log_level log_level;   /* log-level; default info */
    char user[64];              /* user: whom primed's child becomes when started as root */
    char subject[1024];   /* subject: "/C=US/.../CN=..." of the first certificate; default CN=<hostname> */
    char release[8];      /* platform-release: 3.5 (default), 3.9 or 3.10: node_release_check() */
    char ca_bundle[1024]; /* ca-bundle: the system's CA certificates; default NODE_CA_BUNDLE */
    unsigned monitor_interval_ms; /* monitor-interval-ms: between two self checks; default 5000 */
    unsigned server_interval_ms;  /* server-interval-ms: between two checks of a registered server; default
                                     900000 */
};

/*
 * Reads <home>/node.conf; a missing file gives the defaults.
 * ERROR_INVALID_ARGUMENT names the file, the line and what is wrong with it. ERROR_DENIED: it is a link.
 */
int node_conf_read(const char *home, struct node_conf *out, struct error *err);

/* True if a node that runs with `conf` may go over to the port: to one below 1024 it may not, unless it has
 * it. That is for whoever administers the machine to give, not for a backup or for the unprivileged half,
 * which can write node.conf. */
bool node_conf_may_take_port(const struct node_conf *conf, uint16_t port);

/* The releases whose listings and words are followed; 3.5 is NODE_RELEASE_DEFAULT. False: it is none. */
#define NODE_RELEASE_DEFAULT "3.5"
bool node_release_check(const char *release);

/* PRIMESH_HOME, or NODE_HOME_DEFAULT. */
const char *node_home(void);

/* Joins home and a name inside it, e.g. "run/control.sock". ERROR_INVALID_ARGUMENT when too long for `size`.
 */
int node_path(const char *home, const char *name, char *out, size_t size, struct error *err);
