/* This node's part in the high-availability pair: what ha/ does, joined to the node's store, services and
 * logs. */
#pragma once

#include "daemon/node.h"
#include "identity/identity.h"
#include "net/https_server.h"
#include "store/pair.h"

#include <jansson.h>

struct pair;

/* Reads what the store remembers. A node of a pair accepts no changes until pair_run(). */
struct pair *pair_new(struct node *node, struct error *err);
void pair_free(struct pair *pair);

/* With the services: what is served from now on is this identity, which lives until pair_close(). */
int pair_open(struct pair *pair, const struct identity *identity, struct error *err);

/* Once the HTTPS service answers: heartbeats and replication begin. */
int pair_run(struct pair *pair, struct error *err);

/* Ends all of that; waits. Not on the loop's thread while the loop runs. Then the HTTPS service may go. */
void pair_halt(struct pair *pair);
void pair_close(struct pair *pair);

/* Takes a request that is for the pair; false: it is not. On the loop's thread. */
bool pair_take(struct pair *pair, struct https_exchange *exchange);

/* Hears that callers refuse this node's certificate: the peer's word on that, when nothing else crosses. */
struct tls_refusals;
const struct tls_refusals *pair_refusals(struct pair *pair);

/* True if this node is part of a pair. Any thread. */
bool pair_is_configured(struct pair *pair);

/* {"role", "state", "peer", ...}: docs/ha.md. New reference. */
json_t *pair_status(struct pair *pair);

/* The last try to reach the peer, as monitor_state() has it; NULL where there is none. New reference. */
json_t *pair_check(struct pair *pair);

/* What an admin asks for. Each runs on a worker and waits; one at a time (ERROR_BUSY). */

/* `authkey`: K is made of it; NULL takes it away. */
int pair_set_authkey(struct pair *pair, const char *authkey, struct error *err);

struct pair_wish {
    const char *peer;    /* address or name; NULL: as configured */
    const char *authkey; /* NULL: the one that is set */
    json_t *form;        /* "email", "failover", "ipv4", "ipv6"; what is missing counts as configured */
    void (*progress)(void *arg, unsigned milestone, unsigned percent);
    void *arg;
};
/* 1: the pair stood already, nothing was copied, and the form counts as given; 0: it is made. */
int pair_register(struct pair *pair, const struct pair_wish *wish, struct error *err);

/* {"tests": [{"test", "primary", "secondary", "verdict", "advice"}], "failed"}. */
int pair_readiness(struct pair *pair, const struct pair_wish *wish, json_t **result, struct error *err);

/* {"own": {"epoch", "revision", "digest"}, "peer": the same, "equal"}: whether both hold the same. */
int pair_compare(struct pair *pair, json_t **result, struct error *err);

int pair_failover(struct pair *pair, struct error *err);
int pair_failback(struct pair *pair, struct error *err);

/* *alone: the peer could not be told, and why. */
int pair_remove(struct pair *pair, struct error *alone, struct error *err);
