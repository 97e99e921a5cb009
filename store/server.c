#include "store/server.h"

#include "base/text.h"
#include "base/url.h"
#include "store/record.h"
#include "store/setting.h"
#include "store/small_record.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX (HOST_TEXT_MAX + 8)        /* "<kind>/<host>" */
#define PASSWORD_PREFIX "server-password/" /* also in secret.c: sealed by each node of a pair itself */
#define TOKEN_PREFIX "server-token/"
#define NO_PROXY "none"

static const struct {
    const char *name;
    const char *title;
} kinds[SERVER_KINDS] = {
    [SERVER_ISE] = {"ise", "ISE"},
    [SERVER_DNAC] = {"dnac", "DNA Center"},
};

static const char *const node_names[SERVER_NODES] = {
    [SERVER_NODE_STANDALONE] = "standalone",
    [SERVER_NODE_PRIMARY] = "primary",
    [SERVER_NODE_STANDBY] = "standby",
    [SERVER_NODE_NONE] = "no monitoring node",
    [SERVER_NODE_UNKNOWN] = "",
};

static const char *const state_names[SERVER_STATES] = {
    [SERVER_UNCHECKED] = "not checked yet",         [SERVER_REACHABLE] = "reachable",
    [SERVER_UNREACHABLE] = "unreachable",           [SERVER_MISMATCH] = "certificate mismatch",
    [SERVER_UNTRUSTED] = "certificate not trusted", [SERVER_CREDENTIALS] = "wrong credentials",
    [SERVER_UNEXPECTED] = "unexpected answer",      [SERVER_BUSY] = "busy",
    [SERVER_SEALED] = "password unreadable",
};

const char *server_kind_name(enum server_kind kind)
{
    return (unsigned)kind < SERVER_KINDS ? kinds[kind].name : "";
}

const char *server_kind_title(enum server_kind kind)
{
    return (unsigned)kind < SERVER_KINDS ? kinds[kind].title : "";
}

int server_kind_parse(const char *name, enum server_kind *out, struct error *err)
{
    for (int kind = 0; kind < SERVER_KINDS; kind++) {
        if (strcmp(kinds[kind].name, name) == 0) {
            *out = (enum server_kind)kind;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.40s\" is no kind of server: ise, dnac", name);
}

const char *server_node_name(enum server_node node)
{
    return (unsigned)node < SERVER_NODES ? node_names[node] : "";
}

const char *server_state_name(enum server_state state)
{
    return (unsigned)state < SERVER_STATES ? state_names[state] : "";
}

int server_check_user(const char *user, struct error *err)
{
    size_t length = strlen(user);

    if (length == 0 || length >= SERVER_USER_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a user name has 1 to %d bytes, this one has %zu",
                         SERVER_USER_MAX - 1, length);
    if (!text_is_printable(user, length))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "this is not a user name: it holds control characters, or is no UTF-8");
    if (strchr(user, ':') != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "%s is not a user name for a server: HTTP allows no colon in it", user);
    return 0;
}

int server_check_password(const char *password, struct error *err)
{
    size_t length = strlen(password);

    if (length == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the password is empty");
    if (length >= SERVER_PASSWORD_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the password is longer than %d bytes",
                         SERVER_PASSWORD_MAX - 1);
    if (!text_is_printable(password, length))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the password holds control characters, or is no UTF-8");
    return 0;
}

int server_proxy_parse(const char *text, struct host_port *out, struct error *err)
{
    struct url url;

    *out = (struct host_port){0};
    if (strcmp(text, NO_PROXY) == 0)
        return 0;
    if (strchr(text, '@') != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "a proxy gets no user name and no password from here: http://<host>:<port>");
    if (url_parse(text, &url, NULL) != 0 || url.scheme != URL_HTTP || strcmp(url.path, "/") != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.100s is no proxy: http://<host>:<port>, or none",
                         text);
    out->kind = url.kind;
    memcpy(out->host, url.host, sizeof(out->host));
    out->port = url.port;
    return 0;
}

void server_proxy_format(const struct host_port *proxy, char out[SERVER_PROXY_TEXT_MAX])
{
    bool is_v6 = proxy->kind == HOST_IPV6;

    if (proxy->port == 0)
        snprintf(out, SERVER_PROXY_TEXT_MAX, NO_PROXY);
    else
        snprintf(out, SERVER_PROXY_TEXT_MAX, "http://%s%s%s:%u", is_v6 ? "[" : "", proxy->host,
                 is_v6 ? "]" : "", proxy->port);
}

void server_seal_name(enum server_kind kind, const char *host, char out[SERVER_SEAL_NAME_MAX])
{
    snprintf(out, SERVER_SEAL_NAME_MAX, PASSWORD_PREFIX "%s/%s", server_kind_name(kind), host);
}

void server_token_seal_name(enum server_kind kind, const char *host, char out[SERVER_SEAL_NAME_MAX])
{
    snprintf(out, SERVER_SEAL_NAME_MAX, TOKEN_PREFIX "%s/%s", server_kind_name(kind), host);
}

static MDB_val server_key(enum server_kind kind, const char *host, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, "%s/%s", server_kind_name(kind), host);
    return record_key_text(out);
}

