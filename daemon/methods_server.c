/* The methods about registered servers: add, edit, delete, test. */
#include "base/clock.h"
#include "daemon/request.h"
#include "daemon/server_watch.h"
#include "daemon/services.h"
#include "servers/limits.h"
#include "store/pin.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define TASK_MAX 32
#define ADDED "added"
#define EDITED "edited"
#define DELETED "deleted"

/* ---- what is asked for ---- */

static int read_kind_and_host(const struct request *request, struct server *server, struct error *err)
{
    const char *kind = request_text(request, "kind", err);
    const char *host = kind == NULL ? NULL : request_text(request, "host", err);

    if (host == NULL || server_kind_parse(kind, &server->kind, err) != 0)
        return -1;
    return host_parse(host, &server->address.kind, server->address.host, err);
}

static int read_number(const struct request *request, const char *name, json_int_t most, json_int_t *out,
                       struct error *err)
{
    json_t *number = json_object_get(request->params, name);

    if (number == NULL)
        return 0;
    if (!json_is_integer(number) || json_integer_value(number) < 1 || json_integer_value(number) > most)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the %s of a server is a number from 1 to %lld", name,
                         (long long)most);
    *out = json_integer_value(number);
    return 0;
}

/* What may be given when a server is added or edited; what is not stays as it is. */
static int read_details(const struct request *request, struct server *server, struct error *err)
{
    const char *user = json_string_value(json_object_get(request->params, "user"));
    const char *proxy = json_string_value(json_object_get(request->params, "proxy"));
    json_int_t port = server->address.port;
    json_int_t timeout_s = server->timeout_s;

    if (read_number(request, "port", UINT16_MAX, &port, err) != 0 ||
        read_number(request, "timeout", SERVER_TIMEOUT_MAX_S, &timeout_s, err) != 0 ||
        (user != NULL && server_check_user(user, err) != 0) ||
        (proxy != NULL && server_proxy_parse(proxy, &server->proxy, err) != 0))
        return -1;
    server->address.port = (uint16_t)port;
    server->timeout_s = (unsigned)timeout_s;
    if (user != NULL)
        snprintf(server->user, sizeof(server->user), "%s", user);
    return 0;
}

/* Copied and wiped where it came from; "" where none was given. */
static int read_password(const struct request *request, char out[SERVER_PASSWORD_MAX], struct error *err)
{
    json_t *given = json_object_get(request->params, "password");
    const char *text = json_string_value(given);
    int result = 0;

    out[0] = '\0';
    if (text == NULL)
        return 0;
    if (strlen(text) != json_string_length(given))
        result = error_set(err, ERROR_INVALID_ARGUMENT, "the password holds control characters");
    else if ((result = server_check_password(text, err)) == 0)
        memcpy(out, text, strlen(text) + 1);
    OPENSSL_cleanse((char *)(uintptr_t)text, json_string_length(given));
    return result;
}

/* ---- asking it ---- */

static void task_of(const struct request *request, char out[TASK_MAX])
{
    snprintf(out, TASK_MAX, "seqtaskexecutor-%u", request->number);
}

static void write_verdict(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict)
{
    const struct request *request = arg;
    char task[TASK_MAX];

    task_of(request, task);
    server_tell_verdict(request->node, task, trust, verdict);
}

/* A server that is about to be registered or changed. */
struct candidate {
    struct request *request;
    struct server server;
    char task[TASK_MAX];
    char password[SERVER_PASSWORD_MAX];
    uint8_t sealed[SERVER_SEALED_MAX];
    struct dnac_token token;
    struct server_found found;
    struct server_turn turn;
    bool is_edit;
    int64_t edited_before_ms; /* is_edit: the record that was changed here */
};

static void wipe_candidate(struct candidate *candidate)
{
    OPENSSL_cleanse(candidate->password, sizeof(candidate->password));
    OPENSSL_cleanse(&candidate->token, sizeof(candidate->token));
}

static void ask_candidate(struct candidate *candidate)
{
    struct server_access access = {.store = candidate->request->node->store,
                                   .server = &candidate->server,
                                   .password = candidate->password,
                                   .task = candidate->task,
                                   .is_new = !candidate->is_edit,
                                   .judged = write_verdict,
                                   .arg = candidate->request};

    server_check(&access, &candidate->token, &candidate->found);
}

static int check_limits(const struct candidate *candidate, struct store_txn *txn, struct error *err)
{
    return limits_check(txn, &candidate->server, candidate->found.node, candidate->is_edit, err);
}

