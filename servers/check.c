#include "servers/check.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static enum server_node read_node(int type)
{
    return type >= 0 && type <= SERVER_NODE_NONE ? (enum server_node)type : SERVER_NODE_UNKNOWN;
}

static int check_ise(struct server_access *access, struct server_found *found, struct error *err)
{
    struct ise_version version;

    if (ise_ask_version(access, &version, err) != 0)
        return -1;
    found->node = read_node(version.node);
    memcpy(found->product, version.product, sizeof(found->product));
    memcpy(found->version, version.version, sizeof(found->version));
    if (found->node == SERVER_NODE_UNKNOWN)
        return server_unexpected(access, err, "says that it is an ISE node of the type %d, which is unknown",
                                 version.node);
    if (found->node == SERVER_NODE_NONE) {
        server_unexpected(access, err, "is an ISE node, but no monitoring (MnT) node");
        return error_hint(err, "register the primary or the secondary monitoring node");
    }
    return 0;
}

static int check_dnac(struct server_access *access, struct dnac_token *token, struct server_found *found,
                      struct error *err)
{
    if (dnac_ask_count(access, token, &found->devices, err) != 0 ||
        dnac_ask_version(access, token, found->version, err) != 0)
        return -1;
    snprintf(found->product, sizeof(found->product), "DNA Center");
    return 0;
}

void server_check(struct server_access *access, struct dnac_token *token, struct server_found *found)
{
    int failed;

    *found = (struct server_found){.node = SERVER_NODE_UNKNOWN};
    if (access->server->kind == SERVER_ISE) {
        failed = check_ise(access, found, &found->error);
    } else {
        failed = check_dnac(access, token, found, &found->error);
    }
    found->state = failed == 0 ? SERVER_REACHABLE : access->state;
    found->retry_after_s = access->retry_after_s;
    found->gave_up = failed != 0 && access->state == SERVER_UNCHECKED;
}

void server_problem(const struct server *server, const struct server_found *found, char out[ERROR_TEXT_MAX])
{
    char host[HOST_PORT_TEXT_MAX];

    if (found->state == SERVER_MISMATCH) {
        host_port_format(&server->address, host);
        snprintf(out, ERROR_TEXT_MAX, "%s shows another certificate than the pinned one", host);
    } else {
        snprintf(out, ERROR_TEXT_MAX, "%s", found->error.message);
    }
}

bool server_same_version(const char *before, const struct server_found *found)
{
    return found->version[0] == '\0' || strcmp(before, found->version) == 0;
}

/* An upgrade, or a change of roles between two ISE nodes. */
static int note_identity(struct store_txn *txn, const struct server *server,
                         const struct server_status *before, const struct server_found *found,
                         const char *who, struct error *err)
{
    char text[2 * ISE_FIELD_MAX + 64];

    if (found->state != SERVER_REACHABLE || before->seen_ms == 0)
        return 0;
    if (before->node != found->node && before->node != SERVER_NODE_UNKNOWN) {
        snprintf(text, sizeof(text), "it was %s, it is %s", server_node_name(before->node),
                 server_node_name(found->node));
        if (server_event_note(txn, server, who, "type changed", text, err) != 0)
            return -1;
    }
    if (before->version[0] != '\0' && !server_same_version(before->version, found)) {
        snprintf(text, sizeof(text), "it was %s, it is %s", before->version, found->version);
        return server_event_note(txn, server, who, "version changed", text, err);
    }
    return 0;
}

struct twin {
    const struct server *server;
    enum server_node node;
    int64_t since_ms;
    char host[HOST_TEXT_MAX]; /* "": there is none */
};

static int look_for_twin(void *arg, const struct server *server, const struct server_status *status)
{
    struct twin *twin = arg;

    if (strcmp(server->address.host, twin->server->address.host) != 0 && status->node == twin->node &&
        status->seen_ms >= twin->since_ms)
        memcpy(twin->host, server->address.host, sizeof(twin->host));
    return 0;
}

/*
 * Two primaries, or two standbys, are no pair. Roles change one node after the other, though: it counts only
 * what both were at the same time, this one before and after the other was seen.
 */
static int check_alone_in_role(struct store_txn *txn, const struct server *server,
                               const struct server_status *before, struct server_found *found,
                               struct error *err)
{
    struct twin twin = {.server = server, .node = found->node, .since_ms = before->seen_ms};
    char host[HOST_PORT_TEXT_MAX];

    if (server->kind != SERVER_ISE || found->state != SERVER_REACHABLE || before->seen_ms == 0 ||
        before->node != found->node)
        return 0;
    if (server_each(txn, server->kind, look_for_twin, &twin, err) != 0)
        return -1;
    if (twin.host[0] == '\0')
        return 0;
    host_port_format(&server->address, host);
    found->state = SERVER_UNEXPECTED;
    error_set(&found->error, ERROR_UNREACHABLE, "%s says that it is the %s ISE node, and so does %s", host,
              server_node_name(found->node), twin.host);
    error_hint(&found->error, "give one of them the other role on the ISE, or delete it here");
    return 0;
}

int server_note(struct store_txn *txn, const struct server *server, struct server_found *found,
                const char *who, struct server_turn *turn, struct error *err)
{
    int64_t now_ms = clock_wall_ms();
    bool good;
    struct server_status before;
    struct server_status after;
    struct server there;
    char problem[ERROR_TEXT_MAX];

    *turn = (struct server_turn){0};
    if (server_get(txn, server->kind, server->address.host, &there, &before, err) != 0)
        return -1;
    if (check_alone_in_role(txn, server, &before, found, err) != 0)
        return -1;
    good = found->state == SERVER_REACHABLE;
    after = before;
    after.tried_ms = now_ms;
    after.failures = good ? 0 : before.failures + 1;
    *turn = (struct server_turn){.from = before.state, .to = found->state, .failures = after.failures};
    server_problem(server, found, problem);
    after.problem = problem;
    after.state = found->state;
    if (good) {
        after.seen_ms = now_ms;
        after.node = found->node;
        after.product = found->product;
        after.version = found->version[0] != '\0' ? found->version : before.version;
    }
    if (note_identity(txn, server, &before, found, who, err) != 0)
        return -1;
    if (before.state != after.state) {
        after.since_ms = now_ms;
        turn->happened = true;
        if (server_event_note(txn, server, who, server_state_name(after.state), after.problem, err) != 0)
            return -1;
    }
    return server_status_put(txn, server->kind, server->address.host, &after, err);
}
