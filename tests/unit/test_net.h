/* What the tests of net/ share: a blocking TLS client, an identity, a loop in a thread. */
#pragma once

#include "base/clock.h"
#include "identity/identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_S 20 /* for what must come; only a failure takes so long */

__attribute__((unused)) static struct identity *make_identity(const char *subject)
{
    struct identity_spec spec = {.subject = subject};
    struct error err = {0};
    struct identity *identity = identity_generate(&spec, &err);

    if (identity == NULL)
        fail_msg("%s", err.message);
    return identity;
}

__attribute__((unused)) static uint16_t port_of(int fd)
{
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &size), 0);
    return ntohs(bound.sin_port);
}

/* A connected socket whose reads and writes do not wait longer than PATIENCE_S. */
__attribute__((unused)) static int connect_to(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    inet_pton(AF_INET, address, &to.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Waits until the other side ends the connection, reading away what it still says. */
__attribute__((unused)) static void wait_for_end(int fd)
{
    char bytes[4096];
    ssize_t got;

    do
        got = recv(fd, bytes, sizeof(bytes), 0);
    while (got > 0);
    if (got < 0)
        assert_int_equal(errno, ECONNRESET); /* EAGAIN: it did not end */
}

/* A client's end of TLS. */
struct peer {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

__attribute__((unused)) static int peer_handshake(struct peer *peer, const char *address, uint16_t port,
                                                  int version)
{
    peer->fd = connect_to(address, port);
    peer->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(peer->context, 0);
    if (version != 0) {
        SSL_CTX_set_min_proto_version(peer->context, version);
        SSL_CTX_set_max_proto_version(peer->context, version);
    }
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, peer->fd);
    ERR_clear_error();
    return SSL_connect(peer->ssl);
}

__attribute__((unused)) static void peer_close(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    close(peer->fd);
}
