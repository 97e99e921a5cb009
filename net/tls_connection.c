#include "net/tls_connection.h"

#include "base/clock.h"
#include "net/handshake.h"
#include "net/socket_address.h"
#include "net/tls.h"
#include "net/verdict.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_cancel {
    int fd; /* eventfd; readable once cancelled */
};

struct tls_connection {
    char host[HOST_PORT_TEXT_MAX];
    const struct tls_cancel *cancel;
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    struct handshake_start start;
    struct verdict verdict;
    bool refused; /* by the other side, for this side's certificate */
};

struct tls_cancel *tls_cancel_new(struct error *err)
{
    struct tls_cancel *cancel = calloc(1, sizeof(*cancel));

    if (cancel != NULL && (cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0)
        return cancel;
    error_set(err, ERROR_INTERNAL, "out of memory or descriptors");
    free(cancel);
    return NULL;
}

void tls_cancel_free(struct tls_cancel *cancel)
{
    if (cancel == NULL)
        return;
    close(cancel->fd);
    free(cancel);
}

void tls_cancel(struct tls_cancel *cancel)
{
    /* full means that it is readable already */
    if (eventfd_write(cancel->fd, 1) != 0)
        return;
}

/* 0: the socket can do what was asked. */
static int wait_for(struct tls_connection *connection, short events, int64_t deadline_ms, struct error *err)
{
    struct pollfd fds[] = {
        {.fd = connection->fd, .events = events},
        {.fd = connection->cancel == NULL ? -1 : connection->cancel->fd, .events = POLLIN}};

    for (;;) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        int ready = left_ms <= 0 ? 0 : poll(fds, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return error_set_errno(err, errno, "cannot wait for %s", connection->host);
        if (fds[1].revents != 0)
            return error_set(err, ERROR_BUSY, "the connection to %s was given up", connection->host);
        if (ready == 0)
            return error_set(err, ERROR_TIMEOUT, "no answer from %s in time", connection->host);
        return 0;
    }
}

static int unreachable(const struct tls_connection *connection, int reason, struct error *err)
{
    return error_set(err, ERROR_UNREACHABLE, "cannot connect to %s: %s", connection->host, strerror(reason));
}

static int cannot_leave(const struct tls_connection *connection, const char *source, struct error *err)
{
    error_set(
        err, ERROR_UNREACHABLE,
        "cannot connect to %s from %s: that is a loopback address, which no other machine can be reached "
        "from; node.conf has it as the first address behind listen",
        connection->host, source);
    return error_hint(err, "put an address of this machine there (listen = <address>), and restart primed");
}

static int bind_source(struct tls_connection *connection, const char *source, sa_family_t family,
                       struct error *err)
{
    union socket_address from;
    socklen_t size = source == NULL ? 0 : socket_address_read(source, 0, &from);

    /* an address of the other family cannot be called from; then the kernel chooses */
    if (size == 0 || from.any.sa_family != family || bind(connection->fd, &from.any, size) == 0)
        return 0;
    return error_set_errno(err, errno, "cannot call from %s", source);
}

static int connect_socket(struct tls_connection *connection, const struct tls_connection_options *options,
                          int64_t deadline_ms, struct error *err)
{
    static const int on = 1;
    const struct host_port *host = &options->trust->host;
    union socket_address to;
    socklen_t size = socket_address_read(host->host, host->port, &to);
    socklen_t length = sizeof(int);
    int reason = 0;

    if (size == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not an address", host->host);
    connection->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0)
        return error_set_errno(err, errno, "cannot connect to %s", connection->host);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind_source(connection, options->source, to.any.sa_family, err) != 0)
        return -1;
    if (connect(connection->fd, &to.any, size) == 0)
        return 0;
    /* from a loopback address the kernel lets nothing go to another machine */
    if (errno == EINVAL && options->source != NULL && host_is_loopback(options->source))
        return cannot_leave(connection, options->source, err);
    if (errno != EINPROGRESS)
        return unreachable(connection, errno, err);
    if (wait_for(connection, POLLOUT, deadline_ms, err) != 0) {
        if (err != NULL && err->code == ERROR_TIMEOUT)
            error_set(err, ERROR_TIMEOUT, "no connection to %s in time", connection->host);
        return -1;
    }
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &reason, &length) != 0)
        reason = errno;
    return reason == 0 ? 0 : unreachable(connection, reason, err);
}

/* What SSL_get_error() says is to be waited for; 0: nothing. */
static short wish_of(const SSL *ssl, int result)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return POLLIN;
    case SSL_ERROR_WANT_WRITE:
        return POLLOUT;
    default:
        return 0;
    }
}

/* The verdict's own sentence, where it is a refusal that stopped the handshake. */
static int refused(const struct verdict *verdict, const char *host, struct error *err)
{
    if (verdict->trust.error.code == ERROR_NONE) /* only observing, and nothing to compare with */
        return error_set(err, ERROR_UNTRUSTED, "%s has no pin", host);
    if (err != NULL)
        *err = verdict->trust.error;
    return -1;
}

