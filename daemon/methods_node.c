/* The methods about the node itself: services, trust policies, sessions, refused lines. */
#include "base/clock.h"
#include "base/version.h"
#include "daemon/request.h"
#include "daemon/services.h"
#include "daemon/sessions.h"
#include "trust/trust.h"

static int services_state_now(struct request *request, json_t **result, struct error *err)
{
    (void)err;
    *result = services_state(request->node->services);
    return 0;
}

static int start_services(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return services_start(request->node->services, err);
}

static int stop_services(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return services_stop(request->node->services, err);
}

struct policy_change {
    enum trust_zone zone;
    enum trust_policy policy;
};

static int set_policy(struct store_txn *txn, void *arg, struct error *err)
{
    const struct policy_change *change = arg;

    return trust_set_policy(txn, change->zone, change->policy, err);
}

static int policy_set_one(struct request *request, json_t **result, struct error *err)
{
    struct policy_change change;
    const char *zone = request_text(request, "zone", err);
    const char *policy = zone == NULL ? NULL : request_text(request, "policy", err);

    (void)result;
    if (policy == NULL || trust_zone_parse(zone, &change.zone, err) != 0 ||
        trust_policy_parse(policy, &change.policy, err) != 0)
        return -1;
    return request_change(request, set_policy, &change, err);
}

static int daemon_state(struct request *request, json_t **result, struct error *err)
{
    (void)err;
    *result = json_pack("{s:s, s:s, s:s, s:I}", "product", PRODUCT_NAME, "version", PRODUCT_VERSION, "node",
                        store_node_id(request->node->store), "uptime_ms",
                        (json_int_t)(clock_monotonic_ms() - request->node->started_ms));
    return 0;
}

/* For the shell's prompt, and for what it offers. */
static int tell_who(struct request *request, json_t **result, struct error *err)
{
    (void)err;
    *result = json_pack("{s:s, s:s, s:s}", "user", request->who.user, "role",
                        account_role_name(request->who.role), "origin", request->who.origin);
    return 0;
}

static int open_session(struct request *request, json_t **result, struct error *err)
{
    const char *terminal = request_text(request, "terminal", err);

    (void)result;
    if (terminal == NULL)
        return -1;
    return sessions_add(request->node->sessions, request->job, request->who.user, terminal,
                        request->who.origin, err);
}

static int list_sessions(struct request *request, json_t **result, struct error *err)
{
    (void)err;
    *result = json_pack("{s:o}", "sessions", sessions_list(request->node->sessions));
    return 0;
}

/* A shell says that it refused a changing command before asking for it: only the audit trail hears of it. */
static int note_refusal(struct request *request, json_t **result, struct error *err)
{
    const char *code = request_text(request, "code", err);
    const char *message = code == NULL ? NULL : request_text(request, "message", err);

    (void)result;
    return message == NULL ? -1 : error_set(err, error_code_parse(code), "%s", message);
}

const struct method node_methods[] = {
    {"daemon.state", ACCOUNT_USER, 0, daemon_state},
    {"services.state", ACCOUNT_USER, 0, services_state_now},
    {"services.start", ACCOUNT_ADMIN, METHOD_CHANGES, start_services},
    {"services.stop", ACCOUNT_ADMIN, METHOD_CHANGES, stop_services},
    {"policy.set", ACCOUNT_ADMIN, METHOD_CHANGES, policy_set_one},
    {"session.whoami", ACCOUNT_USER, METHOD_ATTACHES, tell_who},
    {"session.open", ACCOUNT_USER, METHOD_ON_LOOP, open_session},
    {"session.list", ACCOUNT_USER, METHOD_ON_LOOP, list_sessions},
    {"audit.refused", ACCOUNT_USER, METHOD_CHANGES, note_refusal},
};
const size_t node_method_count = sizeof(node_methods) / sizeof(node_methods[0]);
