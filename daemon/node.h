/* One running node: what primed's unprivileged half holds while it runs. */
#pragma once

#include "base/log.h"
#include "base/node_conf.h"
#include "control/server.h"
#include "store/seal.h"
#include "store/store.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct report;
struct workers;
struct services;
struct own_key;
struct purpose_services;
struct sessions;
struct saves;
struct pair;
struct daily;
struct mailer;

struct node {
    const char *home; /* absolute where the user can walk there, "." otherwise */
    struct node_conf conf;
    struct store *store;
    struct seal *seal; /* for secrets and vouchers */
    struct log *application_log;
    struct report *application_report; /* refusals met by tasks other than the health monitor */
    struct log *health_log;
    struct log *audit_log;
    struct event_base *base;
    struct control_server *control;
    struct workers *workers;
    struct workers *pair_workers; /* for what the other node of the pair asks */
    struct own_key *own_key;
    struct services *services;
    struct pair *pair;
    struct purpose_services *purpose_services;
    struct sessions *sessions;
    struct saves *saves;
    struct event *probation_timer; /* daemon/configuration.h */
    _Atomic(struct daily *) daily; /* the pair wakes it, also while the node starts */
    struct mailer *mailer;
    pthread_t loop_thread;
    int broker;         /* socket to the privileged half */
    int64_t started_ms; /* monotonic */
    atomic_bool stopping;
    atomic_bool again;       /* ends only to begin again, on what was restored */
    atomic_uint task_number; /* of the next task, for "seqtaskexecutor-N" */
};

/*
 * Opens logs, store and control socket under `home`, starts the services and runs until SIGTERM or SIGINT.
 * `ready` is called once commands are answered. Returns the process's exit status.
 */
int node_run(const char *home, const struct node_conf *conf, int broker, void (*ready)(void *arg), void *arg,
             struct error *err);

/* True if the address is one that this node itself listens on. */
bool node_is_self(const struct node *node, const struct host_port *host);

/* True if this node is the one of its pair that does the pair's work: that talks to the registered servers.
 */
bool node_is_active(const struct node *node);

#define NODE_APPLICATION_LOG "log/application.log" /* below the home */

/* What node_run() returns when it is to be called again, in a new process and with node.conf read anew. */
#define NODE_AGAIN 64

/* Ends the node in a moment (answers on their way are still sent) to begin again. Any thread. */
void node_begin_again(struct node *node);

/* True on the thread that runs the event loop. */
bool node_on_loop_thread(const struct node *node);
