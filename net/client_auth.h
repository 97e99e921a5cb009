/* Which callers our own server takes when `ncs key authenticate-client` is enabled. */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "identity/identity.h"
#include "store/store.h"

#include <openssl/ssl.h>
#include <stdint.h>

/*
 * A caller must show a certificate, and that must be one of these: the node's own (it checks itself); the one
 * that is pinned for the caller's address and our own port (the peer of an HA pair); or one that chains to
 * one of `anchors` (CA certificates; any of them will do as an end of the chain) and is for TLS clients. No
 * CA names are sent to the caller: with a pinned certificate it could not know which to choose.
 */
struct client_auth;

/* Has the context ask and refuse. `identity` and `log` (may be NULL) live as long as the result, which lives
 * longer than the context's connections. Free with client_auth_free(). */
struct client_auth *client_auth_require(SSL_CTX *context, const struct identity *identity,
                                        STACK_OF(X509) * anchors, struct store *store, uint16_t port,
                                        struct log *log, struct error *err);
void client_auth_free(struct client_auth *auth);
