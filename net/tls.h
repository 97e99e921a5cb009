/* TLS contexts, as every connection of a node uses them. */
#pragma once

#include "base/error.h"
#include "base/host_port.h"
#include "base/tls_versions.h"
#include "identity/identity.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* For a server: TLS 1.2 and 1.3, no renegotiation, no compression; serves the identity's key and chain.
 * Free with SSL_CTX_free(). ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
SSL_CTX *tls_server_context(const struct identity *identity, struct error *err);

/* Which of the two a server's context accepts; both unless this says otherwise. ERROR_INTERNAL. */
int tls_server_set_versions(SSL_CTX *context, const struct tls_versions *versions, struct error *err);

/* Has a server's context ask callers for a certificate, and take any or none: whoever needs one judges it
 * (ha/link_server.h). */
void tls_server_ask_clients(SSL_CTX *context);

/* The address that the other side of a connection calls from; false where it has none. */
bool tls_caller_address(const SSL *ssl, char out[HOST_TEXT_MAX]);

/*
 * Hears when a caller ends its handshake because of the certificate that it was shown: what nobody says in
 * words, for nothing else may cross then. Nothing is proved by it.
 */
struct tls_refusals {
    void (*refused)(void *arg, const char *address); /* of the caller; on the server's thread */
    void *arg;
};

/* `refusals` lives longer than the context's connections. ERROR_INTERNAL. */
int tls_server_hear_refusals(SSL_CTX *context, const struct tls_refusals *refusals, struct error *err);

/* For a client that judges the certificate itself (net/verdict.h); own identity for mutual TLS, or NULL.
 * Sessions are never resumed: every connection shows its certificate. Free with SSL_CTX_free().
 * ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
SSL_CTX *tls_client_context(const struct identity *identity, struct error *err);

/* The same settings for a context that somebody else (libcurl) made. */
int tls_client_configure(SSL_CTX *context, const struct identity *identity, struct error *err);
