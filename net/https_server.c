#include "net/https_connection.h"
#include "net/https_exchange.h"

#include "base/clock.h"

#include <errno.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define HEADERS_MAX (16 * 1024)
#define BODY_MAX (1024 * 1024)
#define TIMEOUT_S 30
#define CONNECTIONS_MAX 1024
#define SWEEP_INTERVAL_S 1
#define COMPLAIN_INTERVAL_MS (10 * 60 * 1000) /* being out of descriptors is told of no more often */
/* CONNECT is refused here: evhttp's own refusal would leave the connection open. */
#define METHODS                                                                                \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
     EVHTTP_REQ_PATCH | EVHTTP_REQ_CONNECT)

struct https_server {
    struct evhttp *http;
    struct event *sweep;
    struct evconnlistener **listeners; /* owned by `http` */
    size_t listener_count;
    SSL_CTX *context;
    struct https_server_limits limits;
    https_handler handler;
    void *arg;
    struct https_exchange_list exchanges;
    struct https_connections *connections;
    bool paused;
    int64_t complained_ms; /* monotonic; 0: not yet */
};

static rlim_t descriptors_allowed(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

/* Of a listener of this thread's loop, until the next sweep: the callback's argument is evhttp's. */
static _Thread_local int scarcity; /* errno; 0: there is none */

/* Out of descriptors or memory: the waiting connection would keep the loop busy until the next sweep. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    scarcity = EVUTIL_SOCKET_ERROR();
    (void)arg;
    evconnlistener_disable(listener);
}

static void complain(struct https_server *server, int reason)
{
    int64_t now_ms = clock_monotonic_ms();

    if (server->complained_ms != 0 && now_ms - server->complained_ms < COMPLAIN_INTERVAL_MS)
        return;
    server->complained_ms = now_ms;
    log_write(server->limits.log, LOG_LEVEL_ERROR,
              "[system] the HTTPS service is out of descriptors or memory, and accepts nobody until some are "
              "free: %s; this process may have %llu descriptors",
              strerror(reason), (unsigned long long)descriptors_allowed());
}

/* Connections that took too long; and listeners that ran out of descriptors try again. */
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct https_server *server = arg;

    (void)fd;
    (void)what;
    if (scarcity != 0)
        complain(server, scarcity);
    scarcity = 0;
    https_connections_sweep(server->connections);
    for (size_t i = 0; i < server->listener_count && !server->paused; i++)
        evconnlistener_enable(server->listeners[i]);
}

/* Who has not even finished the handshake makes room for a newcomer; those that do, stay. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct https_server *server = arg;
    struct https_connection *connection = https_connection_new(server->connections, base, server->context);

    if (connection == NULL)
        return NULL; /* evhttp goes on in plain text; on_request() refuses what comes that way */
    if (https_connections_are_too_many(server->connections) &&
        !https_connections_make_room(server->connections, connection)) {
        /* Its socket is not known yet: the sweep finds it right after. */
        https_connection_doom(connection);
        event_active(server->sweep, EV_TIMEOUT, 0);
    }
    return connection->stream;
}

static void on_replied(struct evhttp_request *request, void *arg)
{
    struct https_connection *connection = https_connection_of(request);

    (void)arg;
    if (connection == NULL)
        return;
    https_connection_grant(connection, 0);
    if (https_exchange_is_last(request)) {
        /* Says that the end is the end, and no truncation (RFC 8446 section 6.1). */
        SSL_shutdown(connection->ssl);
        https_connection_doom(connection);
    }
    ERR_clear_error();
}

static void refuse(struct evhttp_request *request, int status)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    evhttp_send_reply(request, status, NULL, NULL);
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct https_server *server = arg;
    struct https_connection *connection = https_connection_of(request);
    struct https_exchange *exchange;

    evhttp_request_set_on_complete_cb(request, on_replied, NULL);
    if (evhttp_request_get_command(request) == EVHTTP_REQ_CONNECT) {
        refuse(request, HTTP_NOTIMPLEMENTED);
        return;
    }
    if (!https_exchange_is_plain(request)) {
        refuse(request, HTTP_BADREQUEST);
        return;
    }
    exchange = connection == NULL ? NULL : https_exchange_new(request);
    if (exchange == NULL) {
        refuse(request, HTTP_INTERNAL);
        return;
    }
    LIST_INSERT_HEAD(&server->exchanges, exchange, next);
    connection->deadline_ms = 0;
    server->handler(server->arg, exchange);
}