int server_put(struct store_txn *txn, const struct server *server, struct error *err)
{
    Record__Server record = RECORD__SERVER__INIT;
    char name[SERVER_SEAL_NAME_MAX];
    char proxy[HOST_PORT_TEXT_MAX];
    char bytes[KEY_MAX];

    if (server->proxy.port != 0) {
        host_port_format(&server->proxy, proxy);
        record.proxy = proxy;
    }
    record.port = server->address.port;
    record.user = (char *)(uintptr_t)server->user;
    record.timeout_s = server->timeout_s;
    record.added_ms = server->added_ms;
    record.edited_ms = server->edited_ms;
    record_put(txn, DATABASE_SERVERS, STORE_SCOPE_PAIR, server_key(server->kind, server->address.host, bytes),
               &record.base);
    server_seal_name(server->kind, server->address.host, name);
    return setting_set(txn, name, STORE_SCOPE_PAIR, server->password, server->password_length, err);
}

bool server_read(struct arena *arena, const void *bytes, size_t length, struct server *out)
{
    const Record__Server *record = record_unpack(arena, &record__server__descriptor, bytes, length);

    if (record == NULL || record->port == 0 || record->port > UINT16_MAX ||
        strlen(record->user) >= SERVER_USER_MAX || record->timeout_s == 0 ||
        record->timeout_s > SERVER_TIMEOUT_MAX_S)
        return false;
    out->proxy = (struct host_port){0};
    if (record->proxy[0] != '\0' && host_port_parse(record->proxy, &out->proxy, NULL) != 0)
        return false;
    out->address.port = (uint16_t)record->port;
    snprintf(out->user, sizeof(out->user), "%s", record->user);
    out->timeout_s = record->timeout_s;
    out->added_ms = record->added_ms;
    out->edited_ms = record->edited_ms;
    out->password = NULL;
    out->password_length = 0;
    return true;
}

bool server_status_read(struct arena *arena, const void *bytes, size_t length, struct server_status *out)
{
    const Record__ServerStatus *record =
        record_unpack(arena, &record__server_status__descriptor, bytes, length);

    if (record == NULL || record->state >= SERVER_STATES || record->node >= SERVER_NODES)
        return false;
    *out = (struct server_status){
        .state = (enum server_state)record->state,
        .since_ms = record->since_ms,
        .tried_ms = record->tried_ms,
        .seen_ms = record->seen_ms,
        .failures = record->failures,
        .node = (enum server_node)record->node,
        .product = record->product,
        .version = record->version,
        .problem = record->problem,
    };
    return true;
}

/* "<kind>/<host>" into the two. */
static bool read_key(const MDB_val *key, struct server *out)
{
    char text[KEY_MAX];
    char *host;

    if (key->mv_size >= sizeof(text))
        return false;
    memcpy(text, key->mv_data, key->mv_size);
    text[key->mv_size] = '\0';
    host = strchr(text, '/');
    if (host == NULL)
        return false;
    *host++ = '\0';
    return server_kind_parse(text, &out->kind, NULL) == 0 &&
           host_parse(host, &out->address.kind, out->address.host, NULL) == 0;
}

/* What is not written yet reads as unchecked. */
static int get_status(struct store_txn *txn, MDB_val key, struct server_status *out, struct error *err)
{
    MDB_val value;

    *out = (struct server_status){.node = SERVER_NODE_UNKNOWN, .product = "", .version = "", .problem = ""};
    if (!record_get(txn, DATABASE_SERVER_STATES, key, &value))
        return record_status(txn, err);
    if (server_status_read(&txn->arena, value.mv_data, value.mv_size, out))
        return 0;
    return record_damaged(txn, DATABASE_SERVER_STATES, err);
}

