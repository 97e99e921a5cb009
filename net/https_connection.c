#include "net/https_connection.h"

#include "base/clock.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#define REPLY_BYTES_PER_S 16384 /* a reader slower than that is cut off */

struct https_connections {
    TAILQ_HEAD(, https_connection) list; /* oldest first */
    struct https_channel_list channels;
    int count; /* without the doomed ones */
    int count_max;
    int timeout_s;
    bool closed;
};

static int ssl_index = -1; /* of the connection in its SSL object */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_if_over(struct https_connections *all)
{
    if (all->closed && TAILQ_EMPTY(&all->list))
        free(all);
}

static void on_ssl_freed(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    struct https_connection *connection = pointer;
    struct https_connections *all;

    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (connection == NULL)
        return;
    all = connection->all;
    TAILQ_REMOVE(&all->list, connection, next);
    if (!connection->doomed)
        all->count--;
    free(connection);
    free_if_over(all);
}

static void make_index(void)
{
    ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_freed);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
}

struct https_connections *https_connections_new(const struct https_server_limits *limits)
{
    struct https_connections *all = calloc(1, sizeof(*all));

    pthread_once(&once, make_index);
    if (all == NULL)
        return NULL;
    TAILQ_INIT(&all->list);
    LIST_INIT(&all->channels);
    all->count_max = limits->connections_max;
    all->timeout_s = limits->timeout_s;
    return all;
}

struct https_channel_list *https_connections_channels(struct https_connections *all)
{
    return &all->channels;
}

void https_connections_close(struct https_connections *all)
{
    all->closed = true;
    free_if_over(all);
}

bool https_connections_are_too_many(const struct https_connections *all)
{
    return all->count > all->count_max;
}

bool https_connections_make_room(struct https_connections *all, const struct https_connection *newcomer)
{
    struct https_connection *connection;

    TAILQ_FOREACH(connection, &all->list, next)
    {
        if (!connection->doomed && connection != newcomer && !SSL_is_init_finished(connection->ssl)) {
            https_connection_doom(connection);
            return true;
        }
    }
    return false;
}

void https_connections_sweep(struct https_connections *all)
{
    struct https_connection *connection;
    struct https_connection *following;
    int64_t now = clock_monotonic_ms();

    for (connection = TAILQ_FIRST(&all->list); connection != NULL; connection = following) {
        following = TAILQ_NEXT(connection, next);
        if (connection->doomed || (connection->deadline_ms != 0 && connection->deadline_ms <= now))
            https_connection_doom(connection);
    }
}

struct https_connection *https_connection_new(struct https_connections *all, struct event_base *base,
                                              SSL_CTX *context)
{
    struct https_connection *connection = calloc(1, sizeof(*connection));
    SSL *ssl = connection == NULL ? NULL : SSL_new(context);
    struct bufferevent *stream = NULL;

    ERR_clear_error();
    if (ssl != NULL)
        stream =
            bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL) {
        SSL_free(ssl);
        free(connection);
        return NULL;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    *connection = (struct https_connection){.all = all, .stream = stream, .ssl = ssl};
    https_connection_grant(connection, 0);
    TAILQ_INSERT_TAIL(&all->list, connection, next);
    all->count++;
    SSL_set_ex_data(ssl, ssl_index, connection);
    return connection;
}

struct https_connection *https_connection_of(struct evhttp_request *request)
{
    struct evhttp_connection *carrier = evhttp_request_get_connection(request);
    SSL *ssl =
        carrier == NULL ? NULL : bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(carrier));

    return ssl == NULL ? NULL : SSL_get_ex_data(ssl, ssl_index);
}

void https_connection_grant(struct https_connection *connection, int64_t more_ms)
{
    connection->deadline_ms = clock_monotonic_ms() + connection->all->timeout_s * 1000LL + more_ms;
}

void https_connection_grant_reply(struct https_connection *connection, size_t length)
{
    https_connection_grant(connection, (int64_t)length * 1000 / REPLY_BYTES_PER_S);
}

void https_connection_doom(struct https_connection *connection)
{
    if (!connection->doomed)
        connection->all->count--;
    connection->doomed = true;
    if (bufferevent_getfd(connection->stream) >= 0)
        shutdown(bufferevent_getfd(connection->stream), SHUT_RDWR);
}
