/* Why a client's TLS handshake failed, in a sentence. Only for this folder. */
#pragma once

#include "base/error.h"

#include <openssl/ssl.h>
#include <stdint.h>

#define SECONDS_TEXT_MAX 24

/* "10 s", "0.25 s". */
void seconds_format(int64_t milliseconds, char out[SECONDS_TEXT_MAX]);

/* After SSL_do_handshake() returned `result` (not a wish to wait). Clears OpenSSL's queue. Returns -1.
 * ERROR_UNREACHABLE. */
int handshake_failed(const SSL *ssl, int result, const char *host, struct error *err);

/* What a server that knows TLS cannot start with is told apart by its first byte: 0 where it may be TLS, else
 * -1 and ERROR_UNREACHABLE. */
int handshake_check_first_byte(unsigned char byte, const char *host, struct error *err);
