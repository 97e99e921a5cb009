#include "net/handshake.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

void seconds_format(int64_t milliseconds, char out[SECONDS_TEXT_MAX])
{
    if (milliseconds % 1000 == 0)
        snprintf(out, SECONDS_TEXT_MAX, "%lld s", (long long)milliseconds / 1000);
    else
        snprintf(out, SECONDS_TEXT_MAX, "%g s", (double)milliseconds / 1000);
}

/* OpenSSL shows a record's header before it looks at it. */
static void on_message(int written, int version, int kind, const void *bytes, size_t length, SSL *ssl,
                       void *arg)
{
    struct handshake_start *start = arg;

    (void)version;
    (void)ssl;
    if (written || kind != SSL3_RT_HEADER || length == 0 || start->heard)
        return;
    start->heard = true;
    start->byte = *(const unsigned char *)bytes;
}

void handshake_listen(SSL *ssl, struct handshake_start *start)
{
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, start);
}

void handshake_listen_context(SSL_CTX *context, struct handshake_start *start)
{
    SSL_CTX_set_msg_callback(context, on_message);
    SSL_CTX_set_msg_callback_arg(context, start);
}

int handshake_check_start(const struct handshake_start *start, const char *host, struct error *err)
{
    if (!start->heard || start->byte == SSL3_RT_HANDSHAKE || start->byte == SSL3_RT_ALERT)
        return 0;
    if (isprint(start->byte) || isspace(start->byte))
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

bool handshake_is_refused(unsigned long code, const char *host, struct error *err)
{
    switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        error_set(err, ERROR_UNTRUSTED,
                  "%s lets nobody in whose certificate it does not know, and refused this "
                  "server's (%s)",
                  host, ERR_reason_error_string(code));
        return true;
    default:
        return false;
    }
}

int handshake_failed(const SSL *ssl, int result, const struct handshake_start *start, const char *host,
                     struct error *err)
{
    int reason = errno;
    int kind = SSL_get_error(ssl, result);
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);

    ERR_clear_error();
    if (handshake_check_start(start, host, err) != 0)
        return -1;
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
