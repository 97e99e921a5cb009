#include "base/clock.h"
#include "net/https_connection.h"
#include "net/https_exchange.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 4096   /* bytes taken at once */
#define STALLED_MS 30000 /* a caller who takes nothing for so long is gone */

/* The connection stays evhttp's, which neither reads nor writes it any more; on the loop's thread it is
 * closed once the channel's own thread has ended. */
struct https_channel {
    LIST_ENTRY(https_channel) next;
    struct https_exchange *exchange; /* until it is started */
    struct https_connection *connection;
    struct evhttp_connection *carrier;
    struct https_channel_calls calls;
    struct event *over; /* on the loop: the thread ended */
    pthread_t thread;
    int wake;             /* eventfd: for the thread */
    pthread_mutex_t lock; /* over what follows, and over the SSL object */
    enum { PREPARED, OPEN, BROKEN } state;
    bool ended; /* by its owner */
    struct evbuffer *unsent;
    int64_t moved_ms; /* monotonic: when something of it was last taken */
};

static void wake(struct https_channel *channel)
{
    /* full means that it is readable already */
    if (eventfd_write(channel->wake, 1) != 0)
        return;
}

/* ---- the SSL object: with the lock held ---- */

/* It did nothing: true where it waits for the network; else it is of no more use. */
static bool only_waits(struct https_channel *channel, int result)
{
    int why = SSL_get_error(channel->connection->ssl, result);

    ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return true;
    channel->state = BROKEN;
    return false;
}

/* As much as goes without waiting. Returns the bytes that went. */
static size_t write_now(struct https_channel *channel, const void *bytes, size_t length)
{
    const char *next = bytes;
    size_t all = 0;

    while (all < length) {
        size_t written = 0;
        int result;

        ERR_clear_error();
        result = SSL_write_ex(channel->connection->ssl, next + all, length - all, &written);
        if (result != 1) {
            only_waits(channel, result);
            break;
        }
        all += written;
    }
    return all;
}

static void flush(struct https_channel *channel)
{
    struct evbuffer_iovec piece;

    while (channel->state == OPEN && evbuffer_peek(channel->unsent, -1, NULL, &piece, 1) > 0 &&
           piece.iov_len > 0) {
        size_t written = write_now(channel, piece.iov_base, piece.iov_len);

        evbuffer_drain(channel->unsent, written);
        if (written > 0)
            channel->moved_ms = clock_monotonic_ms();
        if (written < piece.iov_len)
            break;
    }
}

/* ---- the thread ---- */

/* Takes what the caller says. False: it went away, or said what it should not. */
static bool hear(struct https_channel *channel)
{
    char bytes[READ_SIZE];
    size_t got = 1;
    bool broken = false;

    while (got > 0 && !broken) {
        int result;

        got = 0;
        pthread_mutex_lock(&channel->lock);
        ERR_clear_error();
        result = SSL_read_ex(channel->connection->ssl, bytes, sizeof(bytes), &got);
        broken = result != 1 && !only_waits(channel, result);
        pthread_mutex_unlock(&channel->lock);
        broken = broken || (got > 0 && channel->calls.heard(channel->calls.arg, bytes, got) != 0);
    }
    return !broken;
}

/* What was left unsent. False: there is nothing more to do, or it cannot be done. */
static bool send_rest(struct https_channel *channel, bool *waits)
{
    bool goes_on;

    pthread_mutex_lock(&channel->lock);
    flush(channel);
    *waits = evbuffer_get_length(channel->unsent) > 0;
    goes_on = channel->state == OPEN && (*waits || !channel->ended) &&
              (!*waits || clock_monotonic_ms() - channel->moved_ms < STALLED_MS);
    pthread_mutex_unlock(&channel->lock);
    return goes_on;
}

/* Until something can be read, written or is to be looked at. */
static void wait_for_more(struct https_channel *channel, int fd, bool waits)
{
    struct pollfd fds[] = {{.fd = channel->wake, .events = POLLIN},
                           {.fd = fd, .events = (short)(waits ? POLLIN | POLLOUT : POLLIN)}};
    eventfd_t count;

    if (poll(fds, fd < 0 ? 1 : 2, waits ? STALLED_MS : -1) > 0 && fds[0].revents != 0 &&
        eventfd_read(channel->wake, &count) != 0)
        return; /* somebody else's wake-up: none is lost, for all is looked at anew */
}

static bool is_prepared(struct https_channel *channel)
{
    bool prepared;

    pthread_mutex_lock(&channel->lock);
    prepared = channel->state == PREPARED;
    pthread_mutex_unlock(&channel->lock);
    return prepared;
}

/* The other side is not there any more, unless the owner ended it. True: the owner has. */
static bool is_ended(struct https_channel *channel)
{
    bool ended;

    pthread_mutex_lock(&channel->lock);
    ended = channel->ended;
    channel->state = ended ? channel->state : BROKEN;
    pthread_mutex_unlock(&channel->lock);
    return ended;
}

static void carry(struct https_channel *channel)
{
    int fd = SSL_get_fd(channel->connection->ssl);
    bool waits;

    while (hear(channel) && send_rest(channel, &waits))
        wait_for_more(channel, fd, waits);
    if (!is_ended(channel))
        channel->calls.gone(channel->calls.arg);
    while (!is_ended(channel))
        wait_for_more(channel, -1, false);
    if (channel->state == OPEN)
        SSL_shutdown(channel->connection->ssl); /* the end is the end, and no truncation */
    ERR_clear_error();
}

