#include "net/probe_connection.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(struct probe_connection *connection)
{
    connection->step = PROBE_END;
}

/* The reason stays with the connection: another address may still do better. */
static void note(struct probe_connection *connection, int reason)
{
    error_set_errno(&connection->error, reason, "cannot connect to %s", connection->host);
    connection->error.code = ERROR_UNREACHABLE;
}

static void hang_up(struct probe_connection *connection)
{
    SSL_free(connection->ssl);
    connection->ssl = NULL;
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

/* An address that does not answer at all leaves time for those after it. */
static void set_step_deadline(struct probe_connection *connection)
{
    int64_t now = clock_monotonic_ms();
    int64_t left = 0;

    for (struct addrinfo *address = connection->address; address != NULL; address = address->ai_next)
        left++;
    connection->step_ms = now + (connection->end_ms - now) / (left > 0 ? left : 1);
}

static int watch(struct probe_connection *connection, const struct probe_means *means)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};

    return epoll_ctl(means->epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

/* Tries the present address and those after it until one is under way. */
static void open_socket(struct probe_connection *connection, const struct probe_means *means)
{
    static const int on = 1;

    for (; connection->address != NULL; connection->address = connection->address->ai_next) {
        struct addrinfo *address = connection->address;

        hang_up(connection);
        connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connection->fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            note(connection, errno);
            connection->step = PROBE_SOCKET;
            connection->step_ms = connection->end_ms;
            return;
        }
        if (connection->fd >= 0) {
            setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            if ((connect(connection->fd, address->ai_addr, address->ai_addrlen) == 0 ||
                 errno == EINPROGRESS) &&
                watch(connection, means) == 0) {
                connection->step = PROBE_CONNECT;
                set_step_deadline(connection);
                return;
            }
        }
        note(connection, errno);
    }
    end(connection);
}

static void try_next_address(struct probe_connection *connection, const struct probe_means *means)
{
    connection->address = connection->address->ai_next;
    open_socket(connection, means);
}

static void take_addresses(struct probe_connection *connection, const struct probe_means *means)
{
    int found = resolve_result(connection->resolve, &connection->addresses, &connection->error);

    if (found == 0)
        return;
    resolve_release(connection->resolve);
    connection->resolve = NULL;
    connection->address = connection->addresses;
    if (found > 0)
        open_socket(connection, means);
    else
        end(connection);
}

static void shake_hands(struct probe_connection *connection)
{
    int result;

    ERR_clear_error();
    errno = 0;
    result = SSL_do_handshake(connection->ssl);
    if (result == 1) {
        verdict_ask(connection->ssl, &connection->verdict);
        /* Before anything is sent, and whatever the verdict: the server is told that this is the end. */
        SSL_shutdown(connection->ssl);
    } else {
        int wish = SSL_get_error(connection->ssl, result);

        if (wish == SSL_ERROR_WANT_READ || wish == SSL_ERROR_WANT_WRITE)
            return;
        /* A server that insists on a certificate of ours has shown its own all the same: it was judged. */
        handshake_failed(connection->ssl, result, &connection->start, connection->host, &connection->error);
    }
    ERR_clear_error();
    end(connection);
}

static void start_tls(struct probe_connection *connection, const struct probe_means *means)
{
    const struct host_port *host = &connection->request->host;

    connection->step = PROBE_HANDSHAKE;
    connection->step_ms = connection->end_ms;
    connection->ssl = SSL_new(means->context);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->fd) != 1 ||
        (host->kind == HOST_NAME && SSL_set_tlsext_host_name(connection->ssl, host->host) != 1)) {
        error_set(&connection->error, ERROR_INTERNAL, "cannot start TLS with %s", connection->host);
        end(connection);
        return;
    }
    SSL_set_connect_state(connection->ssl);
    verdict_guard(connection->ssl, &connection->verdict);
    handshake_listen(connection->ssl, &connection->start);
    shake_hands(connection);
}

static void check_connected(struct probe_connection *connection, const struct probe_means *means)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    int reason = 0;

    /* An edge may come before the connection does. */
    if (getpeername(connection->fd, (struct sockaddr *)&peer, &size) == 0) {
        start_tls(connection, means);
        return;
    }
    size = sizeof(reason);
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0 || reason == 0)
        return;
    note(connection, reason);
    try_next_address(connection, means);
}

static void run_out_of_time(struct probe_connection *connection, const struct probe_means *means)
{
    char limit[SECONDS_TEXT_MAX];

    seconds_format(connection->timeout_ms, limit);
    switch (connection->step) {
    case PROBE_LOOK_UP:
        error_set(&connection->error, ERROR_TIMEOUT, "cannot find the address of %s within %s",
                  connection->request->host.host, limit);
        break;
    case PROBE_CONNECT:
        error_set(&connection->error, ERROR_TIMEOUT, "no connection to %s within %s", connection->host,
                  limit);
        if (connection->address->ai_next != NULL) {
            try_next_address(connection, means);
            return;
        }
        break;
    case PROBE_HANDSHAKE:
        error_set(&connection->error, ERROR_TIMEOUT, "no TLS handshake with %s within %s", connection->host,
                  limit);
        break;
    default:
        break;
    }
    end(connection);
}

void probe_connection_start(struct probe_connection *connection, const struct probe_means *means,
                            const struct trust_request *request, size_t index)
{
    *connection = (struct probe_connection){
        .index = index,
        .request = request,
        .timeout_ms = means->timeout_ms,
        .end_ms = clock_monotonic_ms() + means->timeout_ms,
        .fd = -1,
        .verdict = {.store = means->store, .request = request},
    };
    host_port_format(&request->host, connection->host);
    connection->step = PROBE_LOOK_UP;
    connection->step_ms = connection->end_ms;
    connection->resolve =
        resolve_start(&request->host, means->resolved, &connection->addresses, &connection->error);
    if (connection->resolve != NULL)
        return;
    connection->address = connection->addresses;
    if (connection->address != NULL)
        open_socket(connection, means);
    else
        end(connection);
}

void probe_connection_go(struct probe_connection *connection, const struct probe_means *means, int64_t now_ms)
{
    switch (connection->step) {
    case PROBE_LOOK_UP:
        take_addresses(connection, means);
        break;
    case PROBE_SOCKET:
        open_socket(connection, means);
        break;
    case PROBE_CONNECT:
        check_connected(connection, means);
        break;
    case PROBE_HANDSHAKE:
        shake_hands(connection);
        break;
    default:
        return;
    }
    if (connection->step != PROBE_END && now_ms >= connection->step_ms)
        run_out_of_time(connection, means);
}

void probe_connection_cancel(struct probe_connection *connection)
{
    error_set(&connection->error, ERROR_TIMEOUT, "the check of %s was cancelled", connection->host);
    end(connection);
}

void probe_connection_finish(struct probe_connection *connection, struct probe_result *result)
{
    if (connection->verdict.given)
        *result = (struct probe_result){.state = PROBE_JUDGED, .verdict = connection->verdict.trust};
    else
        *result = (struct probe_result){.state = PROBE_FAILED, .error = connection->error};
    hang_up(connection);
    if (connection->resolve != NULL)
        resolve_release(connection->resolve);
    connection->resolve = NULL;
    resolve_addresses_free(connection->addresses);
    connection->addresses = NULL;
    connection->step = PROBE_IDLE;
}
