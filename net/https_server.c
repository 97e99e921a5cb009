#include "net/https_exchange.h"

#include "base/clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEADERS_MAX (16 * 1024)
#define BODY_MAX (1024 * 1024)
#define TIMEOUT_S 30
#define CONNECTIONS_MAX 1024
#define REPLY_BYTES_PER_S 16384 /* a reader slower than that is cut off */
#define SWEEP_INTERVAL_S 1
#define JOINED_MOST 4096 /* bytes of a stream that are worth a copy */
/* CONNECT is refused here: evhttp's own refusal would leave the connection open. */
#define METHODS                                                                                \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
     EVHTTP_REQ_PATCH | EVHTTP_REQ_CONNECT)

/* Lives as long as its SSL object, whoever ends that: evhttp owns the connections. */
struct https_connection {
    TAILQ_ENTRY(https_connection) next;
    struct https_server *server;
    struct bufferevent *stream;
    SSL *ssl;
    int64_t deadline_ms;               /* monotonic; 0 while the request is with the handler */
    struct evhttp_connection *carrier; /* of a raw reply, with how it ends */
    enum https_end end;
    bool doomed;
};

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
    TAILQ_HEAD(, https_connection) connections; /* oldest first */
    int connection_count;                       /* without the doomed ones */
    bool paused;
    bool closed;
};

static int connection_index = -1; /* of the connection in its SSL object */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void server_release(struct https_server *server)
{
    if (server->closed && TAILQ_EMPTY(&server->connections))
        free(server);
}

static void on_ssl_freed(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    struct https_connection *connection = pointer;
    struct https_server *server;

    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (connection == NULL)
        return;
    server = connection->server;
    TAILQ_REMOVE(&server->connections, connection, next);
    if (!connection->doomed)
        server->connection_count--;
    free(connection);
    server_release(server);
}

static void make_index(void)
{
    connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_freed);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
}

static int64_t deadline_after(const struct https_server *server, int64_t more_ms)
{
    return clock_monotonic_ms() + server->limits.timeout_s * 1000LL + more_ms;
}

/* evhttp meets the end of the connection and cleans up. */
static void doom(struct https_connection *connection)
{
    if (!connection->doomed)
        connection->server->connection_count--;
    connection->doomed = true;
    if (bufferevent_getfd(connection->stream) >= 0)
        shutdown(bufferevent_getfd(connection->stream), SHUT_RDWR);
}

/* Connections that took too long; and listeners that ran out of descriptors try again. */
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct https_server *server = arg;
    struct https_connection *connection;
    struct https_connection *following;
    int64_t now = clock_monotonic_ms();

    (void)fd;
    (void)what;
    for (connection = TAILQ_FIRST(&server->connections); connection != NULL; connection = following) {
        following = TAILQ_NEXT(connection, next);
        if (connection->doomed || (connection->deadline_ms != 0 && connection->deadline_ms <= now))
            doom(connection);
    }
    for (size_t i = 0; i < server->listener_count && !server->paused; i++)
        evconnlistener_enable(server->listeners[i]);
}

/* Out of descriptors or memory: the waiting connection would keep the loop busy until the next sweep. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    (void)arg;
    evconnlistener_disable(listener);
}

/* Who has not even finished the handshake makes room for a newcomer; those that do, stay. */
static void make_room(struct https_server *server, struct https_connection *newcomer)
{
    struct https_connection *connection;

    if (server->connection_count <= server->limits.connections_max)
        return;
    TAILQ_FOREACH(connection, &server->connections, next)
    {
        if (!connection->doomed && connection != newcomer && !SSL_is_init_finished(connection->ssl)) {
            doom(connection);
            return;
        }
    }
    /* Its socket is not known yet: the sweep finds it right after. */
    doom(newcomer);
    event_active(server->sweep, EV_TIMEOUT, 0);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct https_server *server = arg;
    struct https_connection *connection = calloc(1, sizeof(*connection));
    SSL *ssl = connection == NULL ? NULL : SSL_new(server->context);
    struct bufferevent *stream = NULL;

    ERR_clear_error();
    if (ssl != NULL)
        stream =
            bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL) {
        SSL_free(ssl);
        free(connection);
        return NULL; /* evhttp goes on in plain text; on_request() refuses what comes that way */
    }
    bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    *connection = (struct https_connection){
        .server = server, .stream = stream, .ssl = ssl, .deadline_ms = deadline_after(server, 0)};
    TAILQ_INSERT_TAIL(&server->connections, connection, next);
    server->connection_count++;
    SSL_set_ex_data(ssl, connection_index, connection);
    make_room(server, connection);
    return stream;
}

