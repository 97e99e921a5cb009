/* The node's own key and certificate: what is to be served, and the work on its successor. */
#pragma once

#include "daemon/node.h"
#include "identity/accept.h"
#include "identity/key.h"
#include "identity/stages.h"

#include <limits.h>
#include <pthread.h>

#define OWN_KEY_CLIENT_SETTING "authenticate-client" /* "1": our server asks for client certificates */

struct own_key {
    struct node *node;
    char folder[PATH_MAX];
    struct seal *seal;
    pthread_mutex_t change; /* held through a change of the stages on disk */
    pthread_mutex_t lock;   /* over what follows */
    bool generating;
    struct key_kind kind;
    int64_t since_ms; /* wall clock */
};

struct own_key *own_key_new(struct node *node, struct error *err);
void own_key_free(struct own_key *own); /* wipes the sealing key */

/*
 * What the services are to serve from now on: what waited for the restart takes its place, the first start
 * makes key and certificate, and the chain is put together from the CA certificates and what came with the
 * certificate. A waiting certificate that could not be served stays where it is, and the log says so.
 */
struct identity *own_key_start(struct own_key *own, struct error *err);

/* Refuses what TLS could not be served with: too weak a key, or a damaged one. ERROR_UNTRUSTED. */
int own_key_check_servable(const struct identity *identity, struct error *err);

/* What a certificate of this node has to name; the configured host name goes into `hostname`, and must last.
 */
struct node_names own_key_names(const struct node *node, char hostname[HOST_TEXT_MAX]);

/* The CA certificates of the node. Free with x509_bundle_free(). */
STACK_OF(X509) * own_key_ca_certificates(const struct node *node, struct error *err);

/* True if our server is to ask for client certificates. */
int own_key_client_wanted(const struct node *node, bool *wanted, struct error *err);

/* One key is made at a time: ERROR_BUSY says which. */
int own_key_begin(struct own_key *own, const struct key_kind *kind, struct error *err);
void own_key_end(struct own_key *own);
