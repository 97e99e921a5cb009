/* The HTTPS service: libevent's HTTP on OpenSSL, every request bounded in size and time. */
#pragma once

#include "base/error.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct https_server_limits {
    size_t headers_max;  /* bytes; 0: 16 KiB */
    size_t body_max;     /* bytes; 0: 1 MiB */
    int timeout_s;       /* silence on a connection, the handshake included; 0: 30 */
    int connections_max; /* further ones are closed at once; 0: 1,024 */
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
 * Answers with a body that goes on: any number of pieces, then an end. Only on the loop's thread.
 * `gone` says that the caller went away (or the server is being freed): the exchange is no more, and must not
 * be touched again. False: that was so already; nothing is called. `drained` (may be NULL) says that all that
 * was sent is with the kernel.
 */
struct https_stream_calls {
    void (*gone)(void *arg);
    void (*drained)(void *arg);
    void *arg;
};
bool https_stream_start(struct https_exchange *exchange, int status, const char *content_type,
                        const struct https_stream_calls *calls);
void https_stream_send(struct https_exchange *exchange, const void *bytes, size_t length);

/* Bytes that are still to be sent. */
size_t https_stream_waiting(const struct https_exchange *exchange);

/* Ends it, and the exchange; `gone` is not called any more. is_whole false: cuts the connection, so that the
 * caller knows that something is missing. */
void https_stream_end(struct https_exchange *exchange, bool is_whole);

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

/* Must answer with https_reply(), https_stream_start() or https_reply_raw(), now or later. */
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

/* Closes the sockets and every connection. An exchange not answered yet must not be answered any more. */
void https_server_free(struct https_server *server);
