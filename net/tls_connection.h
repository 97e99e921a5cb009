/*
 * One TLS connection of a client that is kept: judged before anything of ours crosses, then read and written
 * for as long as the caller likes. Every wait has a limit, and ends at once when another thread says so.
 */
#pragma once

#include "base/host_port.h"
#include "identity/identity.h"
#include "trust/trust.h"

#include <openssl/ssl.h>
#include <sys/types.h>

struct tls_connection;

struct tls_connection_options {
    const struct trust_request *trust; /* whom to reach (an address, no name), and how to judge it */
    const struct identity *identity;   /* own certificate for mutual TLS, or NULL */
    const char *source;                /* own address to call from, or NULL */
    bool first_contact; /* with TRUST_OBSERVE: a host without a pin passes too (net/verdict.h) */
};

/* Made before there is a connection, so that opening one can be ended too. */
struct tls_cancel;
struct tls_cancel *tls_cancel_new(struct error *err);
void tls_cancel_free(struct tls_cancel *cancel);
void tls_cancel(struct tls_cancel *cancel); /* any thread; for good */

/*
 * cancel may be NULL: nobody ends it. Connects, shakes hands, judges; *verdict (outcome TRUST_OUTCOMES where
 * none was asked for) says how. deadline_ms: monotonic. ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_BUSY
 * (cancelled), the verdict's own, ERROR_INTERNAL; ERROR_UNTRUSTED too where the server refuses the identity's
 * certificate, which TLS 1.3 tells only with the first read.
 */
struct tls_connection *tls_connection_open(struct store *store, const struct tls_connection_options *options,
                                           struct tls_cancel *cancel, int64_t deadline_ms,
                                           struct trust_verdict *verdict, struct error *err);
void tls_connection_close(struct tls_connection *connection); /* NULL is fine */

SSL *tls_connection_ssl(const struct tls_connection *connection);

/* True once the other side ended it because of this side's certificate: the ERROR_UNTRUSTED of a read. */
bool tls_connection_is_refused(const struct tls_connection *connection);

/* All of it. ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_BUSY, ERROR_UNTRUSTED. */
int tls_connection_write(struct tls_connection *connection, const void *bytes, size_t length,
                         int64_t deadline_ms, struct error *err);

/* At least one byte; 0 at the end of what the other side says; -1 as above. */
ssize_t tls_connection_read(struct tls_connection *connection, void *bytes, size_t size, int64_t deadline_ms,
                            struct error *err);
