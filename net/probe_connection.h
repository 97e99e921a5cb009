/* One connection of a probe: look up, connect, shake hands, judge. Only for this folder. */
#pragma once

#include "net/handshake.h"
#include "net/probe.h"
#include "net/resolve.h"
#include "net/verdict.h"

enum probe_step {
    PROBE_IDLE,      /* none */
    PROBE_LOOK_UP,   /* waiting for the resolver */
    PROBE_SOCKET,    /* waiting for a free descriptor */
    PROBE_CONNECT,   /* waiting for the connection */
    PROBE_HANDSHAKE, /* waiting for the server's words */
    PROBE_END        /* the result is there */
};

struct probe_connection {
    enum probe_step step;
    size_t index; /* of the request */
    const struct trust_request *request;
    char host[HOST_PORT_TEXT_MAX];
    int timeout_ms;
    int64_t end_ms;  /* monotonic: of all */
    int64_t step_ms; /* monotonic: of the present step */
    struct resolve *resolve;
    struct addrinfo *addresses;
    struct addrinfo *address; /* the one being tried */
    int fd;                   /* -1: none */
    SSL *ssl;
    struct handshake_start start;
    struct verdict verdict;
    struct error error;
};

/* What a loop lends its connections. */
struct probe_means {
    struct store *store;
    SSL_CTX *context;
    int epoll;    /* sockets are added edge-triggered, with the connection as data */
    int resolved; /* eventfd, for resolve_start() */
    int timeout_ms;
};

void probe_connection_start(struct probe_connection *connection, const struct probe_means *means,
                            const struct trust_request *request, size_t index);

/* Goes as far as it can without waiting; also called when a deadline has passed. */
void probe_connection_go(struct probe_connection *connection, const struct probe_means *means,
                         int64_t now_ms);

/* Gives up. */
void probe_connection_cancel(struct probe_connection *connection);

/* Once the step is PROBE_END: takes the result, closes everything; the step is PROBE_IDLE then. */
void probe_connection_finish(struct probe_connection *connection, struct probe_result *result);