static struct https_server_limits limits_of(const struct https_server_limits *given)
{
    struct https_server_limits limits = given == NULL ? (struct https_server_limits){0} : *given;

    if (limits.headers_max == 0)
        limits.headers_max = HEADERS_MAX;
    if (limits.body_max == 0)
        limits.body_max = BODY_MAX;
    if (limits.timeout_s == 0)
        limits.timeout_s = TIMEOUT_S;
    if (limits.connections_max == 0) {
        rlim_t share = descriptors_allowed() / 2;

        limits.connections_max = share < CONNECTIONS_MAX ? (int)share : CONNECTIONS_MAX;
    }
    return limits;
}

static int start_http(struct https_server *server, struct event_base *base, struct error *err)
{
    static const struct timeval interval = {.tv_sec = SWEEP_INTERVAL_S};

    server->http = evhttp_new(base);
    server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
    if (server->http == NULL || server->sweep == NULL || event_add(server->sweep, &interval) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot start the HTTPS service: out of memory");
    evhttp_set_bevcb(server->http, on_connection, server);
    evhttp_set_gencb(server->http, on_request, server);
    evhttp_set_allowed_methods(server->http, METHODS);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_max_headers_size(server->http, (ev_ssize_t)server->limits.headers_max);
    evhttp_set_max_body_size(server->http, (ev_ssize_t)server->limits.body_max);
    evhttp_set_timeout(server->http, server->limits.timeout_s);
    return 0;
}

/* Takes the socket over, also when it fails. */
static int serve_socket(struct https_server *server, struct event_base *base, int fd, struct error *err)
{
    struct evconnlistener *listener =
        evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

    if (listener == NULL) {
        close(fd);
    } else if (evhttp_bind_listener(server->http, listener) == NULL) {
        evconnlistener_free(listener);
    } else {
        evconnlistener_set_error_cb(listener, on_accept_error);
        server->listeners[server->listener_count++] = listener;
        return 0;
    }
    return error_set(err, ERROR_INTERNAL, "cannot watch a listening socket");
}

struct https_server *https_server_new(struct event_base *base, const int *sockets, size_t socket_count,
                                      SSL_CTX *context, const struct https_server_limits *limits,
                                      https_handler handler, void *arg, struct error *err)
{
    struct https_server *server = calloc(1, sizeof(*server));
    size_t taken = 0;
    int result;

    if (server == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        goto failed;
    }
    LIST_INIT(&server->exchanges);
    server->limits = limits_of(limits);
    server->connections = https_connections_new(&server->limits);
    server->handler = handler;
    server->arg = arg;
    SSL_CTX_up_ref(context);
    server->context = context;
    server->listeners = calloc(socket_count + 1, sizeof(struct evconnlistener *));
    result = server->listeners == NULL || server->connections == NULL
                 ? error_set(err, ERROR_INTERNAL, "out of memory")
                 : start_http(server, base, err);
    while (result == 0 && taken < socket_count)
        result = serve_socket(server, base, sockets[taken++], err);
    if (result == 0)
        return server;
failed:
    while (taken < socket_count)
        close(sockets[taken++]);
    https_server_free(server);
    return NULL;
}

void https_server_pause(struct https_server *server, bool paused)
{
    server->paused = paused;
    for (size_t i = 0; i < server->listener_count; i++) {
        if (paused)
            evconnlistener_disable(server->listeners[i]);
        else
            evconnlistener_enable(server->listeners[i]);
    }
}

void https_server_free(struct https_server *server)
{
    struct https_exchange *exchange;

    if (server == NULL)
        return;
    while ((exchange = LIST_FIRST(&server->exchanges)) != NULL)
        https_exchange_drop(exchange);
    if (server->connections != NULL)
        https_channels_end(https_connections_channels(server->connections));
    if (server->sweep != NULL)
        event_free(server->sweep);
    if (server->http != NULL)
        evhttp_free(server->http);
    SSL_CTX_free(server->context);
    free(server->listeners);
    if (server->connections != NULL)
        https_connections_close(server->connections);
    free(server);
}
