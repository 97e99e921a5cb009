/* One request to a registered server: sent, judged, and told apart by what came of it. */
#pragma once

#include "net/https_client.h"
#include "store/server.h"

#include <jansson.h>

#define SERVER_REDIRECTS_MAX 5

/* A conversation with one server. The first part is the caller's, the second says how its last request went.
 */
struct server_access {
    struct store *store;
    const struct server *server;
    const char *password; /* in clear */
    const char *task;     /* who asks: "seqtaskexecutor-7" */
    int cancel_fd;        /* see net/https_client.h */
    bool is_new;          /* the server is not registered yet: there is nothing to edit */
    /* Told of every refused certificate, and of every one that a first contact pinned; may be NULL. */
    void (*judged)(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict);
    void *arg;

    enum server_state state;
    int64_t retry_after_s;     /* SERVER_BUSY: what it asked for; 0: nothing */
    struct host_port answered; /* who answered: after a redirect another one */
};

/* What to ask. */
struct server_question {
    const char *method;
    const char *path;
    const char *accept;             /* media type wanted */
    const char *content_type;       /* of an (empty) body; NULL: there is none */
    const char *const *credentials; /* see net/https_client.h */
    size_t body_max;                /* 0: HTTPS_BODY_MAX */
    int time_factor; /* a long answer may take so many times the server's limit, but not fall silent for it */
    bool (*take)(void *arg, const struct https_response *head, const char *bytes, size_t length,
                 struct error *err);
    void *arg;
};

/*
 * 0: an answer with status 200. -1 otherwise, with access->state and a sentence: ERROR_UNREACHABLE,
 * ERROR_TIMEOUT, ERROR_PIN_MISMATCH, ERROR_UNTRUSTED, ERROR_DENIED (credentials), ERROR_BUSY (it asks to be
 * left alone; or given up, with SERVER_UNCHECKED). https_response_free() in any case.
 */
int server_ask(struct server_access *access, const struct server_question *question,
               struct https_response *response, struct error *err);

/* "Authorization: Basic ..." (RFC 7617, UTF-8) of the access. Wipe it. */
#define SERVER_BASIC_MAX (32 + (SERVER_USER_MAX + SERVER_PASSWORD_MAX) / 3 * 4 + 8)
void server_basic_header(const struct server_access *access, char out[SERVER_BASIC_MAX]);

/*
 * The answer is no such server's: SERVER_UNEXPECTED, ERROR_UNREACHABLE, "<host> <what>" with a hint that fits
 * most of what it can be. Where somebody else answered: "<host> sends us on to <other>, which <what>".
 * Returns -1.
 */
int server_unexpected(struct server_access *access, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the <what>, and the hint where it has one, of a reader of answers. */
int server_unreadable(struct server_access *access, const struct error *cause, struct error *err);

/*
 * The charset of a Content-Type in upper case into out, "" where it names none. False: it is too long.
 * (RFC 9110 section 8.3)
 */
#define SERVER_CHARSET_MAX 32
bool server_charset(const char *content_type, char out[SERVER_CHARSET_MAX]);

/* "answered in a charset that is not read here", for server_unreadable(). Returns -1. */
int server_charset_unread(struct error *err);
