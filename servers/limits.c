#include "servers/limits.h"

#include <string.h>

struct census {
    const struct server *server; /* the one that is asked for: it does not count */
    enum server_node node;
    bool is_there;
    size_t others;
    char other[HOST_TEXT_MAX]; /* any of the others */
    char standalone[HOST_TEXT_MAX];
    char alike[HOST_TEXT_MAX]; /* one of the same type */
};

static int count(void *arg, const struct server *server, const struct server_status *status)
{
    struct census *census = arg;

    if (strcmp(server->address.host, census->server->address.host) == 0) {
        census->is_there = true;
        return 0;
    }
    census->others++;
    memcpy(census->other, server->address.host, sizeof(census->other));
    if (status->node == SERVER_NODE_STANDALONE)
        memcpy(census->standalone, server->address.host, sizeof(census->standalone));
    if (status->node == census->node && status->node != SERVER_NODE_UNKNOWN)
        memcpy(census->alike, server->address.host, sizeof(census->alike));
    return 0;
}

static int say_see(struct error *err, enum server_kind kind)
{
    return error_hint(err, "see what is registered with: ncs server %s list", server_kind_name(kind));
}

static int check_count(const struct census *census, struct error *err)
{
    if (census->server->kind == SERVER_DNAC && census->others >= SERVER_DNAC_MAX) {
        error_set(err, ERROR_CONFLICT, "a DNA Center is registered already, %s, and there can be only one",
                  census->other);
        return error_hint(err, "delete it first: ncs server dnac delete %s", census->other);
    }
    if (census->server->kind == SERVER_ISE && census->others >= SERVER_ISE_MAX) {
        error_set(err, ERROR_CONFLICT, "%zu ISE servers are registered already, and there can be only %d",
                  census->others, SERVER_ISE_MAX);
        return say_see(err, SERVER_ISE);
    }
    return 0;
}

static int check_node(const struct census *census, struct error *err)
{
    const char *host = census->server->address.host;

    if (census->node == SERVER_NODE_NONE) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%s is an ISE node, but no monitoring (MnT) node", host);
        return error_hint(err, "register the primary or the secondary monitoring node");
    }
    if (census->others > 0 && census->node == SERVER_NODE_STANDALONE) {
        error_set(err, ERROR_CONFLICT,
                  "%s is a standalone ISE node, which can only be registered alone; %s is there already",
                  host, census->other);
        return say_see(err, SERVER_ISE);
    }
    if (census->standalone[0] != '\0' && census->node != SERVER_NODE_UNKNOWN) {
        error_set(err, ERROR_CONFLICT,
                  "%s is registered, a standalone ISE node, beside which there can be no other",
                  census->standalone);
        return say_see(err, SERVER_ISE);
    }
    if (census->alike[0] != '\0') {
        error_set(err, ERROR_CONFLICT, "%s is a %s ISE node, and so is %s, which is registered already", host,
                  server_node_name(census->node), census->alike);
        return error_hint(err, "two ISE servers are a primary and a standby");
    }
    return 0;
}

int limits_check(struct store_txn *txn, const struct server *server, enum server_node node, bool is_edit,
                 struct error *err)
{
    struct census census = {.server = server, .node = node};

    if (server_each(txn, server->kind, count, &census, err) != 0)
        return -1;
    if (census.is_there && !is_edit) {
        error_set(err, ERROR_CONFLICT, "the %s server %s is registered already",
                  server_kind_title(server->kind), server->address.host);
        return error_hint(err, "change it with: ncs server %s edit %s ...", server_kind_name(server->kind),
                          server->address.host);
    }
    if (check_count(&census, err) != 0)
        return -1;
    return server->kind == SERVER_ISE ? check_node(&census, err) : 0;
}