/* A setting that is not there, or that is deleted, is all right. */
static int none_is_fine(int result, const struct error *cause, struct error *err)
{
    if (result == 0 || cause->code == ERROR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = *cause;
    return -1;
}

/* Without one, as after a copy by hand, it reads as one that cannot be opened. */
static int get_password(struct store_txn *txn, struct server *out, struct error *err)
{
    char name[SERVER_SEAL_NAME_MAX];
    struct error cause = {0};

    server_seal_name(out->kind, out->address.host, name);
    return none_is_fine(setting_get(txn, name, &out->password, &out->password_length, &cause), &cause, err);
}

static int forget(struct store_txn *txn, const char *name, struct error *err)
{
    struct error cause = {0};

    return none_is_fine(setting_delete(txn, name, &cause), &cause, err);
}

int server_get(struct store_txn *txn, enum server_kind kind, const char *host, struct server *out,
               struct server_status *status, struct error *err)
{
    char bytes[KEY_MAX];
    MDB_val key = server_key(kind, host, bytes);
    MDB_val value;

    if (!record_get(txn, DATABASE_SERVERS, key, &value)) {
        if (record_status(txn, err) != 0)
            return -1;
        error_set(err, ERROR_NOT_FOUND, "there is no %s server %s registered here", server_kind_title(kind),
                  host);
        return error_hint(err, "see which there are with: ncs server %s list", server_kind_name(kind));
    }
    if (!read_key(&key, out) || !server_read(&txn->arena, value.mv_data, value.mv_size, out))
        return record_damaged(txn, DATABASE_SERVERS, err);
    if (get_password(txn, out, err) != 0)
        return -1;
    return status == NULL ? 0 : get_status(txn, key, status, err);
}

int server_delete(struct store_txn *txn, enum server_kind kind, const char *host, struct error *err)
{
    struct server there;
    char name[SERVER_SEAL_NAME_MAX];
    char bytes[KEY_MAX];
    MDB_val key = server_key(kind, host, bytes);
    MDB_val value;

    if (server_get(txn, kind, host, &there, NULL, err) != 0)
        return -1;
    if (record_get(txn, DATABASE_SERVER_STATES, key, &value))
        record_delete(txn, DATABASE_SERVER_STATES, STORE_SCOPE_PAIR, key);
    record_delete(txn, DATABASE_SERVERS, STORE_SCOPE_PAIR, key);
    server_seal_name(kind, host, name);
    if (forget(txn, name, err) != 0)
        return -1;
    return server_token_put(txn, kind, host, NULL, 0, err);
}

struct server_walk {
    struct store_txn *txn;
    enum server_kind kind;
    int (*each)(void *arg, const struct server *server, const struct server_status *status);
    void *arg;
    struct error *err;
    int result;
};

static enum record_step server_row(void *arg, struct arena *scratch, const MDB_val *key, const MDB_val *value)
{
    struct server_walk *walk = arg;
    struct server server = {0};
    struct server_status status;

    (void)scratch;
    if (!read_key(key, &server) || !server_read(&walk->txn->arena, value->mv_data, value->mv_size, &server))
        return RECORD_DAMAGED;
    if (walk->kind != SERVER_KINDS && server.kind != walk->kind)
        return RECORD_NEXT;
    walk->result = get_status(walk->txn, *key, &status, walk->err);
    return walk->result == 0 && walk->each(walk->arg, &server, &status) == 0 ? RECORD_NEXT : RECORD_ENOUGH;
}

int server_each(struct store_txn *txn, enum server_kind kind,
                int (*each)(void *arg, const struct server *server, const struct server_status *status),
                void *arg, struct error *err)
{
    struct server_walk walk = {.txn = txn, .kind = kind, .each = each, .arg = arg, .err = err};

    /* by kind: "dnac/" stands before "ise/" */
    if (record_walk(txn, DATABASE_SERVERS, record_key_text(kind == SERVER_ISE ? "ise/" : "a"), server_row,
                    &walk, err) != 0)
        return -1;
    return walk.result;
}

int server_status_put(struct store_txn *txn, enum server_kind kind, const char *host,
                      const struct server_status *status, struct error *err)
{
    Record__ServerStatus record = RECORD__SERVER_STATUS__INIT;
    char bytes[KEY_MAX];

    record.state = status->state;
    record.since_ms = status->since_ms;
    record.tried_ms = status->tried_ms;
    record.seen_ms = status->seen_ms;
    record.failures = status->failures;
    record.node = status->node;
    record.product = (char *)(uintptr_t)status->product;
    record.version = (char *)(uintptr_t)status->version;
    record.problem = (char *)(uintptr_t)status->problem;
    record_put(txn, DATABASE_SERVER_STATES, STORE_SCOPE_PAIR, server_key(kind, host, bytes), &record.base);
    return record_status(txn, err);
}

int server_token_get(struct store_txn *txn, enum server_kind kind, const char *host, const uint8_t **sealed,
                     size_t *length, struct error *err)
{
    char name[SERVER_SEAL_NAME_MAX];

    server_token_seal_name(kind, host, name);
    return setting_get(txn, name, sealed, length, err);
}

int server_token_put(struct store_txn *txn, enum server_kind kind, const char *host, const uint8_t *sealed,
                     size_t length, struct error *err)
{
    char name[SERVER_SEAL_NAME_MAX];

    server_token_seal_name(kind, host, name);
    if (length > 0)
        return setting_set(txn, name, STORE_SCOPE_NODE, sealed, length, err);
    return forget(txn, name, err);
}
