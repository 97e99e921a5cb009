/* Mail over SMTP (libcurl, RFC 5321 and 5322). The server's certificate is judged before a login is sent. */
#pragma once

#include "base/host_port.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define MAIL_PORT 25      /* unless configured otherwise */
#define MAIL_PORT_TLS 465 /* TLS from the first byte on (RFC 8314); on every other port STARTTLS */
#define MAIL_TIMEOUT_S 30 /* for one mail, all in all */
#define MAIL_CONNECT_MS 10000

struct mail_server {
    struct host_port host;
    const char *user;     /* NULL: no login */
    const char *password; /* with user */
    const char *from;     /* who mails come from */
    const char *name;     /* this node's, for the greeting */
    bool must_encrypt;    /* no mail without TLS; a login never goes without, whatever this says */
};

struct mail {
    const char *to;      /* one address */
    const char *subject; /* UTF-8, one line */
    const char *body;    /* UTF-8, lines end with \n */
    const char *id;      /* of the message, without < > */
    int64_t when_ms;
    bool (*stopped)(void *arg); /* asked now and then: true ends it; NULL: never */
    void *arg;
};

/*
 * Sends one mail to one address; blocks, so call it on a thread that may wait. Without TLS only where the
 * server offers none, no login is needed and must_encrypt is not set. The certificate is judged in the trust
 * zone `user`, as soon as the handshake ends: a refused server gets nothing.
 * ERROR_INVALID_ARGUMENT: the server does not take this very mail, or this address. All other codes are about
 * the server: ERROR_PIN_MISMATCH, ERROR_UNTRUSTED, ERROR_DENIED (the login), ERROR_UNREACHABLE,
 * ERROR_TIMEOUT, ERROR_BUSY (stopped), ERROR_INTERNAL.
 */
int mail_send(struct store *store, const struct mail_server *server, const struct mail *mail,
              struct error *err);
