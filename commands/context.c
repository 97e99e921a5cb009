#include "commands/context.h"

#include "commands/launch.h"
#include "commands/server.h"
#include "store/config.h"
#include "store/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int open_store(struct context *context, struct error *err)
{
    if (context->store != NULL && store_is_current(context->store))
        return 0;
    store_close(context->store); /* of the node before a restore, or none */
    context->store = store_open(context->home, STORE_READ, err);
    /* for a person, and for the exit status, an appliance without a store is one that is not there */
    if (err->code == ERROR_NOT_FOUND)
        err->code = ERROR_UNREACHABLE;
    return context->store != NULL ? 0 : -1;
}

void context_hint(const struct context *context, struct error *err)
{
    if (err->code == ERROR_UNREACHABLE)
        error_hint(err, "start it with: %s", launch_command(context->home));
    else if (err->code == ERROR_TIMEOUT)
        error_hint(err, "it is there, but hangs; %s",
                   launch_is_the_managers(context->home)
                       ? "as root, in a shell of the machine: " LAUNCH_AGAIN
                       : "end both of its processes (kill -KILL), then: ncs start");
}

int context_require(void *arg, unsigned needs, struct error *err)
{
    struct context *context = arg;
    struct error cause = {0};
    int failed = 0;

    if (needs & NEED_STORE)
        failed = open_store(context, &cause);
    if (failed == 0 && (needs & NEED_DAEMON)) {
        failed = context_connect(context, &cause);
    }
    if (failed != 0 && err != NULL)
        *err = cause;
    return failed;
}

void context_refused(void *arg, const char *line, const struct error *err)
{
    struct context *context = arg;
    json_t *params;

    if (err->code == ERROR_UNREACHABLE || err->code == ERROR_TIMEOUT || context_connect(context, NULL) != 0)
        return;
    params = json_pack("{s:s, s:s, s:s}", "line", line, "code", error_code_name(err->code), "message",
                       err->message);
    control_call(context->client, "audit.refused", params, NULL, NULL, NULL);
    json_decref(params);
}

bool context_setting(struct context *context, const char *name, char *out, size_t size)
{
    struct store_txn *txn;
    const char *value;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return false;
    value = config_get(txn, CONFIG_RUNNING, name, NULL);
    if (value != NULL)
        snprintf(out, size, "%s", value);
    store_end(txn);
    return value != NULL;
}

void context_release(struct context *context, char out[CONTEXT_RELEASE_MAX])
{
    if (!context_setting(context, "platform-release", out, CONTEXT_RELEASE_MAX))
        snprintf(out, CONTEXT_RELEASE_MAX, "%s", context->conf.release);
}

/* Before each prompt, so that `?` behind it has the words of the release that is configured by then. */
static void follow_release(struct context *context)
{
    char release[CONTEXT_RELEASE_MAX];

    context_release(context, release);
    server_follow_release(release);
}

const char *context_hostname(void *arg)
{
    struct context *context = arg;

    follow_release(context);

    if (context_setting(context, "hostname", context->hostname, sizeof(context->hostname)))
        return context->hostname;
    return context->conf.hostname;
}

void context_use_timezone(struct context *context)
{
    char zone[128];

    if (!context_setting(context, "timezone", zone, sizeof(zone)))
        return;
    setenv("TZ", zone, 1);
    tzset();
}

void context_close(struct context *context)
{
    monitor_free(context->monitor);
    context->monitor = NULL;
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

static int wait_answer(void *arg, int fd, int timeout_ms)
{
    struct asking *asking = arg;

    return shell_wait(asking->call, fd, timeout_ms);
}

/* A change that the pair's standby did not confirm in time is made all the same. */
static void warn_unreplicated(struct shell_call *call, json_t *answer)
{
    if (json_is_false(json_object_get(answer, "replicated")))
        output_say(shell_output(call),
                   "%% Warning: the standby server did not confirm this change in time: it is on "
                   "this server alone so far (ncs ha status)");
}

/* What was asked on the connection may have been done, or not. */
static void hint_loss(const struct context *context, struct error *err)
{
    if (err->code == ERROR_UNREACHABLE)
        error_hint(err, "see what became of the command, and whether primed runs; start it with: %s",
                   launch_command(context->home));
    else
        context_hint(context, err);
}

/* A connection that was not made, or is of no more use: what failed then is no answer of primed's. */
static void note_loss(struct shell_call *call, struct error *err)
{
    struct context *context = context_of(call);

    if (err->code != ERROR_UNREACHABLE && err->code != ERROR_TIMEOUT)
        return;
    if (context->client != NULL && !control_is_lost(context->client))
        return;
    if (context->client != NULL)
        hint_loss(context, err);
    context_disconnect(context);
    shell_lost_appliance(call);
}

int context_ask(struct shell_call *call, const char *method, json_t *params,
                void (*progress)(void *arg, json_t *progress), void *arg, json_t **result, struct error *err)
{
    struct context *context = context_of(call);
    struct asking asking = {call, progress, arg};
    const struct control_watch watch = {.progress = pass_progress, .wait = wait_answer, .arg = &asking};
    struct error cause = {0};
    json_t *answer = NULL;
    int failed;

    if (params == NULL)
        params = json_object();
    if (json_object_get(params, "line") == NULL)
        json_object_set_new(params, "line", json_string(shell_line(call)));
    failed = context_connect(context, &cause);
    if (failed == 0)
        failed = control_call(context->client, method, params, &watch, &answer, &cause);
    json_decref(params);
    note_loss(call, &cause);
    if (failed == 0) {
        warn_unreplicated(call, answer);
        if (result != NULL)
            *result = answer;
        else
            json_decref(answer);
        return 0;
    }
    if (strcmp(cause.message, "interrupted") == 0) {
        /* the answer of what was asked may still come on this connection: a new one starts clean */
        error_set(&cause, ERROR_BUSY, "interrupted");
        error_hint(&cause, "the operation goes on in primed; see what came of it with: show audit last 5");
        context_disconnect(context);
    }
    if (err != NULL)
        *err = cause;
    return -1;
}
