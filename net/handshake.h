/* Why a client's TLS handshake failed, in a sentence. Only for this folder. */
#pragma once

#include "base/error.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define SECONDS_TEXT_MAX 24

/* "10 s", "0.25 s". */
void seconds_format(int64_t milliseconds, char out[SECONDS_TEXT_MAX]);

/* How the server began: the first byte tells who does not speak TLS at all. Zeroed before use. */
struct handshake_start {
    bool heard;
    unsigned char byte;
};

/* One of the two, before the handshake; `start` lives as long. */
void handshake_listen(SSL *ssl, struct handshake_start *start);
void handshake_listen_context(SSL_CTX *context, struct handshake_start *start);

/* -1 and ERROR_UNREACHABLE where the server began with what is no TLS record; else 0. */
int handshake_check_start(const struct handshake_start *start, const char *host, struct error *err);

/* After SSL_do_handshake() returned `result` (not a wish to wait). Clears OpenSSL's queue. Returns -1.
 * ERROR_UNREACHABLE. */
int handshake_failed(const SSL *ssl, int result, const struct handshake_start *start, const char *host,
                     struct error *err);

/* Whether a code of OpenSSL's queue says that the other side refused the certificate that it was shown, or
 * wants one; then ERROR_UNTRUSTED, for `host`. */
bool handshake_is_refused(unsigned long code, const char *host, struct error *err);
