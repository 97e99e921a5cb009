/*
 * The partner servers that are registered: ISE and DNA Center. What an admin said of each, what was last met
 * at it, and what happened to it.
 */
#pragma once

#include "base/host_port.h"
#include "store/store.h"

#include <stddef.h>

#define SERVER_USER_MAX 129     /* bytes of a user name, the closing NUL included */
#define SERVER_PASSWORD_MAX 513 /* bytes of a password in clear, the closing NUL included */
#define SERVER_PORT 443
#define SERVER_TIMEOUT_S 30
#define SERVER_TIMEOUT_MAX_S 300
#define SERVER_EVENTS_KEPT 10000 /* of all servers together */

enum server_kind { SERVER_ISE, SERVER_DNAC, SERVER_KINDS };
const char *server_kind_name(enum server_kind kind);  /* "ise", "dnac": as typed, and in keys */
const char *server_kind_title(enum server_kind kind); /* "ISE", "DNA Center" */

/* ERROR_INVALID_ARGUMENT. */
int server_kind_parse(const char *name, enum server_kind *out, struct error *err);

/* What an ISE says it is for monitoring (its type_of_node), and two for what is not known. */
enum server_node {
    SERVER_NODE_STANDALONE,
    SERVER_NODE_PRIMARY,
    SERVER_NODE_STANDBY,
    SERVER_NODE_NONE,    /* an ISE, but no monitoring node */
    SERVER_NODE_UNKNOWN, /* it could not be asked yet, or is no ISE */
    SERVER_NODES
};
const char *server_node_name(enum server_node node); /* "standalone", "primary", ...; "" where unknown */

/* How the last check of a server ended. */
enum server_state {
    SERVER_UNCHECKED,
    SERVER_REACHABLE,
    SERVER_UNREACHABLE, /* no connection, no TLS, no answer in time */
    SERVER_MISMATCH,    /* another certificate than the pinned one; it got nothing from us */
    SERVER_UNTRUSTED,   /* its certificate is not trusted; the same */
    SERVER_CREDENTIALS, /* it does not take user name and password, or they allow too little */
    SERVER_UNEXPECTED,  /* it answers, but not as such a server does */
    SERVER_BUSY,        /* it asks to be left alone for a while */
    SERVER_SEALED,      /* the password cannot be opened with this node's sealing key */
    SERVER_STATES
};
const char *server_state_name(enum server_state state); /* "reachable", "certificate mismatch", ... */

/* What an admin said. */
struct server {
    enum server_kind kind;
    struct host_port address;
    char user[SERVER_USER_MAX];
    struct host_port proxy; /* the HTTP proxy to reach it through; port 0: none */
    unsigned timeout_s;
    int64_t added_ms;
    int64_t edited_ms; /* another one after each change */
    /* Sealed under server_seal_name(). Read from the store it lives until the transaction ends. */
    const uint8_t *password;
    size_t password_length;
};

/* What was met. Texts read from the store live until the transaction ends, those of server_each() too. */
struct server_status {
    enum server_state state;
    int64_t since_ms;  /* in this state */
    int64_t tried_ms;  /* last check; 0: none */
    int64_t seen_ms;   /* last one that ended well; 0: none */
    unsigned failures; /* checks in a row that did not */
    enum server_node node;
    const char *product; /* as it calls itself, escaped; "" */
    const char *version;
    const char *problem; /* the sentence of the last failure; "" */
};

/* A user name for HTTP's Basic scheme (RFC 7617): UTF-8, no colon, no control character.
 * ERROR_INVALID_ARGUMENT. */
int server_check_user(const char *user, struct error *err);

/* UTF-8, no control character, at least one. The sentence does not repeat it. ERROR_INVALID_ARGUMENT. */
int server_check_password(const char *password, struct error *err);

/*
 * "http://<host>[:<port>]" (an HTTP proxy; port 80 unless named), or "none": port 0. A user's name or
 * password in it is refused without being repeated. ERROR_INVALID_ARGUMENT.
 */
int server_proxy_parse(const char *text, struct host_port *out, struct error *err);

/* The same as text. */
#define SERVER_PROXY_TEXT_MAX (HOST_PORT_TEXT_MAX + 16)
void server_proxy_format(const struct host_port *proxy, char out[SERVER_PROXY_TEXT_MAX]);

/* The names under which the secrets of a server are sealed (store/seal.h). */
#define SERVER_SEAL_NAME_MAX (HOST_TEXT_MAX + 32)
void server_seal_name(enum server_kind kind, const char *host, char out[SERVER_SEAL_NAME_MAX]);
void server_token_seal_name(enum server_kind kind, const char *host, char out[SERVER_SEAL_NAME_MAX]);

/* Pair scope: the record of kind and host, added or replaced. */
int server_put(struct store_txn *txn, const struct server *server, struct error *err);

/* status may be NULL. ERROR_NOT_FOUND. */
int server_get(struct store_txn *txn, enum server_kind kind, const char *host, struct server *out,
               struct server_status *status, struct error *err);

/* Forgets it, its status and its token. Its pin stays. ERROR_NOT_FOUND. */
int server_delete(struct store_txn *txn, enum server_kind kind, const char *host, struct error *err);

/* Calls `each` with every server of a kind (SERVER_KINDS: of all) by host, until it returns non-zero. */
int server_each(struct store_txn *txn, enum server_kind kind,
                int (*each)(void *arg, const struct server *server, const struct server_status *status),
                void *arg, struct error *err);

/* Pair scope, so that the standby can tell what the active node last met. */
int server_status_put(struct store_txn *txn, enum server_kind kind, const char *host,
                      const struct server_status *status, struct error *err);

/* The token that a server gave us, sealed; node scope. It lives until the transaction ends. length 0 in
 * server_token_put(): none any more. ERROR_NOT_FOUND. */
int server_token_get(struct store_txn *txn, enum server_kind kind, const char *host, const uint8_t **sealed,
                     size_t *length, struct error *err);
int server_token_put(struct store_txn *txn, enum server_kind kind, const char *host, const uint8_t *sealed,
                     size_t length, struct error *err);

/* What happened to a server. Texts live for the call. */
struct server_event {
    uint64_t number; /* given by server_event_append() */
    int64_t when_ms;
    enum server_kind kind;
    const char *host;
    uint16_t port;
    const char *who;  /* the admin, or the task */
    const char *what; /* "added", "reachable", "certificate mismatch", ... */
    const char *text; /* a sentence, or "" */
};

/* Node scope. Control characters are escaped here. */
int server_event_append(struct store_txn *txn, const struct server_event *event, struct error *err);

/* The same of what happened to this server just now. */
int server_event_note(struct store_txn *txn, const struct server *server, const char *who, const char *what,
                      const char *text, struct error *err);

/* Calls `each` with the last `count` events (0: all), oldest first, until it returns non-zero. */
int server_event_each(struct store_txn *txn, uint64_t count,
                      int (*each)(void *arg, const struct server_event *event), void *arg, struct error *err);
