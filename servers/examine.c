#include "servers/examine.h"

#include "base/clock.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static void remember(const struct server_status *status, struct server_before *before)
{
    *before =
        (struct server_before){.state = status->state, .tried_ms = status->tried_ms, .node = status->node};
    snprintf(before->product, sizeof(before->product), "%s", status->product);
    snprintf(before->version, sizeof(before->version), "%s", status->version);
}

/* Nothing but the time went on, and not much of that. */
static bool is_repetition(const struct examination *examination, const struct server_before *before)
{
    const struct server_found *found = &examination->found;
    int64_t age_ms = clock_wall_ms() - before->tried_ms;

    return found->state == SERVER_REACHABLE && before->state == SERVER_REACHABLE &&
           found->node == before->node && strcmp(found->product, before->product) == 0 &&
           server_same_version(before->version, found) && age_ms >= 0 && age_ms < examination->repeat_ms;
}

int server_load(struct store *store, const struct seal *seal, enum server_kind kind, const char *host,
                struct server *server, struct server_before *before, char password[SERVER_PASSWORD_MAX],
                struct dnac_token *token, struct error *err)
{
    struct store_txn *txn = store_read(store, err);
    struct server_status status;
    int result;

    *token = (struct dnac_token){0};
    if (txn == NULL)
        return -1;
    result = server_get(txn, kind, host, server, &status, err);
    if (result == 0) {
        if (before != NULL)
            remember(&status, before);
        result = credentials_open(seal, server, password, err);
        if (result == 0 && kind == SERVER_DNAC)
            token_load(txn, seal, server, token);
        server->password = NULL; /* ends with the transaction */
        server->password_length = 0;
    }
    store_end(txn);
    return result;
}

struct keeping {
    struct examination *examination;
    const struct seal *seal;
    const struct server *server;
    const struct dnac_token *token;
};

/* Is it still what it was when it was asked? */
static int check_same(struct store_txn *txn, const struct server *asked, struct error *err)
{
    struct server there;

    if (server_get(txn, asked->kind, asked->address.host, &there, NULL, err) != 0)
        return -1;
    if (there.edited_ms == asked->edited_ms)
        return 0;
    return error_set(err, ERROR_CONFLICT, "the %s server %s was changed meanwhile",
                     server_kind_title(asked->kind), asked->address.host);
}

static int keep_token(struct store_txn *txn, void *arg, struct error *err)
{
    const struct keeping *keeping = arg;

    return check_same(txn, keeping->server, err) != 0
               ? -1
               : token_keep(txn, keeping->seal, keeping->server, keeping->token, err);
}

void server_keep_token(struct store *store, const struct seal *seal, const struct server *server,
                       const struct dnac_token *token)
{
    struct keeping keeping = {.seal = seal, .server = server, .token = token};

    /* without it the next conversation logs in once more */
    if (token->renewed)
        store_run(store, keep_token, &keeping, NULL);
}

static int keep_found(struct store_txn *txn, void *arg, struct error *err)
{
    const struct keeping *keeping = arg;
    struct examination *examination = keeping->examination;

    if (check_same(txn, &examination->server, err) != 0 ||
        server_note(txn, &examination->server, &examination->found, examination->task, &examination->turn,
                    err) != 0)
        return -1;
    return keeping->token->renewed ? token_keep(txn, keeping->seal, &examination->server, keeping->token, err)
                                   : 0;
}

struct noting {
    const struct server *server;
    struct server_found *found;
    const char *who;
    struct server_turn *turn;
};

static int note_found(struct store_txn *txn, void *arg, struct error *err)
{
    const struct noting *noting = arg;

    return check_same(txn, noting->server, err) != 0
               ? -1
               : server_note(txn, noting->server, noting->found, noting->who, noting->turn, err);
}

int server_keep_found(struct store *store, const struct server *server, struct server_found *found,
                      const char *who, struct server_turn *turn)
{
    struct noting noting = {server, found, who, turn};

    return store_run(store, note_found, &noting, NULL);
}

int server_examine(struct examination *examination, struct error *err)
{
    char password[SERVER_PASSWORD_MAX] = "";
    struct dnac_token token;
    struct server_access access = {
        .store = examination->store,
        .server = &examination->server,
        .password = password,
        .task = examination->task,
        .cancel_fd = examination->cancel_fd,
        .judged = examination->judged,
        .arg = examination->arg,
    };
    struct keeping keeping = {.examination = examination, .seal = examination->seal, .token = &token};
    struct server_before before;
    struct error cause = {0};
    int result = 0;

    examination->turn = (struct server_turn){0};
    if (server_load(examination->store, examination->seal, examination->kind, examination->host,
                    &examination->server, &before, password, &token, &cause) == 0) {
        server_check(&access, &token, &examination->found);
    } else if (cause.code == ERROR_UNTRUSTED) {
        examination->found =
            (struct server_found){.state = SERVER_SEALED, .error = cause, .node = SERVER_NODE_UNKNOWN};
    } else {
        if (err != NULL)
            *err = cause;
        result = -1;
    }
    if (result == 0 && !examination->found.gave_up && (token.renewed || !is_repetition(examination, &before)))
        result = store_run(examination->store, keep_found, &keeping, err);
    OPENSSL_cleanse(password, sizeof(password));
    OPENSSL_cleanse(&token, sizeof(token));
    return result;
}