static void *channel_thread(void *arg)
{
    struct https_channel *channel = arg;

    while (is_prepared(channel))
        wait_for_more(channel, -1, false);
    if (channel->exchange != NULL)
        return NULL; /* it was given up */
    carry(channel);
    channel->calls.over(channel->calls.arg);
    event_active(channel->over, EV_TIMEOUT, 0);
    return NULL;
}

/* ---- its beginning and its end: on the loop's thread ---- */

static void channel_free(struct https_channel *channel)
{
    if (channel->over != NULL)
        event_free(channel->over);
    if (channel->unsent != NULL)
        evbuffer_free(channel->unsent);
    if (channel->wake >= 0)
        close(channel->wake);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
    struct https_channel *channel = arg;
    struct evhttp_connection *carrier = channel->carrier;

    (void)fd;
    (void)what;
    pthread_join(channel->thread, NULL);
    LIST_REMOVE(channel, next);
    channel_free(channel);
    evhttp_connection_free(carrier);
    ERR_clear_error();
}

static int check_request(struct https_exchange *exchange, struct https_connection *connection,
                         const char *protocol, struct error *err)
{
    const char *asked = https_exchange_header(exchange, "Upgrade");

    if (connection == NULL)
        return error_set(err, ERROR_UNREACHABLE, "the caller went away");
    if (asked == NULL || strcasecmp(asked, protocol) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "this is answered with `Upgrade: %s` only", protocol);
    if (evbuffer_get_length(bufferevent_get_input(connection->stream)) > 0 ||
        evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the caller spoke on before it was answered");
    return 0;
}

static int prepare(struct https_channel *channel, const char *protocol)
{
    channel->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    channel->unsent = evbuffer_new();
    channel->over = event_new(evhttp_connection_get_base(channel->carrier), -1, 0, on_over, channel);
    if (channel->wake < 0 || channel->unsent == NULL || channel->over == NULL ||
        evbuffer_add_printf(channel->unsent,
                            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n",
                            protocol) < 0)
        return -1;
    return pthread_create(&channel->thread, NULL, channel_thread, channel) == 0 ? 0 : -1;
}

struct https_channel *https_channel_new(struct https_exchange *exchange, const char *protocol,
                                        const struct https_channel_calls *calls, struct error *err)
{
    struct https_connection *connection = https_connection_of(exchange->request);
    struct https_channel *channel;

    if (check_request(exchange, connection, protocol, err) != 0)
        return NULL;
    channel = calloc(1, sizeof(*channel));
    if (channel != NULL) {
        pthread_mutex_init(&channel->lock, NULL);
        channel->exchange = exchange;
        channel->connection = connection;
        channel->carrier = evhttp_request_get_connection(exchange->request);
        channel->calls = *calls;
        if (prepare(channel, protocol) == 0)
            return channel;
        channel_free(channel);
    }
    error_set(err, ERROR_INTERNAL, "out of memory, descriptors or threads");
    return NULL;
}

void https_channel_free(struct https_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->state = BROKEN;
    pthread_mutex_unlock(&channel->lock);
    wake(channel);
    pthread_join(channel->thread, NULL);
    channel_free(channel);
}

void https_channel_start(struct https_channel *channel)
{
    static const int on = 1;
    struct https_connection *connection = channel->connection;
    SSL *ssl = connection->ssl;

    bufferevent_disable(connection->stream, EV_READ | EV_WRITE);
    bufferevent_set_timeouts(connection->stream, NULL, NULL);
    bufferevent_setcb(connection->stream, NULL, NULL, NULL, NULL);
    connection->deadline_ms = 0;
    LIST_INSERT_HEAD(https_connections_channels(connection->all), channel, next);
    https_exchange_free(channel->exchange);
    setsockopt(SSL_get_fd(ssl), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    SSL_set_read_ahead(ssl, 1); /* a record in one read, not two */
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    pthread_mutex_lock(&channel->lock);
    channel->exchange = NULL;
    channel->state = OPEN;
    channel->moved_ms = clock_monotonic_ms();
    flush(channel);
    pthread_mutex_unlock(&channel->lock);
    wake(channel);
}

void https_channels_end(struct https_channel_list *channels)
{
    struct https_channel *channel;

    LIST_FOREACH(channel, channels, next)
    {
        shutdown(SSL_get_fd(channel->connection->ssl), SHUT_RDWR);
        wake(channel);
    }
    while ((channel = LIST_FIRST(channels)) != NULL) {
        pthread_join(channel->thread, NULL);
        LIST_REMOVE(channel, next);
        channel_free(channel);
    }
}

/* ---- what its owner does, on any thread ---- */

int https_channel_send(struct https_channel *channel, const void *bytes, size_t length)
{
    size_t written = 0;
    bool broken, rest;

    pthread_mutex_lock(&channel->lock);
    if (channel->state == OPEN && evbuffer_get_length(channel->unsent) == 0) {
        written = write_now(channel, bytes, length);
        channel->moved_ms = clock_monotonic_ms();
    }
    rest = channel->state != BROKEN && written < length;
    if (rest && evbuffer_add(channel->unsent, (const char *)bytes + written, length - written) != 0)
        channel->state = BROKEN; /* out of memory: it must show */
    broken = channel->state == BROKEN;
    pthread_mutex_unlock(&channel->lock);
    if (rest || broken)
        wake(channel);
    return broken ? -1 : 0;
}

size_t https_channel_unsent(struct https_channel *channel)
{
    size_t unsent;

    pthread_mutex_lock(&channel->lock);
    unsent = evbuffer_get_length(channel->unsent);
    pthread_mutex_unlock(&channel->lock);
    return unsent;
}

void https_channel_end(struct https_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->ended = true;
    wake(channel); /* with the lock: the channel may go as soon as its thread sees this */
    pthread_mutex_unlock(&channel->lock);
}
