/*
 * The verdict on one TLS connection of a client: asked once, after the server has proved that it owns the key
 * of its certificate, and before anything of ours crosses: neither a request nor our own certificate.
 */
#pragma once

#include "trust/trust.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* Zeroed but for the first two; must live as long as the connection. */
struct verdict {
    struct store *store;
    const struct trust_request *request;
    bool given;
    struct trust_verdict trust;
};

/* Has the verdict asked already when the server wants a certificate of ours; refused, the handshake ends with
 * an alert. One of the two, before the handshake. */
void verdict_guard(SSL *ssl, struct verdict *verdict);
void verdict_guard_context(SSL_CTX *context, struct verdict *verdict);

/* After the handshake, before the first byte is sent: true if data may be exchanged. */
bool verdict_ask(SSL *ssl, struct verdict *verdict);
