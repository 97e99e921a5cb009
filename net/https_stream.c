#include "net/https_connection.h"
#include "net/https_exchange.h"

#include <event2/buffer.h>

#define JOINED_MOST 4096 /* bytes of a stream that are worth a copy */

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
    struct https_connection *connection = https_connection_of(request);

    if (carrier == NULL || connection == NULL) {
        https_exchange_drop(exchange);
        return false;
    }
    exchange->streaming = true;
    exchange->calls = *calls;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", content_type);
    https_connection_grant_stream(connection);
    evhttp_connection_set_closecb(carrier, on_stream_closed, exchange);
    evhttp_send_reply_start(request, status, NULL);
    return true;
}

/* evhttp writes a chunk's length and its bytes apart from each other, and each would be a TLS record and a
 * segment of its own. */
static void join_pieces(struct https_exchange *exchange)
{
    struct https_connection *connection = https_connection_of(exchange->request);
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
    } else if (https_connection_of(exchange->request) != NULL) {
        https_connection_doom(https_connection_of(exchange->request)); /* out of memory: it must show */
    }
    if (piece != NULL)
        evbuffer_free(piece);
}

size_t https_stream_waiting(const struct https_exchange *exchange)
{
    struct https_connection *connection = https_connection_of(exchange->request);

    return connection == NULL ? 0 : evbuffer_get_length(bufferevent_get_output(connection->stream));
}

void https_stream_end(struct https_exchange *exchange, bool is_whole)
{
    struct https_connection *connection = https_connection_of(exchange->request);

    if (connection == NULL) {
        https_exchange_drop(exchange);
        return;
    }
    /* the request is freed when the connection is closed, and nobody wants to hear of it */
    exchange->calls = (struct https_stream_calls){0};
    if (!is_whole) {
        https_connection_doom(connection);
        return;
    }
    https_connection_grant(connection, 0);
    /* A late call for what was written before would otherwise count as one for the end: evhttp would stop
     * writing and wait for the next request, with the rest never sent. */
    if (exchange->writing)
        exchange->ending = true;
    else
        finish_stream(exchange);
}
