#include "net/https_connection.h"
#include "net/https_exchange.h"

#include <event2/buffer.h>
#include <openssl/err.h>
#include <stdio.h>

void https_add_header(struct https_exchange *exchange, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

void https_reply(struct https_exchange *exchange, int status, const char *content_type, const char *body,
                 size_t length)
{
    struct evhttp_request *request = exchange->request;
    struct https_connection *connection = https_connection_of(request);
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
        https_connection_grant_reply(connection, length);
    https_exchange_free(exchange);
    /* Frees the request: once it is written, or now where the connection is gone. */
    evhttp_send_reply(request, status, NULL, NULL);
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

void https_reply_raw(struct https_exchange *exchange, struct evbuffer *reply, enum https_end end)
{
    struct https_connection *connection = https_connection_of(exchange->request);
    size_t length = evbuffer_get_length(reply);

    if (connection == NULL) {
        https_reply(exchange, HTTP_INTERNAL, NULL, NULL, 0); /* to nobody */
        return;
    }
    connection->carrier = evhttp_request_get_connection(exchange->request);
    connection->end = end;
    https_connection_grant_reply(connection, length);
    https_exchange_free(exchange);
    bufferevent_setcb(connection->stream, on_raw_read, on_raw_written, on_raw_event, connection);
    bufferevent_write_buffer(connection->stream, reply);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}
