/* The methods about the high-availability pair. */
#include "base/clock.h"
#include "daemon/authz.h"
#include "daemon/pair.h"
#include "daemon/request.h"
#include "ha/diverged.h"

#include <openssl/crypto.h>
#include <string.h>

/* A text of the parameters that nobody else may see afterwards. */
static void wipe_param(struct request *request, const char *name)
{
    json_t *text = json_object_get(request->params, name);

    if (json_is_string(text))
        OPENSSL_cleanse((char *)(uintptr_t)json_string_value(text), json_string_length(text));
}

static int set_authkey(struct request *request, json_t **result, struct error *err)
{
    const char *key = request_text(request, "key", err);
    json_t *status;
    int failed;

    if (key == NULL)
        return -1;
    failed = pair_set_authkey(request->node->pair, key, err);
    wipe_param(request, "key");
    if (failed != 0)
        return -1;
    status = pair_status(request->node->pair);
    *result = json_pack("{s:O}", "role", json_object_get(status, "role"));
    json_decref(status);
    return 0;
}

static int tell_status(struct request *request, json_t **result, struct error *err)
{
    (void)err;
    *result = pair_status(request->node->pair);
    return 0;
}

static void on_progress(void *arg, unsigned milestone, unsigned percent)
{
    struct request *request = arg;

    control_progress(request->job,
                     json_pack("{s:i, s:i}", "milestone", (int)milestone, "percent", (int)percent));
}

static struct pair_wish wish_of(struct request *request)
{
    return (struct pair_wish){.peer = json_string_value(json_object_get(request->params, "peer")),
                              .authkey = json_string_value(json_object_get(request->params, "key")),
                              .form = json_object_get(request->params, "form"),
                              .progress = on_progress,
                              .arg = request};
}

static int register_pair(struct request *request, json_t **result, struct error *err)
{
    const struct pair_wish wish = wish_of(request);
    int failed = 0;

    /* a standby cannot make them, and asks for them before anybody asked the active node */
    if (store_check_active(request->node->store, NULL) == 0)
        failed = authz_ensure(request->node, err);
    if (failed == 0)
        failed = pair_register(request->node->pair, &wish, err);
    wipe_param(request, "key");
    if (failed < 0)
        return -1;
    *result = pair_status(request->node->pair);
    json_object_set_new(*result, "stood", json_boolean(failed == 1));
    return 0;
}

static int check_readiness(struct request *request, json_t **result, struct error *err)
{
    const struct pair_wish wish = wish_of(request);
    int failed = pair_readiness(request->node->pair, &wish, result, err);

    wipe_param(request, "key");
    return failed;
}

static int compare(struct request *request, json_t **result, struct error *err)
{
    return pair_compare(request->node->pair, result, err);
}

static int fail_over(struct request *request, json_t **result, struct error *err)
{
    if (pair_failover(request->node->pair, err) != 0)
        return -1;
    *result = pair_status(request->node->pair);
    return 0;
}

static int fail_back(struct request *request, json_t **result, struct error *err)
{
    if (pair_failback(request->node->pair, err) != 0)
        return -1;
    *result = pair_status(request->node->pair);
    return 0;
}

static int remove_pair(struct request *request, json_t **result, struct error *err)
{
    struct error alone = {0};

    if (pair_remove(request->node->pair, &alone, err) != 0)
        return -1;
    *result =
        json_pack("{s:b, s:b, s:s}", "both", alone.code == ERROR_NONE, "silent",
                  alone.code == ERROR_UNREACHABLE || alone.code == ERROR_TIMEOUT, "problem", alone.message);
    return 0;
}

static int add_event(void *arg, const struct pair_event *event)
{
    json_array_append_new(arg,
                          json_pack("{s:I, s:s, s:s, s:s, s:s, s:I}", "when_ms", (json_int_t)event->when_ms,
                                    "from", event->from, "to", event->to, "event", event->event, "reason",
                                    event->reason, "epoch", (json_int_t)event->epoch));
    return 0;
}

static int tell_history(struct request *request, json_t **result, struct error *err)
{
    struct store_txn *txn = store_read(request->node->store, err);
    json_t *events = json_array();
    int failed;

    if (txn == NULL) {
        json_decref(events);
        return -1;
    }
    failed = pair_event_each(txn, add_event, events, err);
    store_end(txn);
    *result = json_pack("{s:o}", "events", events);
    return failed;
}

static int add_file(void *arg, const struct ha_diverged *diverged)
{
    json_array_append_new(
        arg, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "file", diverged->file, "epoch",
                       (json_int_t)diverged->epoch, "first_revision", (json_int_t)diverged->first_revision,
                       "last_revision", (json_int_t)diverged->last_revision, "changes",
                       (json_int_t)diverged->changes, "written_ms", (json_int_t)diverged->written_ms));
    return 0;
}

static int tell_diverged(struct request *request, json_t **result, struct error *err)
{
    json_t *files = json_array();
    char folder[1024];
    int failed = node_path(request->node->home, "log", folder, sizeof(folder), err);

    if (failed == 0)
        failed = ha_diverged_each(folder, add_file, files, err);
    *result = json_pack("{s:o}", "files", files);
    return failed;
}

const struct method ha_methods[] = {
    {"ha.authkey", ACCOUNT_ADMIN, METHOD_CHANGES, set_authkey},
    {"ha.status", ACCOUNT_USER, 0, tell_status},
    {"ha.register", ACCOUNT_ADMIN, METHOD_CHANGES, register_pair},
    {"ha.readiness", ACCOUNT_ADMIN, 0, check_readiness},
    {"ha.failover", ACCOUNT_ADMIN, METHOD_CHANGES, fail_over},
    {"ha.failback", ACCOUNT_ADMIN, METHOD_CHANGES, fail_back},
    {"ha.remove", ACCOUNT_ADMIN, METHOD_CHANGES, remove_pair},
    {"ha.history", ACCOUNT_USER, 0, tell_history},
    {"ha.diverged", ACCOUNT_ADMIN, 0, tell_diverged},
    {"ha.digest", ACCOUNT_USER, 0, compare},
};
const size_t ha_method_count = sizeof(ha_methods) / sizeof(ha_methods[0]);