/* Before it is asked: what cannot be shall not cost a connection, and gets no credentials. */
static int check_limits_now(struct candidate *candidate, struct error *err)
{
    struct store_txn *txn = store_read(candidate->request->node->store, err);
    int result;

    if (txn == NULL)
        return -1;
    candidate->found.node = SERVER_NODE_UNKNOWN;
    result = check_limits(candidate, txn, err);
    store_end(txn);
    return result;
}

static int check_unchanged(struct candidate *candidate, struct store_txn *txn, struct error *err)
{
    struct server there;

    if (server_get(txn, candidate->server.kind, candidate->server.address.host, &there, NULL, err) != 0)
        return -1;
    if (there.edited_ms == candidate->edited_before_ms)
        return 0;
    return error_set(err, ERROR_CONFLICT, "somebody else changed the %s server %s meanwhile",
                     server_kind_title(there.kind), there.address.host);
}

static int save_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct candidate *candidate = arg;
    const struct server *server = &candidate->server;
    const char *user = candidate->request->who.user;
    const char *what = candidate->is_edit ? EDITED : ADDED;

    if (candidate->is_edit && check_unchanged(candidate, txn, err) != 0)
        return -1;
    if (check_limits(candidate, txn, err) != 0 || server_put(txn, server, err) != 0 ||
        server_event_note(txn, server, user, what, "", err) != 0 ||
        server_note(txn, server, &candidate->found, candidate->task, &candidate->turn, err) != 0)
        return -1;
    /* a token of before was for another user, perhaps */
    return token_keep(txn, candidate->request->node->seal, server, &candidate->token, err);
}

static json_t *describe(const struct server *server, const struct server_found *found)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:I}", "kind",
                     server_kind_name(server->kind), "host", server->address.host, "port",
                     (int)server->address.port, "state", server_state_name(found->state), "product",
                     found->product, "version", found->version, "node", (int)found->node, "type",
                     server_node_name(found->node), "problem", found->error.message, "hint",
                     found->error.hint, "devices", (json_int_t)found->devices);
}

static int refuse_to_save(const struct candidate *candidate, struct error *err)
{
    bool is_away = candidate->found.state == SERVER_UNREACHABLE || candidate->found.state == SERVER_BUSY;

    *err = candidate->found.error;
    if (is_away)
        error_hint(err, "%s%snothing was saved; to save it all the same: save-unreachable",
                   candidate->found.error.hint, candidate->found.error.hint[0] == '\0' ? "" : "; ");
    return -1;
}

/* Asks, judges and saves. */
static int check_and_save(struct candidate *candidate, json_t **result, struct error *err)
{
    struct request *request = candidate->request;
    bool save_anyway = json_is_true(json_object_get(request->params, "save_unreachable"));
    const struct server *server = &candidate->server;

    task_of(request, candidate->task);
    ask_candidate(candidate);
    if (candidate->found.state != SERVER_REACHABLE && !save_anyway)
        return refuse_to_save(candidate, err);
    if (candidate->found.state != SERVER_REACHABLE)
        candidate->token = (struct dnac_token){0};
    if (credentials_seal(request->node->seal, &candidate->server, candidate->password, candidate->sealed,
                         err) != 0 ||
        request_change(request, save_job, candidate, err) != 0)
        return -1;
    log_write(request->node->application_log, LOG_LEVEL_INFO, "[system] [%s] %s server %s_%u %s by %s: %s",
              candidate->task, server_kind_title(server->kind), server->address.host, server->address.port,
              candidate->is_edit ? EDITED : ADDED, request->who.user,
              server_state_name(candidate->found.state));
    if (candidate->is_edit) /* of a new one nobody knew another state */
        server_tell_turn(request->node, candidate->task, server, &candidate->found, &candidate->turn);
    services_wake_watch(request->node->services);
    *result = describe(server, &candidate->found);
    return 0;
}

static int server_add(struct request *request, json_t **result, struct error *err)
{
    struct candidate candidate = {.request = request};
    struct server *server = &candidate.server;
    int failed;

    server->address.port = SERVER_PORT;
    server->timeout_s = SERVER_TIMEOUT_S;
    server->added_ms = server->edited_ms = clock_wall_ms();
    failed = read_password(request, candidate.password, err) != 0 ||
             read_kind_and_host(request, server, err) != 0 || request_text(request, "user", err) == NULL ||
             read_details(request, server, err) != 0;
    /* the shell asks for no password where this is what comes of it */
    if (!failed)
        failed = check_limits_now(&candidate, err) != 0;
    if (!failed && candidate.password[0] == '\0')
        failed = error_set(err, ERROR_INVALID_ARGUMENT, "the password was not given");
    if (!failed)
        failed = check_and_save(&candidate, result, err) != 0;
    wipe_candidate(&candidate);
    return failed ? -1 : 0;
}

