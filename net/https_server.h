/* The HTTPS service: libevent's HTTP on OpenSSL, every request bounded in size and time. */
#pragma once

#include "base/error.h"
#include "base/log.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct https_server_limits {
    size_t headers_max;  /* bytes; 0: 16 KiB */
    size_t body_max;     /* bytes; 0: 1 MiB */
    int timeout_s;       /* silence on a connection, the handshake included; 0: 30 */
    int connections_max; /* further ones are closed at once; 0: 1,024, but no more than half of the
                            descriptors that this process may have: the others are for all else */
    struct log *log;     /* where it says that it is out of descriptors; NULL: nowhere */
};

/* One request. Everything in it lives until https_reply(). */
struct https_exchange;
const char *https_exchange_method(const struct https_exchange *exchange); /* "GET" */
const char *https_exchange_path(const struct https_exchange *exchange);   /* without the query */
const char *https_exchange_query(const struct https_exchange *exchange);  /* "" where there is none */
const char *https_exchange_header(const struct https_exchange *exchange, const char *name); /* or NULL */
const char *https_exchange_peer(const struct https_exchange *exchange); /* address of the caller */
const char *https_exchange_body(const struct https_exchange *exchange, size_t *length);
SSL *https_exchange_ssl(const struct https_exchange *exchange);

/* Answers and ends the exchange. content_type NULL: no body. Only on the loop's thread. */
void https_reply(struct https_exchange *exchange, int status, const char *content_type, const char *body,
                 size_t length);

/*
 * Leaves HTTP (101, RFC 9110 section 7.8): from then on bytes go both ways on the caller's connection, on a
 * thread of the channel's own instead of the loop's. For requests with `Upgrade: <protocol>`.
 *
 * https_channel_new() looks whether that can be done (ERROR_UNREACHABLE: the caller went away;
 * ERROR_INVALID_ARGUMENT: the request asks for something else; ERROR_INTERNAL); what is sent then waits.
 * Still in the handler's call, either https_channel_start() answers and ends the exchange, or
 * https_channel_free() leaves the exchange as it was. All three on the loop's thread.
 */
struct https_channel;
struct https_channel_calls {
    /* On the channel's thread, as all of them: what the caller sent. Non-zero: the channel is of no more use.
     */
    int (*heard)(void *arg, const void *bytes, size_t length);
    /* The caller is not there any more, took nothing for half a minute, or the server is being freed. Sending
     * fails from now on; the channel is still to be ended. Not called once it was. */
    void (*gone)(void *arg);
    void (*over)(void *arg); /* the last call */
    void *arg;
};
struct https_channel *https_channel_new(struct https_exchange *exchange, const char *protocol,
                                        const struct https_channel_calls *calls, struct error *err);
void https_channel_start(struct https_channel *channel);
void https_channel_free(struct https_channel *channel);

/* Any thread. Never waits: what the network does not take is kept (unsent: bytes of that) and follows by
 * itself. -1: the caller is gone. */
int https_channel_send(struct https_channel *channel, const void *bytes, size_t length);
size_t https_channel_unsent(struct https_channel *channel);

/* Any thread, once, and the last that is done with it: sends what is left, then closes the connection. */
void https_channel_end(struct https_channel *channel);

/* Adds a header to the answer that https_reply() will give. */
void https_add_header(struct https_exchange *exchange, const char *name, const char *value);

/*
 * For a server that is to misbehave, as the lab's can: sends these bytes, status line and headers included,
 * as they are in place of an answer, and ends the exchange and then the connection. The bytes are moved out
 * of `reply`. Only on the loop's thread.
 */
enum https_end {
    HTTPS_END_CLOSE, /* once all of it is written */
    HTTPS_END_RESET, /* the same, with a reset */
    HTTPS_END_NEVER, /* the caller has to leave */
};
struct evbuffer;
void https_reply_raw(struct https_exchange *exchange, struct evbuffer *reply, enum https_end end);

/* Must answer with https_reply(), https_channel_start() or https_reply_raw(), now or later. */
typedef void (*https_handler)(void *arg, struct https_exchange *exchange);

/* A socket bound and listening on an address ("127.0.0.11", "::1"), non-blocking. -1: ERROR_CONFLICT when the
 * port is taken, ERROR_DENIED, ERROR_UNREACHABLE when the address is not this machine's. */
int https_listen(const char *address, uint16_t port, struct error *err);

/*
 * Serves on listening sockets (taken over, closed with the server) with a TLS context (one reference taken).
 * limits NULL: the defaults.
 */
struct https_server *https_server_new(struct event_base *base, const int *sockets, size_t socket_count,
                                      SSL_CTX *context, const struct https_server_limits *limits,
                                      https_handler handler, void *arg, struct error *err);

/* While paused, the kernel goes on taking connections, and nobody speaks on them. */
void https_server_pause(struct https_server *server, bool paused);

/* Closes the sockets and every connection. An exchange not answered yet must not be answered any more. Waits
 * for channels: their owners hear that the caller is gone, and are to end them. */
void https_server_free(struct https_server *server);
