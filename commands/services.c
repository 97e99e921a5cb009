/* ncs start, stop, restart, status. */
#include "base/clock.h"
#include "base/program.h"
#include "base/version.h"
#include "commands/ha.h"
#include "commands/launch.h"
#include "store/config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVICE_NAME, SERVICE_STATE, SERVICE_DETAIL };
static const struct shell_column service_columns[] = {
    [SERVICE_NAME] = {.name = "service"},
    [SERVICE_STATE] = {.name = "state"},
    [SERVICE_DETAIL] = {.name = "detail"},
};
static const struct shell_listing service_listing = {.name = "services",
                                                     .form = SHELL_LINES,
                                                     SHELL_COLUMNS(service_columns),
                                                     .line = "{service} is {state}{detail}"};

/* The detail stands between `before` and `after` in the sentence, and alone as data. */
static void print_service(struct shell_output *output, const char *name, const char *state,
                          const char *before, const char *detail, const char *after)
{
    char sentence[ERROR_TEXT_MAX + 16];

    snprintf(sentence, sizeof(sentence), "%s%s%s", before, detail, after);
    output_string(output, SERVICE_NAME, name);
    output_string(output, SERVICE_STATE, state);
    output_string(output, SERVICE_DETAIL, output_is_json(output) ? detail : sentence);
    output_row_end(output);
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static void print_self_checks(struct shell_output *output, json_t *checks)
{
    json_t *check;
    size_t i;

    json_array_foreach(checks, i, check)
    {
        char name[300];
        const char *message = text_of(check, "message");
        bool silent = message[0] == '\0';

        snprintf(name, sizeof(name), "%s of %s", text_of(check, "kind"), text_of(check, "host"));
        print_service(output, name, text_of(check, "state"), silent ? "" : " (", message, silent ? "" : ")");
    }
}

static void print_status(struct shell_output *output, json_t *state)
{
    bool running = json_is_true(json_object_get(state, "running"));
    const char *word = running ? "running" : "stopped";
    char brief[128];
    json_t *address;
    size_t i;

    ha_brief(json_object_get(state, "pair"), brief, sizeof(brief));
    output_begin(output, &service_listing);
    if (running)
        print_service(output, "Health Monitor Server", word, ". ( ", brief, " )");
    else
        print_service(output, "Health Monitor Server", word, "", "", ".");
    json_array_foreach(json_object_get(state, "listen"), i, address)
    {
        char detail[300];

        snprintf(detail, sizeof(detail), "on %s port %d", json_string_value(address),
                 (int)json_integer_value(json_object_get(state, "port")));
        print_service(output, "HTTPS service", word, running ? " " : "", running ? detail : "", "");
    }
    print_service(output, "Database", "running", "", "", "");
    print_self_checks(output, json_object_get(state, "self_checks"));
    output_end(output);
}

/* What has not been checked yet is none. */
static bool is_trouble(json_t *state)
{
    json_t *check;
    size_t i;

    if (!json_is_true(json_object_get(state, "running")))
        return true;
    json_array_foreach(json_object_get(state, "self_checks"), i, check)
    {
        const char *word = text_of(check, "state");

        if (strcmp(word, "match") != 0 && strcmp(word, "pending") != 0)
            return true;
    }
    return false;
}

static int run_status(struct shell_call *call, struct error *err)
{
    json_t *state = NULL;
    bool trouble;

    if (context_ask(call, "services.state", NULL, NULL, NULL, &state, err) != 0)
        return -1;
    print_status(shell_output(call), state);
    trouble = is_trouble(state);
    json_decref(state);
    return trouble ? SHELL_TROUBLE : 0;
}

static int change(struct shell_call *call, const char *method, const char *doing, const char *done,
                  struct error *err)
{
    int64_t start = clock_monotonic_ms();
    int64_t seconds;

    output_say(shell_output(call), "%s " PRODUCT_NAME " services...", doing);
    if (context_ask(call, method, NULL, NULL, NULL, NULL, err) != 0)
        return -1;
    output_say(shell_output(call), PRODUCT_NAME " services %s successfully.", done);
    seconds = (clock_monotonic_ms() - start + 999) / 1000;
    output_say(shell_output(call), "Completed in %lld second%s", (long long)seconds, seconds == 1 ? "" : "s");
    return 0;
}

/* The command that keeps what the next start would take back; NULL: there is nothing, or nobody can tell. */
static const char *what_keeps(struct shell_call *call)
{
    struct store_txn *txn;
    int64_t deadline_ms = 0;
    bool differ = false;
    int failed;

    if (context_require(context_of(call), NEED_STORE, NULL) != 0 || (txn = context_read(call, NULL)) == NULL)
        return NULL;
    failed = config_probation_deadline(txn, &deadline_ms, NULL);
    if (failed == 0)
        failed = config_differ(txn, CONFIG_RUNNING, deadline_ms != 0 ? CONFIG_BEFORE : CONFIG_STARTUP,
                               &differ, NULL);
    store_end(txn);
    if (failed != 0 || !differ)
        return NULL;
    return deadline_ms != 0 ? "configure confirm" : "write memory";
}

/* A node of a pair goes on with what runs. */
static bool is_paired(struct shell_call *call)
{
    json_t *state = NULL;
    bool paired;

    if (context_ask(call, "services.state", NULL, NULL, NULL, &state, NULL) != 0)
        return false;
    paired = json_is_true(json_object_get(json_object_get(state, "pair"), "configured"));
    json_decref(state);
    return paired;
}

static void say_what_is_lost(struct shell_call *call)
{
    const char *keeps = what_keeps(call);

    if (keeps != NULL && !is_paired(call))
        output_say(shell_output(call),
                   "The running configuration was not saved, and the next start does not bring it back; "
                   "keep it with: %s",
                   keeps);
}

static int run_stop(struct shell_call *call, struct error *err)
{
    say_what_is_lost(call);
    return change(call, "services.stop", "Stopping", "stopped", err);
}

/* primed says itself on standard error why it does not start. */
static int launch_primed(struct shell_call *call, struct error *err)
{
    char program[PATH_MAX];
    const char *home = context_of(call)->home;
    int status;
    pid_t pid;

    if (program_beside("primed", program, sizeof(program), err) != 0)
        return -1;
    pid = fork();
    if (pid < 0)
        return error_set(err, ERROR_INTERNAL, "cannot start another process");
    if (pid == 0) {
        execl(program, "primed", "--home", home, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(err, ERROR_UNREACHABLE, "primed did not start");
}

static int run_start(struct shell_call *call, struct error *err)
{
    if (context_require(context_of(call), NEED_DAEMON, NULL) == 0)
        return change(call, "services.start", "Starting", "started", err);
    if (launch_is_the_managers(context_of(call)->home)) {
        error_set(err, ERROR_UNREACHABLE, "primed does not run, and systemd is to start it here");
        return error_hint(err, "as root, in a shell of the machine: " LAUNCH_MANAGER);
    }
    output_say(shell_output(call), "Starting " PRODUCT_NAME " services...");
    if (launch_primed(call, err) != 0)
        return -1;
    output_say(shell_output(call), PRODUCT_NAME " services started successfully.");
    return 0;
}

static int run_restart(struct shell_call *call, struct error *err)
{
    struct error cause = {0};

    say_what_is_lost(call);
    if (change(call, "services.stop", "Stopping", "stopped", &cause) != 0 && cause.code != ERROR_CONFLICT) {
        *err = cause;
        return -1;
    }
    return change(call, "services.start", "Starting", "started", err);
}

static const struct shell_command commands[] = {
    {.grammar = "ncs start",
     .help = "Start the services",
     .run = run_start,
     .role = SHELL_ROLE_ADMIN,
     .flags = SHELL_CHANGES,
     .manual = "Starts primed too when none runs, but for the node that systemd runs as a service, which "
               "`systemctl start primesh` starts: a primed of the shell's would have none of its limits, and "
               "nobody to start it again. A new key or certificate is served from here on."},
    {.grammar = "ncs stop",
     .help = "Stop the services",
     .run = run_stop,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "primed itself stays and answers; only the HTTPS service and the health monitor stop."},
    {.grammar = "ncs restart",
     .help = "Stop the services and start them again",
     .run = run_restart,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = "ncs status",
     .help = "What runs",
     .run = run_status,
     .needs = NEED_DAEMON,
     .manual =
         "The exit status is 1 where a service is stopped, or a check of the health monitor (of this node "
         "itself, and of the other one of a pair) finds another certificate or no answer."},
};
const struct shell_branch service_branch = SHELL_BRANCH(commands);
