/* One request of the HTTPS service. Only for this folder. */
#pragma once

#include "net/https_server.h"

#include <event2/http.h>
#include <stdbool.h>
#include <sys/queue.h>

struct https_connection;

struct https_exchange {
    LIST_ENTRY(https_exchange) next;
    struct evhttp_request *request;
    char *peer;
};
LIST_HEAD(https_exchange_list, https_exchange);

/* True if the request can only mean one thing; a connection where it cannot must not be read any further (two
 * lengths, a body where none belongs: what one reader takes for a body another takes for the next request).
 */
bool https_exchange_is_plain(struct evhttp_request *request);

/* NULL: out of memory. */
struct https_exchange *https_exchange_new(struct evhttp_request *request);

/* Ends it; the request is left as it is. */
void https_exchange_free(struct https_exchange *exchange);

/* Forgets it without an answer, as its connections are being closed. */
void https_exchange_drop(struct https_exchange *exchange);

/* True if the connection ends after this request. */
bool https_exchange_is_last(struct evhttp_request *request);
