/* The methods that ask registered servers for what registering is good for: sessions and inventory. */
#include "base/text.h"
#include "daemon/request.h"
#include "daemon/server_watch.h"
#include "servers/dnac.h"
#include "servers/ise.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define TASK_MAX 32
#define ROWS_AT_ONCE 64               /* rows of one progress message */
#define UNREAD_MOST (2 * 1024 * 1024) /* bytes that the caller may leave unread before the server waits */

/* A conversation with one server, whose rows go to the caller. */
struct listing {
    struct request *request;
    struct server server;
    char password[SERVER_PASSWORD_MAX];
    struct dnac_token token;
    char task[TASK_MAX];
    struct server_access access;
    json_t *rows;
    uint64_t sent;
};

static void write_verdict(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict)
{
    const struct listing *listing = arg;

    server_tell_verdict(listing->request->node, listing->task, trust, verdict);
}

static int open_listing(struct listing *listing, enum server_kind kind, struct error *err)
{
    struct request *request = listing->request;
    struct node *node = request->node;
    const char *typed = request_text(request, "host", err);
    char host[HOST_TEXT_MAX];
    enum host_kind host_kind;

    if (typed == NULL || host_parse(typed, &host_kind, host, err) != 0 ||
        server_load(node->store, node->seal, kind, host, &listing->server, NULL, listing->password,
                    &listing->token, err) != 0)
        return -1;
    snprintf(listing->task, sizeof(listing->task), "seqtaskexecutor-%u", request->number);
    listing->access = (struct server_access){.store = node->store,
                                             .server = &listing->server,
                                             .password = listing->password,
                                             .task = listing->task,
                                             .judged = write_verdict,
                                             .arg = listing};
    return 0;
}

static void send_rows(struct listing *listing)
{
    if (json_array_size(listing->rows) == 0)
        return;
    control_progress(listing->request->job, json_pack("{s:o}", "rows", listing->rows));
    listing->rows = NULL;
    control_wait_for_reader(listing->request->job, UNREAD_MOST);
}

/* True: go on. */
static bool add_row(struct listing *listing, json_t *row)
{
    if (listing->rows == NULL)
        listing->rows = json_array();
    json_array_append_new(listing->rows, row);
    listing->sent++;
    if (json_array_size(listing->rows) >= ROWS_AT_ONCE)
        send_rows(listing);
    return !control_job_abandoned(listing->request->job) && !listing->request->node->stopping;
}

/* What was found out by the way about how the server is. */
static void note_failure(struct listing *listing, const struct error *err)
{
    struct node *node = listing->request->node;
    struct server_found found = {.state = listing->access.state,
                                 .error = *err,
                                 .retry_after_s = listing->access.retry_after_s,
                                 .node = SERVER_NODE_UNKNOWN};
    struct server_turn turn;

    if (listing->access.state == SERVER_UNCHECKED || listing->access.state == SERVER_REACHABLE)
        return;
    if (server_keep_found(node->store, &listing->server, &found, listing->task, &turn) == 0)
        server_tell_turn(node, listing->task, &listing->server, &found, &turn);
}

static int close_listing(struct listing *listing, int failed, struct error *err)
{
    if (failed == 0)
        send_rows(listing);
    else if (listing->task[0] != '\0')
        note_failure(listing, err);
    if (listing->token.renewed)
        server_keep_token(listing->request->node->store, listing->request->node->seal, &listing->server,
                          &listing->token);
    json_decref(listing->rows);
    OPENSSL_cleanse(listing->password, sizeof(listing->password));
    OPENSSL_cleanse(&listing->token, sizeof(listing->token));
    return failed;
}

static bool add_session(void *arg, const struct ise_session *session)
{
    return add_row(arg, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "user", session->user, "station",
                                  session->station, "address", session->address, "device", session->device,
                                  "session", session->session, "server", session->server));
}

static int list_sessions(struct request *request, json_t **result, struct error *err)
{
    struct listing listing = {.request = request};
    uint64_t active = 0;
    uint64_t listed = 0;
    int failed = open_listing(&listing, SERVER_ISE, err);

    if (failed == 0)
        failed = ise_ask_count(&listing.access, &active, err);
    if (failed == 0 && !json_is_true(json_object_get(request->params, "count")))
        failed = ise_ask_sessions(&listing.access, add_session, &listing, &listed, err);
    failed = close_listing(&listing, failed, err);
    if (failed == 0)
        *result = json_pack("{s:I, s:I}", "active", (json_int_t)active, "listed", (json_int_t)listed);
    return failed;
}

static bool add_device(void *arg, const struct dnac_device *device)
{
    return add_row(arg, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", device->name, "address",
                                  device->address, "platform", device->platform, "version", device->version,
                                  "reachability", device->reachability, "serial", device->serial));
}

static int list_inventory(struct request *request, json_t **result, struct error *err)
{
    struct listing listing = {.request = request};
    uint64_t listed = 0;
    int failed = open_listing(&listing, SERVER_DNAC, err);

    if (failed == 0)
        failed = dnac_ask_devices(&listing.access, &listing.token, add_device, &listing, &listed, err);
    failed = close_listing(&listing, failed, err);
    if (failed == 0)
        *result = json_pack("{s:I}", "listed", (json_int_t)listed);
    return failed;
}

const struct method server_list_methods[] = {
    {"server.sessions", ACCOUNT_USER, 0, list_sessions},
    {"server.inventory", ACCOUNT_USER, 0, list_inventory},
};
const size_t server_list_method_count = sizeof(server_list_methods) / sizeof(server_list_methods[0]);
