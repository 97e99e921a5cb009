/*
 * The calling end of the authenticated connection between the nodes of a pair: TLS with both certificates
 * judged, both sides' proof that they know the authentication key (ha/proof.h), then requests, all on that
 * one connection. A new connection proves again.
 *
 * Blocking, with a limit in time on everything; another thread can end a wait (link_options.cancel).
 */
#pragma once

#include "ha/proof.h"
#include "net/tls_connection.h"
#include "trust/trust.h"

#include <jansson.h>
#include <stdbool.h>

#define LINK_TIMEOUT_MS 10000        /* for a request, unless the caller knows better */
#define LINK_REPLY_MAX (1024 * 1024) /* bytes of a plain reply */

/* What this node shows of itself, on either end of a link. Lives as long as the links made with it. */
struct link_self {
    struct store *store;
    const struct identity *identity;
    char address[HOST_TEXT_MAX]; /* that this node listens on, and that its connections come from */
    uint16_t port;
    char node[PROOF_NODE_SIZE]; /* its id: store_node_id() */
    const char *version;        /* of the product */
    bool is_primary;            /* for the sentence about keys that differ */
    /* Sees every verdict on a certificate, on whatever thread it is given. May be NULL. */
    void (*judged)(void *arg, const struct trust_request *request, const struct trust_verdict *verdict);
    void *arg;
};

struct link;

struct link_options {
    struct host_port peer; /* an address */
    const char *task;      /* for log and history: "HealthMonitorThread" */
    const struct proof_key *key;
    int timeout_ms; /* for all of the opening; 0: LINK_TIMEOUT_MS */
    /* Ends whatever the link waits for, now and later, with ERROR_BUSY: tls_cancel(), from any thread. Lives
     * longer than the link. NULL: nobody ends it. */
    struct tls_cancel *cancel;
};

/*
 * Connects and proves. Nothing but the proof crosses before both certificates and both proofs are accepted;
 * a first contact is pinned only after them.
 * ERROR_UNREACHABLE, ERROR_TIMEOUT; ERROR_PIN_MISMATCH and ERROR_UNTRUSTED, with both fingerprints and the
 * commands, where this node refuses the peer's certificate or the peer this node's (the sentence says which);
 * ERROR_DENIED: the keys differ, or the peer makes us wait after failures; ERROR_BUSY: cancelled.
 */
struct link *link_open(const struct link_self *self, const struct link_options *options, struct error *err);
void link_close(struct link *link);

const char *link_peer_node(const struct link *link);    /* its id */
const char *link_peer_version(const struct link *link); /* of its product */

/*
 * A request with a JSON body (borrowed; NULL: none) and a JSON answer (*reply, the caller's; NULL where
 * nobody wants it). path with its query: "/ha/v1/heartbeat". The peer's own error comes back as it is; else
 * ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_BUSY. After an error that is not the peer's the link is of no more
 * use.
 */
int link_request(struct link *link, const char *method, const char *path, json_t *body, int timeout_ms,
                 json_t **reply, struct error *err);

/*
 * Asks for a stream, which takes the link for itself (HTTP's Upgrade to LINK_PROTOCOL): `bytes` is called
 * with each piece until it returns non-zero (ERROR_BUSY) or the other side ends the stream (0). silence_ms:
 * without a byte for so long, ERROR_TIMEOUT. Errors as of link_request().
 */
#define LINK_PROTOCOL "primesh-ha"
typedef int (*link_bytes)(void *arg, const void *bytes, size_t length);
int link_stream(struct link *link, const char *path, int silence_ms, link_bytes bytes, void *arg,
                struct error *err);

/* In a call of `bytes`: the other direction. */
int link_tell(struct link *link, const void *bytes, size_t length, int timeout_ms, struct error *err);
