#include "net/https_exchange.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN_CHARACTERS \
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" /* RFC 9110 5.6.2 */

static bool is_length(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits < 19 && text[digits] == '\0';
}

bool https_exchange_is_plain(struct evhttp_request *request)
{
    struct evkeyval *header;
    const char *length = NULL;
    int lengths = 0;
    int codings = 0;
    int hosts = 0;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        if (header->key[0] == '\0' || header->key[strspn(header->key, TOKEN_CHARACTERS)] != '\0')
            return false;
        if (strcasecmp(header->key, "Content-Length") == 0) {
            lengths++;
            length = header->value;
        } else if (strcasecmp(header->key, "Transfer-Encoding") == 0) {
            codings++;
            if (strcasecmp(header->value, "chunked") != 0)
                return false;
        } else if (strcasecmp(header->key, "Host") == 0) {
            hosts++;
        }
    }
    if (lengths + codings > 1 || hosts > 1 || (lengths > 0 && !is_length(length)))
        return false;
    /* Where evhttp reads no body, what was announced as one would be the next request. */
    if (lengths > 0)
        return strtoull(length, NULL, 10) == evbuffer_get_length(evhttp_request_get_input_buffer(request));
    return codings == 0 || evhttp_request_get_command(request) != EVHTTP_REQ_HEAD;
}

bool https_exchange_is_last(struct evhttp_request *request)
{
    static const char name[] = "Connection";
    const char *asked = evhttp_find_header(evhttp_request_get_input_headers(request), name);
    const char *said = evhttp_find_header(evhttp_request_get_output_headers(request), name);

    return (asked != NULL && strcasecmp(asked, "close") == 0) ||
           (said != NULL && strcasecmp(said, "close") == 0);
}

struct https_exchange *https_exchange_new(struct evhttp_request *request)
{
    struct https_exchange *exchange = calloc(1, sizeof(*exchange));
    char *peer = NULL;
    ev_uint16_t port;

    if (exchange == NULL)
        return NULL;
    evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
    exchange->peer = strdup(peer == NULL ? "" : peer);
    exchange->request = request;
    if (exchange->peer != NULL)
        return exchange;
    free(exchange);
    return NULL;
}

void https_exchange_free(struct https_exchange *exchange)
{
    LIST_REMOVE(exchange, next);
    free(exchange->peer);
    free(exchange);
}

void https_exchange_drop(struct https_exchange *exchange)
{
    /* With a connection, the request goes with it. */
    if (evhttp_request_get_connection(exchange->request) == NULL)
        evhttp_request_free(exchange->request);
    https_exchange_free(exchange);
}

const char *https_exchange_method(const struct https_exchange *exchange)
{
    switch (evhttp_request_get_command(exchange->request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    default:
        return ""; /* the server lets no other through */
    }
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

const char *https_exchange_path(const struct https_exchange *exchange)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);

    return uri == NULL ? "" : or_empty(evhttp_uri_get_path(uri));
}

const char *https_exchange_query(const struct https_exchange *exchange)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);

    return uri == NULL ? "" : or_empty(evhttp_uri_get_query(uri));
}

const char *https_exchange_header(const struct https_exchange *exchange, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

const char *https_exchange_peer(const struct https_exchange *exchange)
{
    return exchange->peer;
}

const char *https_exchange_body(const struct https_exchange *exchange, size_t *length)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(exchange->request);

    *length = evbuffer_get_length(input);
    return *length == 0 ? "" : (const char *)evbuffer_pullup(input, -1);
}

SSL *https_exchange_ssl(const struct https_exchange *exchange)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);

    return connection == NULL ? NULL
                              : bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(connection));
}