static struct https_connection *connection_of(struct evhttp_request *request)
{
    struct evhttp_connection *carrier = evhttp_request_get_connection(request);
    SSL *ssl =
        carrier == NULL ? NULL : bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(carrier));

    return ssl == NULL ? NULL : SSL_get_ex_data(ssl, connection_index);
}

static void on_replied(struct evhttp_request *request, void *arg)
{
    struct https_connection *connection = connection_of(request);

    (void)arg;
    if (connection == NULL)
        return;
    connection->deadline_ms = deadline_after(connection->server, 0);
    if (https_exchange_is_last(request)) {
        /* Says that the end is the end, and no truncation (RFC 8446 section 6.1). */
        SSL_shutdown(connection->ssl);
        doom(connection);
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
    struct https_connection *connection = connection_of(request);
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
    exchange = https_exchange_new(request);
    if (exchange == NULL || connection == NULL) {
        refuse(request, HTTP_INTERNAL);
        return;
    }
    LIST_INSERT_HEAD(&server->exchanges, exchange, next);
    connection->deadline_ms = 0;
    server->handler(server->arg, exchange);
}

void https_reply(struct https_exchange *exchange, int status, const char *content_type, const char *body,
                 size_t length)
{
    struct evhttp_request *request = exchange->request;
    struct https_connection *connection = connection_of(request);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char number[24];

    if (content_type == NULL)
        length = 0;
    else
        evhttp_add_header(headers, "Content-Type", content_type);
    snprintf(number, sizeof(number), "%zu", length);
    evhttp_add_header(headers, "Content-Length", number);
    if (length > 0 && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
        evbuffer_add(evhttp_request_get_output_buffer(request), body, length);
    if (connection != NULL)
        connection->deadline_ms =
            deadline_after(connection->server, (int64_t)length * 1000 / REPLY_BYTES_PER_S);
    https_exchange_free(exchange);
    /* Frees the request: once it is written, or now where the connection is gone. */
    evhttp_send_reply(request, status, NULL, NULL);
}

/* ---- answers that go on ---- */

/* Only while an exchange streams: the connection is closed, by whomever. */
static void on_stream_closed(struct evhttp_connection *carrier, void *arg)
{
    struct https_exchange *exchange = arg;
    struct https_stream_calls calls = exchange->calls;

    (void)carrier;
    https_exchange_drop(exchange);
    if (calls.gone != NULL)
        calls.gone(calls.arg);
}

static void finish_stream(struct https_exchange *exchange)
{
    struct evhttp_request *request = exchange->request;

    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    https_exchange_free(exchange);
    evhttp_send_reply_end(request);
}

/* libevent's call for something written before may come late, when more is waiting already. */
static void on_stream_drained(struct evhttp_connection *carrier, void *arg)
{
    struct https_exchange *exchange = arg;

    (void)carrier;
    if (https_stream_waiting(exchange) > 0)
        return;
    exchange->writing = false;
    if (exchange->ending)
        finish_stream(exchange);
    else if (exchange->calls.drained != NULL)
        exchange->calls.drained(exchange->calls.arg);
}

bool https_stream_start(struct https_exchange *exchange, int status, const char *content_type,
                        const struct https_stream_calls *calls)
{
    struct evhttp_request *request = exchange->request;
    struct evhttp_connection *carrier = evhttp_request_get_connection(request);
    struct https_connection *connection = connection_of(request);

    if (carrier == NULL || connection == NULL) {
        https_exchange_drop(exchange);
        return false;
    }
    exchange->streaming = true;
    exchange->calls = *calls;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", content_type);
    /* The caller is silent for as long as it listens; only that it takes what is sent has a limit. */
    connection->deadline_ms = 0;
    bufferevent_set_timeouts(connection->stream, NULL,
                             &(struct timeval){.tv_sec = connection->server->limits.timeout_s});
    evhttp_connection_set_closecb(carrier, on_stream_closed, exchange);
    evhttp_send_reply_start(request, status, NULL);
    return true;
}

/* evhttp writes a chunk's length and its bytes apart from each other, and each would be a TLS record and a
 * segment of its own. */
static void join_pieces(struct https_exchange *exchange)
{
    struct https_connection *connection = connection_of(exchange->request);
    struct evbuffer *output = connection == NULL ? NULL : bufferevent_get_output(connection->stream);

    if (output != NULL && evbuffer_get_length(output) <= JOINED_MOST)
        evbuffer_pullup(output, -1);
}

void https_stream_send(struct https_exchange *exchange, const void *bytes, size_t length)
{
    struct evbuffer *piece = evbuffer_new();

    exchange->writing |= length > 0;
    if (piece != NULL && evbuffer_add(piece, bytes, length) == 0) {
        evhttp_send_reply_chunk_with_cb(exchange->request, piece, on_stream_drained, exchange);
        join_pieces(exchange);
    } else if (connection_of(exchange->request) != NULL)
        doom(connection_of(exchange->request)); /* out of memory: what is missing must show */
    if (piece != NULL)
        evbuffer_free(piece);
}

size_t https_stream_waiting(const struct https_exchange *exchange)
{
    struct https_connection *connection = connection_of(exchange->request);

    return connection == NULL ? 0 : evbuffer_get_length(bufferevent_get_output(connection->stream));
}

void https_stream_end(struct https_exchange *exchange, bool is_whole)
{
    struct https_connection *connection = connection_of(exchange->request);

    if (connection == NULL) {
        https_exchange_drop(exchange);
        return;
    }
    /* the request is freed when the connection is closed, and nobody wants to hear of it */
    exchange->calls = (struct https_stream_calls){0};
    if (!is_whole) {
        doom(connection);
        return;
    }
    connection->deadline_ms = deadline_after(connection->server, 0);
    /* A late call for what was written before would otherwise count as one for the end: evhttp would stop
     * writing and wait for the next request, with the rest never sent. */
    if (exchange->writing)
        exchange->ending = true;
    else
        finish_stream(exchange);
}

/* ---- answers that are not HTTP's own ---- */

static void end_raw(struct https_connection *connection, bool reset)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (reset) {
        /* libevent would end the stream in order before it closes; this resets it at once (connect(2)). */
        SSL_set_quiet_shutdown(connection->ssl, 1);
        connect(SSL_get_fd(connection->ssl), &nobody, sizeof(nobody));
    }
    evhttp_connection_free(connection->carrier);
    ERR_clear_error();
}

static void on_raw_written(struct bufferevent *stream, void *arg)
{
    struct https_connection *connection = arg;

    (void)stream;
    if (connection->end == HTTPS_END_CLOSE)
        SSL_shutdown(connection->ssl);
    if (connection->end != HTTPS_END_NEVER)
        end_raw(connection, connection->end == HTTPS_END_RESET);
}

static void on_raw_read(struct bufferevent *stream, void *arg)
{
    struct evbuffer *input = bufferevent_get_input(stream);

    (void)arg;
    evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_raw_event(struct bufferevent *stream, short what, void *arg)
{
    (void)stream;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0)
        end_raw(arg, false);
}

void https_add_header(struct https_exchange *exchange, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

void https_reply_raw(struct https_exchange *exchange, struct evbuffer *reply, enum https_end end)
{
    struct https_connection *connection = connection_of(exchange->request);
    size_t length = evbuffer_get_length(reply);

    if (connection == NULL) {
        https_reply(exchange, HTTP_INTERNAL, NULL, NULL, 0); /* to nobody */
        return;
    }
    connection->carrier = evhttp_request_get_connection(exchange->request);
    connection->end = end;
    connection->deadline_ms = deadline_after(connection->server, (int64_t)length * 1000 / REPLY_BYTES_PER_S);
    https_exchange_free(exchange);
    bufferevent_setcb(connection->stream, on_raw_read, on_raw_written, on_raw_event, connection);
    bufferevent_write_buffer(connection->stream, reply);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
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
    if (limits.connections_max == 0)
        limits.connections_max = CONNECTIONS_MAX;
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

    pthread_once(&once, make_index);
    if (server == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        goto failed;
    }
    TAILQ_INIT(&server->connections);
    LIST_INIT(&server->exchanges);
    server->limits = limits_of(limits);
    server->handler = handler;
    server->arg = arg;
    SSL_CTX_up_ref(context);
    server->context = context;
    server->listeners = calloc(socket_count + 1, sizeof(struct evconnlistener *));
    result = server->listeners == NULL ? error_set(err, ERROR_INTERNAL, "out of memory")
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
    while ((exchange = LIST_FIRST(&server->exchanges)) != NULL) {
        if (exchange->streaming && evhttp_request_get_connection(exchange->request) != NULL)
            evhttp_connection_set_closecb(evhttp_request_get_connection(exchange->request), NULL, NULL);
        if (exchange->streaming && exchange->calls.gone != NULL)
            exchange->calls.gone(exchange->calls.arg);
        https_exchange_drop(exchange);
    }
    if (server->sweep != NULL)
        event_free(server->sweep);
    if (server->http != NULL)
        evhttp_free(server->http);
    SSL_CTX_free(server->context);
    free(server->listeners);
    /* libevent frees the connections when the loop turns next: the last one takes the server along. */
    server->closed = true;
    server_release(server);
}