static int shake_hands(struct tls_connection *connection, int64_t deadline_ms, struct error *err)
{
    for (;;) {
        int result;
        short wish;

        ERR_clear_error();
        result = SSL_connect(connection->ssl);
        if (result == 1)
            break;
        if (connection->verdict.given && !verdict_passes(&connection->verdict)) {
            ERR_clear_error();
            return refused(&connection->verdict, connection->host, err);
        }
        wish = wish_of(connection->ssl, result);
        if (wish == 0 && handshake_is_refused(ERR_peek_error(), connection->host, err)) {
            ERR_clear_error();
            return -1;
        }
        if (wish == 0)
            return handshake_failed(connection->ssl, result, &connection->start, connection->host, err);
        if (wait_for(connection, wish, deadline_ms, err) != 0)
            return -1;
    }
    return verdict_ask(connection->ssl, &connection->verdict)
               ? 0
               : refused(&connection->verdict, connection->host, err);
}

static int start_tls(struct tls_connection *connection, const struct tls_connection_options *options,
                     struct error *err)
{
    connection->context = tls_client_context(options->identity, err);
    if (connection->context == NULL)
        return -1;
    connection->ssl = SSL_new(connection->context);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->fd) != 1)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    SSL_set_read_ahead(connection->ssl, 1); /* a record in one read, not two */
    handshake_listen(connection->ssl, &connection->start);
    verdict_guard(connection->ssl, &connection->verdict);
    return 0;
}

struct tls_connection *tls_connection_open(struct store *store, const struct tls_connection_options *options,
                                           struct tls_cancel *cancel, int64_t deadline_ms,
                                           struct trust_verdict *verdict, struct error *err)
{
    struct tls_connection *connection = calloc(1, sizeof(*connection));
    bool opened;

    *verdict = (struct trust_verdict){.outcome = TRUST_OUTCOMES, .failed_depth = -1};
    if (connection == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    connection->fd = -1;
    connection->cancel = cancel;
    connection->verdict = (struct verdict){.store = store,
                                           .request = options->trust,
                                           .fetch_end_ms = deadline_ms,
                                           .first_contact = options->first_contact};
    host_port_format(&options->trust->host, connection->host);
    opened = connect_socket(connection, options, deadline_ms, err) == 0 &&
             start_tls(connection, options, err) == 0 && shake_hands(connection, deadline_ms, err) == 0;
    if (connection->verdict.given)
        *verdict = connection->verdict.trust;
    if (opened)
        return connection;
    tls_connection_close(connection);
    return NULL;
}

void tls_connection_close(struct tls_connection *connection)
{
    if (connection == NULL)
        return;
    verdict_end(&connection->verdict);
    if (connection->ssl != NULL && SSL_is_init_finished(connection->ssl))
        SSL_shutdown(connection->ssl); /* says that the end is the end; the answer is not waited for */
    SSL_free(connection->ssl);
    SSL_CTX_free(connection->context);
    if (connection->fd >= 0)
        close(connection->fd);
    ERR_clear_error();
    free(connection);
}

bool tls_connection_is_refused(const struct tls_connection *connection)
{
    return connection->refused;
}

SSL *tls_connection_ssl(const struct tls_connection *connection)
{
    return connection->ssl;
}

static int broken(struct tls_connection *connection, int result, struct error *err)
{
    int reason = errno;
    int kind = SSL_get_error(connection->ssl, result);
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);

    ERR_clear_error();
    /* in TLS 1.3 a caller hears of it only after its own handshake */
    connection->refused = handshake_is_refused(code, connection->host, err);
    if (connection->refused)
        return -1;
    if (kind == SSL_ERROR_SYSCALL && reason != 0)
        return error_set(err, ERROR_UNREACHABLE, "the connection to %s broke: %s", connection->host,
                         strerror(reason));
    return error_set(err, ERROR_UNREACHABLE, "the connection to %s broke: %s", connection->host,
                     text != NULL ? text : "closed by the other side");
}

/* Whoever refuses this side's certificate says so and hangs up: a write may fail before that was read. */
static int broken_in_write(struct tls_connection *connection, int result, struct error *err)
{
    struct error why = {0};
    unsigned char byte;
    size_t got;

    broken(connection, result, &why);
    if (!connection->refused && SSL_read_ex(connection->ssl, &byte, 1, &got) != 1)
        connection->refused = handshake_is_refused(ERR_peek_error(), connection->host, &why);
    ERR_clear_error();
    if (err != NULL)
        *err = why;
    return -1;
}

int tls_connection_write(struct tls_connection *connection, const void *bytes, size_t length,
                         int64_t deadline_ms, struct error *err)
{
    const char *next = bytes;

    while (length > 0) {
        size_t written = 0;
        short wish;
        int result;

        ERR_clear_error();
        errno = 0;
        result = SSL_write_ex(connection->ssl, next, length, &written);
        if (result == 1) {
            next += written;
            length -= written;
            continue;
        }
        wish = wish_of(connection->ssl, result);
        if (wish == 0)
            return broken_in_write(connection, result, err);
        if (wait_for(connection, wish, deadline_ms, err) != 0)
            return -1;
    }
    return 0;
}

ssize_t tls_connection_read(struct tls_connection *connection, void *bytes, size_t size, int64_t deadline_ms,
                            struct error *err)
{
    for (;;) {
        size_t got = 0;
        short wish;
        int result;

        ERR_clear_error();
        errno = 0;
        result = SSL_read_ex(connection->ssl, bytes, size, &got);
        if (result == 1)
            return (ssize_t)got;
        if (SSL_get_error(connection->ssl, result) == SSL_ERROR_ZERO_RETURN)
            return 0;
        wish = wish_of(connection->ssl, result);
        if (wish == 0)
            return broken(connection, result, err);
        if (wait_for(connection, wish, deadline_ms, err) != 0)
            return -1;
    }
}
