#include "net/handshake.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define RECORD_ALERT 21     /* RFC 8446 section 5.1 */
#define RECORD_HANDSHAKE 22 /* the same */

void seconds_format(int64_t milliseconds, char out[SECONDS_TEXT_MAX])
{
    if (milliseconds % 1000 == 0)
        snprintf(out, SECONDS_TEXT_MAX, "%lld s", (long long)milliseconds / 1000);
    else
        snprintf(out, SECONDS_TEXT_MAX, "%g s", (double)milliseconds / 1000);
}

int handshake_check_first_byte(unsigned char byte, const char *host, struct error *err)
{
    if (byte == RECORD_HANDSHAKE || byte == RECORD_ALERT)
        return 0;
    if (isprint(byte) || isspace(byte))
        return error_set(err, ERROR_UNREACHABLE, "%s does not speak TLS: it answered with plain text", host);
    return error_set(err, ERROR_UNREACHABLE, "%s does not speak TLS: its answer is no TLS record", host);
}

static int closed(const char *host, int reason, struct error *err)
{
    if (reason == 0 || reason == ECONNRESET || reason == EPIPE)
        return error_set(err, ERROR_UNREACHABLE, "%s closed the connection during the TLS handshake", host);
    error_set_errno(err, reason, "the TLS handshake with %s failed", host);
    if (err != NULL)
        err->code = ERROR_UNREACHABLE;
    return -1;
}

int handshake_failed(const SSL *ssl, int result, const char *host, struct error *err)
{
    int reason = errno;
    int kind = SSL_get_error(ssl, result);
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);

    ERR_clear_error();
    if (kind == SSL_ERROR_SYSCALL || code == 0)
        return closed(host, reason, err);
    if (ERR_SYSTEM_ERROR(code))
        return closed(host, ERR_GET_REASON(code), err);
    switch (ERR_GET_REASON(code)) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return closed(host, 0, err);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return error_set(err, ERROR_UNREACHABLE, "%s does not speak TLS 1.2 or 1.3", host);
    default:
        break;
    }
    if (ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET)
        return error_set(err, ERROR_UNREACHABLE, "%s refused the TLS handshake: %s", host,
                         text == NULL ? "an alert without a name" : text);
    return error_set(err, ERROR_UNREACHABLE, "the TLS handshake with %s failed: %s", host,
                     text == NULL ? "no reason given" : text);
}
