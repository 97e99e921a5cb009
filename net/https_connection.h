/* The connections of the HTTPS service: how many, how long, and who has to go. Only for this folder. */
#pragma once

#include "net/https_server.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct https_connections;

/* Channels that are open on connections of one server. */
LIST_HEAD(https_channel_list, https_channel);

/* Lives as long as its SSL object, whoever ends that: evhttp owns the connections. */
struct https_connection {
    TAILQ_ENTRY(https_connection) next;
    struct https_connections *all;
    struct bufferevent *stream;
    SSL *ssl;
    int64_t deadline_ms;               /* monotonic; 0: none, as while the request is with the handler */
    struct evhttp_connection *carrier; /* of a raw reply, with how it ends */
    enum https_end end;
    bool doomed;
};

/* Those of one server. NULL: out of memory. */
struct https_connections *https_connections_new(const struct https_server_limits *limits);

/* No new ones come; it goes with the last that is there (libevent frees them when its loop turns next). */
void https_connections_close(struct https_connections *all);

/* True if there are more than the limit allows. */
bool https_connections_are_too_many(const struct https_connections *all);

/* Ends one that has not even finished the handshake; false: there is none but the newcomer. */
bool https_connections_make_room(struct https_connections *all, const struct https_connection *newcomer);

/* The channels on them (net/https_channel.c). */
struct https_channel_list *https_connections_channels(struct https_connections *all);

/* Ends all of them, and waits for that. */
void https_channels_end(struct https_channel_list *channels);

/* Ends those that took too long. */
void https_connections_sweep(struct https_connections *all);

/* NULL: out of memory. `stream` of what is returned is for evhttp. */
struct https_connection *https_connection_new(struct https_connections *all, struct event_base *base,
                                              SSL_CTX *context);

/* NULL: closed already. */
struct https_connection *https_connection_of(struct evhttp_request *request);

/* May take the limit's time from now on, and so much longer. */
void https_connection_grant(struct https_connection *connection, int64_t more_ms);

/* The same, for as long as an answer of so many bytes may take. */
void https_connection_grant_reply(struct https_connection *connection, size_t length);

/* Shuts it down: evhttp meets the end and cleans up. */
void https_connection_doom(struct https_connection *connection);
