#include "commands/context.h"
#include "store/snapshot.h"

#include <string.h>

static int connect_daemon(struct context *context, struct error *err)
{
    json_t *params;

    if (context->client != NULL)
        return 0;
    context->client = control_connect(context->home, err);
    if (context->client == NULL)
        return -1;
    if (!context->is_session)
        return 0;
    params = json_pack("{s:s}", "terminal", context->terminal);
    if (control_call(context->client, "session.open", params, NULL, NULL, err) != 0) {
        control_close(context->client);
        context->client = NULL;
    }
    json_decref(params);
    return context->client != NULL ? 0 : -1;
}

int context_require(void *arg, unsigned needs, struct error *err)
{
    struct context *context = arg;
    struct error cause = {0};

    if ((needs & NEED_STORE) && context->store != NULL && !store_is_current(context->store)) {
        store_close(context->store); /* of the node before a restore */
        context->store = NULL;
    }
    if ((needs & NEED_STORE) && context->store == NULL) {
        context->store = store_open(context->home, STORE_READ, &cause);
        /* for a person, and for the exit status, an appliance without a store is one that is not there */
        if (cause.code == ERROR_NOT_FOUND)
            cause.code = ERROR_UNREACHABLE;
    }
    if (cause.code == ERROR_NONE && (needs & NEED_DAEMON) && connect_daemon(context, &cause) != 0 &&
        cause.code == ERROR_UNREACHABLE)
        error_hint(&cause, "start it with: ncs start");
    if (cause.code == ERROR_NONE)
        return 0;
    if (err != NULL)
        *err = cause;
    return -1;
}

void context_refused(void *arg, const char *line, const struct error *err)
{
    struct context *context = arg;
    json_t *params;

    if (connect_daemon(context, NULL) != 0)
        return;
    params = json_pack("{s:s, s:s, s:s}", "line", line, "code", error_code_name(err->code), "message",
                       err->message);
    control_call(context->client, "audit.refused", params, NULL, NULL, NULL);
    json_decref(params);
}

const char *context_hostname(void *arg)
{
    const struct context *context = arg;

    return context->conf.hostname;
}

void context_close(struct context *context)
{
    control_close(context->client);
    context->client = NULL;
    if (context->store != NULL)
        store_close(context->store);
    context->store = NULL;
}

struct context *context_of(struct shell_call *call)
{
    return shell_context(call);
}

struct store_txn *context_read(struct shell_call *call, struct error *err)
{
    return store_read(context_of(call)->store, err);
}

struct asking {
    struct shell_call *call;
    void (*progress)(void *arg, json_t *progress);
    void *arg;
};

static void pass_progress(void *arg, json_t *progress)
{
    struct asking *asking = arg;

    if (asking->progress != NULL)
        asking->progress(asking->arg, progress);
}

static int wait_answer(void *arg, int fd)
{
    struct asking *asking = arg;

    return shell_wait(asking->call, fd, -1);
}

int context_ask(struct shell_call *call, const char *method, json_t *params,
                void (*progress)(void *arg, json_t *progress), void *arg, json_t **result, struct error *err)
{
    struct context *context = context_of(call);
    struct asking asking = {call, progress, arg};
    const struct control_watch watch = {.progress = pass_progress, .wait = wait_answer, .arg = &asking};
    struct error cause = {0};
    int failed;

    if (params == NULL)
        params = json_object();
    json_object_set_new(params, "line", json_string(shell_line(call)));
    failed = connect_daemon(context, &cause);
    if (failed == 0)
        failed = control_call(context->client, method, params, &watch, result, &cause);
    json_decref(params);
    if (failed == 0)
        return 0;
    if (cause.code == ERROR_UNREACHABLE || strcmp(cause.message, "interrupted") == 0) {
        /* the answer of what was asked may still come on this connection: a new one starts clean */
        if (cause.code != ERROR_UNREACHABLE) {
            error_set(&cause, ERROR_BUSY, "interrupted");
            error_hint(&cause,
                       "the operation goes on in primed; see what came of it with: show audit last 5");
        }
        control_close(context->client);
        context->client = NULL;
    }
    if (err != NULL)
        *err = cause;
    return -1;
}
