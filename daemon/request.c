#include "daemon/request.h"

#include "base/clock.h"
#include "daemon/workers.h"
#include "store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct method *find_method(const char *name)
{
    const struct {
        const struct method *methods;
        size_t count;
    } tables[] = {
        {pin_methods, pin_method_count},
        {pin_file_methods, pin_file_method_count},
        {node_methods, node_method_count},
        {key_methods, key_method_count},
        {key_file_methods, key_file_method_count},
        {key_ca_methods, key_ca_method_count},
        {config_methods, config_method_count},
        {trust_methods, trust_method_count},
        {purpose_methods, purpose_method_count},
        {purpose_own_methods, purpose_own_method_count},
        {purpose_trust_methods, purpose_trust_method_count},
        {ctl_methods, ctl_method_count},
        {authz_methods, authz_method_count},
        {file_methods, file_method_count},
        {save_methods, save_method_count},
        {backup_methods, backup_method_count},
        {notice_methods, notice_method_count},
        {server_methods, server_method_count},
        {server_list_methods, server_list_method_count},
        {network_methods, network_method_count},
        {ha_methods, ha_method_count},
    };

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            if (strcmp(tables[t].methods[i].name, name) == 0)
                return &tables[t].methods[i];
        }
    }
    return NULL;
}

static int append_audit(struct request *request, struct store_txn *txn, const struct error *outcome,
                        struct error *err)
{
    struct audit_entry entry = {
        .when_ms = clock_wall_ms(),
        .user = request->who.user,
        .role = account_role_name(request->who.role),
        .origin = request->who.origin,
        .line = request->line,
        .result = outcome == NULL ? "ok" : error_code_name(outcome->code),
        .message = outcome == NULL ? "" : outcome->message,
        .method = request->method->name,
        .settings = request->settings,
    };

    return audit_append(txn, &entry, err);
}

static void log_audit(const struct request *request, const struct error *outcome)
{
    log_write(request->node->audit_log, LOG_LEVEL_INFO,
              "user=%s role=%s origin=%s result=%s method=%s line=\"%s\"%s%s%s%s", request->who.user,
              account_role_name(request->who.role), request->who.origin,
              outcome == NULL ? "ok" : error_code_name(outcome->code), request->method->name, request->line,
              request->settings[0] == '\0' ? "" : " settings=", request->settings,
              outcome == NULL ? "" : " message=", outcome == NULL ? "" : outcome->message);
}

struct change {
    struct request *request;
    int (*job)(struct store_txn *txn, void *arg, struct error *err);
    void *arg;
    const struct error *outcome; /* NULL: it succeeds */
};

static int run_change(struct store_txn *txn, void *arg, struct error *err)
{
    struct change *change = arg;

    if (change->job != NULL && change->job(txn, change->arg, err) != 0)
        return -1;
    return append_audit(change->request, txn, change->outcome, err);
}

int request_change(struct request *request, int (*job)(struct store_txn *txn, void *arg, struct error *err),
                   void *arg, struct error *err)
{
    struct change change = {.request = request, .job = job, .arg = arg};
    enum store_reach reach;

    if (store_run_reach(request->node->store, run_change, &change, &reach, err) != 0)
        return -1;
    if (reach > request->reach)
        request->reach = reach;
    request->audited = true;
    log_audit(request, NULL);
    return 0;
}

/*
 * What was not audited on the way: a refused change, a change of something outside the store, and whatever
 * somebody was not allowed to do.
 */
static void audit_rest(struct request *request, const struct error *outcome)
{
    struct change change = {.request = request, .outcome = outcome};
    bool denied = outcome != NULL && outcome->code == ERROR_DENIED;

    if ((!(request->method->flags & METHOD_CHANGES) && !denied) || request->audited)
        return;
    store_run(request->node->store, run_change, &change, NULL);
    log_audit(request, outcome);
}

const char *request_text(const struct request *request, const char *name, struct error *err)
{
    const char *text = json_string_value(json_object_get(request->params, name));

    if (text == NULL)
        error_set(err, ERROR_INVALID_ARGUMENT, "the parameter \"%s\" of %s is missing or no text", name,
                  request->method->name);
    return text;
}

static const char *text_or(json_t *params, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(params, name));

    return text != NULL ? text : otherwise;
}