/* The record as it is, and its password where no new one was given. */
static int load_for_edit(struct candidate *candidate, struct error *err)
{
    struct node *node = candidate->request->node;
    struct server *server = &candidate->server;
    struct store_txn *txn = store_read(node->store, err);
    char host[HOST_TEXT_MAX];
    int result;

    if (txn == NULL)
        return -1;
    memcpy(host, server->address.host, sizeof(host));
    result = server_get(txn, server->kind, host, server, NULL, err);
    if (result == 0 && candidate->password[0] == '\0')
        result = credentials_open(node->seal, server, candidate->password, err);
    store_end(txn);
    server->password = NULL;
    candidate->edited_before_ms = server->edited_ms;
    server->edited_ms = clock_wall_ms();
    if (server->edited_ms <= candidate->edited_before_ms) /* the clock went back, or stands still */
        server->edited_ms = candidate->edited_before_ms + 1;
    return result;
}

static int server_edit(struct request *request, json_t **result, struct error *err)
{
    struct candidate candidate = {.request = request, .is_edit = true};
    int failed;

    failed = read_password(request, candidate.password, err) != 0 ||
             read_kind_and_host(request, &candidate.server, err) != 0 ||
             load_for_edit(&candidate, err) != 0 || read_details(request, &candidate.server, err) != 0 ||
             check_and_save(&candidate, result, err) != 0;
    wipe_candidate(&candidate);
    return failed ? -1 : 0;
}

struct removal {
    const struct request *request;
    struct server server;
    bool has_pin;
};

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct removal *removal = arg;
    struct server *server = &removal->server;
    char host[HOST_TEXT_MAX];
    char address[HOST_PORT_TEXT_MAX];
    struct pin pin;

    memcpy(host, server->address.host, sizeof(host));
    if (server_get(txn, server->kind, host, server, NULL, err) != 0)
        return -1;
    host_port_format(&server->address, address);
    removal->has_pin = pin_get(txn, address, &pin, NULL) == 0;
    if (server_delete(txn, server->kind, host, err) != 0)
        return -1;
    return server_event_note(txn, server, removal->request->who.user, DELETED,
                             removal->has_pin ? "its pin stays" : "", err);
}

static int server_remove(struct request *request, json_t **result, struct error *err)
{
    struct removal removal = {.request = request};
    char address[HOST_PORT_TEXT_MAX];

    if (read_kind_and_host(request, &removal.server, err) != 0 ||
        request_change(request, delete_job, &removal, err) != 0)
        return -1;
    services_wake_watch(request->node->services);
    host_port_format(&removal.server.address, address);
    log_write(request->node->application_log, LOG_LEVEL_INFO,
              "[system] [seqtaskexecutor-%u] %s server %s "
              "deleted by %s",
              request->number, server_kind_title(removal.server.kind), address, request->who.user);
    *result = json_pack("{s:s, s:b}", "address", address, "pinned", removal.has_pin);
    return 0;
}

static int server_test(struct request *request, json_t **result, struct error *err)
{
    struct examination examination = {
        .store = request->node->store, .seal = request->node->seal, .judged = write_verdict, .arg = request};
    struct server wanted = {0};
    char task[TASK_MAX];

    if (read_kind_and_host(request, &wanted, err) != 0)
        return -1;
    task_of(request, task);
    examination.kind = wanted.kind;
    examination.host = wanted.address.host;
    examination.task = task;
    if (server_examine(&examination, err) != 0)
        return -1;
    server_tell_turn(request->node, task, &examination.server, &examination.found, &examination.turn);
    if (examination.found.state != SERVER_REACHABLE) {
        *err = examination.found.error;
        return -1;
    }
    *result = describe(&examination.server, &examination.found);
    return 0;
}

const struct method server_methods[] = {
    {"server.add", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, server_add},
    {"server.edit", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, server_edit},
    {"server.delete", ACCOUNT_ADMIN, METHOD_CHANGES | METHOD_ACTIVE, server_remove},
    {"server.test", ACCOUNT_ADMIN, METHOD_ACTIVE, server_test},
};
const size_t server_method_count = sizeof(server_methods) / sizeof(server_methods[0]);
