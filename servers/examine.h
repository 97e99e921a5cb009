/* The check of a registered server as a whole: read from the store, asked, and kept in the store. */
#pragma once

#include "servers/check.h"

struct examination {
    struct store *store;
    const struct seal *seal;
    enum server_kind kind;
    const char *host;
    const char *task;  /* "seqtaskexecutor-7" */
    int cancel_fd;     /* see net/https_client.h */
    int64_t repeat_ms; /* that it is as it was is not kept again within this time; 0: it always is */
    void (*judged)(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict);
    void *arg;

    /* What came of it. */
    struct server server; /* without its password */
    struct server_found found;
    struct server_turn turn;
};

/*
 * 0: *found says how the server is, also where it is not well; unless found.gave_up it is kept in the store.
 * ERROR_NOT_FOUND: it is not registered any more. ERROR_CONFLICT: it was changed meanwhile, and what was
 * found is not kept. The store's errors.
 */
int server_examine(struct examination *examination, struct error *err);

/* What a conversation with a registered server needs; the caller wipes password and token. *before (may be
 * NULL): what was found last, as far as a check compares it. ERROR_NOT_FOUND; ERROR_UNTRUSTED: the password
 * does not open. */
struct server_before {
    enum server_state state;
    int64_t tried_ms;
    enum server_node node;
    char product[ISE_FIELD_MAX];
    char version[ISE_FIELD_MAX];
};
int server_load(struct store *store, const struct seal *seal, enum server_kind kind, const char *host,
                struct server *server, struct server_before *before, char password[SERVER_PASSWORD_MAX],
                struct dnac_token *token, struct error *err);

/* Keeps a token that was renewed in a conversation, if the server is still what it was. */
void server_keep_token(struct store *store, const struct seal *seal, const struct server *server,
                       const struct dnac_token *token);

/* Keeps what was found by the way, e.g. that it could not be reached. ERROR_NOT_FOUND, ERROR_CONFLICT: it is
 * gone, or was changed meanwhile. */
int server_keep_found(struct store *store, const struct server *server, struct server_found *found,
                      const char *who, struct server_turn *turn);