/* Who calls, and whether that may call this. Asked anew for each call: an account may be gone by now. */
static int allow(struct request *request, struct error *err)
{
    const struct method *method = request->method;

    if (request->refusal.code != ERROR_NONE) {
        *err = request->refusal;
        return -1;
    }
    if (caller_identify(request->node, &request->caller, &request->who, err) != 0)
        return -1;
    if (request->who.role >= method->role)
        return method->flags & METHOD_ACTIVE ? store_check_active(request->node->store, err) : 0;
    error_set(err, ERROR_DENIED, "\"%s\" is for administrators", request->line);
    return error_hint(err, "%s has the role %s", request->who.user, account_role_name(request->who.role));
}

/* Whether the standby has it too, where somebody waited for that. */
static json_t *with_reach(const struct request *request, json_t *result)
{
    if (result == NULL)
        result = json_object();
    if (request->reach != STORE_REACH_HERE)
        json_object_set_new(result, "replicated", json_boolean(request->reach == STORE_REACH_BOTH));
    return result;
}

static void run_request(void *arg)
{
    struct request *request = arg;
    struct error err = {0};
    json_t *result = NULL;

    if (allow(request, &err) == 0 && request->method->run(request, &result, &err) == 0) {
        audit_rest(request, NULL);
        control_answer(request->job, with_reach(request, result));
    } else {
        json_decref(result);
        audit_rest(request, &err);
        control_refuse(request->job, &err);
    }
    free(request);
}

static void add_setting(struct request *request, const char *name)
{
    size_t used = strlen(request->settings);

    if (name != NULL)
        snprintf(request->settings + used, sizeof(request->settings) - used, "%s%.*s", used > 0 ? ", " : "",
                 STATEMENT_NAME_SIZE, name);
}

/* What a config.* call changes, by its own parameters: the line is only what the caller says of it. */
static void name_settings(struct request *request)
{
    const char *name;
    json_t *value;

    if (strncmp(request->method->name, "config.", 7) != 0)
        return;
    add_setting(request, json_string_value(json_object_get(request->params, "name")));
    json_object_foreach(json_object_get(request->params, "values"), name, value)
    {
        add_setting(request, name);
    }
    add_setting(request, json_string_value(json_object_get(request->params, "replace")));
}

static struct request *make_request(struct node *node, struct control_job *job, const struct method *method)
{
    struct request *request = calloc(1, sizeof(*request));
    json_t *params = control_job_params(job);

    if (request == NULL)
        return NULL;
    *request = (struct request){
        .node = node,
        .job = job,
        .method = method,
        .params = params,
        .caller = caller_of(job),
        .who = {.user = "unknown", .origin = CALLER_LOCAL_ORIGIN},
        .line = text_or(params, "line", method->name),
        .number = atomic_fetch_add(&node->task_number, 1),
    };
    name_settings(request);
    return request;
}

static void attach(struct request *request)
{
    const char *voucher = json_string_value(json_object_get(request->params, "voucher"));
    const char *connection = json_string_value(json_object_get(request->params, "connection"));

    if (voucher == NULL && connection == NULL)
        return;
    caller_attach(request->node, request->job, voucher, connection, &request->refusal);
    request->caller = caller_of(request->job);
}

/* A refusal is written to disk, which the loop does not wait for. */
static bool runs_on_loop(struct request *request)
{
    struct error err = {0};

    if (!(request->method->flags & METHOD_ON_LOOP))
        return false;
    if (allow(request, &err) == 0)
        return true;
    request->refusal = err;
    return false;
}

void request_take(struct node *node, struct control_job *job)
{
    const struct method *method = find_method(control_job_method(job));
    struct error err = {0};
    struct request *request;

    if (method == NULL) {
        error_set(&err, ERROR_INVALID_ARGUMENT, "primed has no method \"%.100s\"", control_job_method(job));
        error_hint(&err, "the shell is of another version than the daemon: restart primed");
        control_refuse(job, &err);
        return;
    }
    request = make_request(node, job, method);
    if (request == NULL) {
        error_set(&err, ERROR_INTERNAL, "out of memory");
        control_refuse(job, &err);
        return;
    }
    if (method->flags & METHOD_ATTACHES)
        attach(request);
    if (runs_on_loop(request)) {
        run_request(request);
    } else if (workers_run(node->workers, run_request, request, &err) != 0) {
        free(request);
        control_refuse(job, &err);
    }
}
