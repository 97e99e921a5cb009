/*
 * The verdict on one TLS connection of a client: asked once, after the server has proved that it owns the key
 * of its certificate, and before anything of ours crosses: neither a request nor our own certificate.
 */
#pragma once

#include "trust/trust.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* Zeroed but for the first ones; must live as long as the connection. verdict_end() at its end. */
struct verdict {
    struct store *store;
    const struct trust_request *request;
    int64_t
        fetch_end_ms; /* monotonic: until then this thread may wait for an OCSP answer; 0: it may not wait */
    /* A host without a pin passes too (request->mode is TRUST_OBSERVE): the caller makes sure by other means
     * who it is before anything of worth crosses, and asks again. */
    bool first_contact;
    bool given;
    struct trust_need *need; /* not given yet: what has to be settled first; for the caller to take */
    int needs;               /* so many were there */
    struct trust_verdict trust;
};

/* Has the verdict asked already when the server wants a certificate of ours; refused, the handshake ends with
 * an alert; with a need, it stops with SSL_ERROR_WANT_X509_LOOKUP. Before the handshake. */
void verdict_guard(SSL *ssl, struct verdict *verdict);

/*
 * The same for a connection that somebody else (libcurl) makes of the context, and has it asked at the end of
 * the handshake too: refused, nothing can be written to the connection any more, whoever tries. The verdict
 * must be one that may wait (fetch_end_ms). ERROR_INTERNAL: out of memory.
 */
int verdict_guard_context(SSL_CTX *context, struct verdict *verdict, struct error *err);

/* After the handshake, before the first byte is sent: true if data may be exchanged. False without
 * verdict->given: ask again once verdict->need is settled. */
bool verdict_ask(SSL *ssl, struct verdict *verdict);

/* True if the verdict that was given lets data be exchanged. */
bool verdict_passes(const struct verdict *verdict);
void verdict_end(struct verdict *verdict);
