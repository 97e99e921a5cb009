/* backup and restore: the whole node in one encrypted file. */
#include "base/clock.h"
#include "commands/context.h"
#include "commands/login.h"

#include <stdio.h>
#include <string.h>

#define PASSPHRASE_MAX 256
#define BACK_WITHIN_MS 60000 /* for primed to begin again */
#define LOOK_MS 200

static int ask_twice(struct shell_call *call, char out[PASSPHRASE_MAX], struct error *err)
{
    char again[PASSPHRASE_MAX];
    int failed = shell_ask_secret(call, "Passphrase: ", "password-stdin", out, PASSPHRASE_MAX, err);

    if (failed == 0)
        failed = shell_ask_secret(call, "Confirm passphrase: ", "password-stdin", again, sizeof(again), err);
    if (failed == 0 && strcmp(out, again) != 0)
        failed = error_set(err, ERROR_INVALID_ARGUMENT, "the two passphrases differ");
    explicit_bzero(again, sizeof(again));
    return failed;
}

/* Sets "passphrase" or "passphrase_file". */
static int ask_passphrase(struct shell_call *call, bool is_new, json_t *params, struct error *err)
{
    char passphrase[PASSPHRASE_MAX];
    int failed;

    if (shell_has(call, "password-file"))
        return json_object_set_new(params, "passphrase_file", json_string(shell_arg(call, "disk_path")));
    if (shell_has(call, "password-stdin"))
        failed = shell_input_line(call, passphrase, sizeof(passphrase), err);
    else if (is_new)
        failed = ask_twice(call, passphrase, err);
    else
        failed =
            shell_ask_secret(call, "Passphrase: ", "password-stdin", passphrase, sizeof(passphrase), err);
    if (failed == 0) {
        json_t *text = json_string(passphrase);

        failed = text != NULL ? json_object_set_new(params, "passphrase", text)
                              : error_set(err, ERROR_INVALID_ARGUMENT, "the passphrase is no UTF-8");
    }
    explicit_bzero(passphrase, sizeof(passphrase));
    return failed;
}

static int ask_backup(struct shell_call *call, json_t *params, json_t **result, struct error *err)
{
    struct error cause = {0};

    if (context_ask(call, "node.backup", json_incref(params), NULL, NULL, result, &cause) == 0)
        return 0;
    if (cause.code == ERROR_BUSY && strcmp(cause.message, "interrupted") == 0)
        error_hint(&cause, "the backup is stopped; its file is removed");
    *err = cause;
    return -1;
}

static int run_backup(struct shell_call *call, struct error *err)
{
    json_t *params =
        json_pack("{s:s, s:s}", "name", shell_arg(call, "name"), "repository", shell_arg(call, "repository"));
    json_t *result = NULL;
    int failed = ask_passphrase(call, true, params, err);

    if (failed == 0) {
        output_say(shell_output(call), "Backing up the node...");
        failed = ask_backup(call, params, &result, err);
    }
    if (failed == 0) {
        output_say(shell_output(call), "%s, %lld bytes", json_string_value(json_object_get(result, "to")),
                   (long long)json_integer_value(json_object_get(result, "bytes")));
        output_say(shell_output(call), "Backup completed. Without its passphrase nobody can read it.");
    }
    json_decref(result);
    login_forget(params);
    json_decref(params);
    return failed;
}

/* ---- restore ---- */

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* Verifies the file first, so that the question says what it is about. */
static int confirm_restore(struct shell_call *call, json_t *params, struct error *err)
{
    char when[CLOCK_TEXT_MAX];
    json_t *manifest = NULL;
    int answer;

    if (context_ask(call, "node.verify", json_incref(params), NULL, NULL, &manifest, err) != 0)
        return -1;
    clock_format(json_integer_value(json_object_get(manifest, "created_ms")), when);
    output_say(shell_output(call), "The backup is whole: node %s, made %s with version %s.",
               text_of(manifest, "hostname"), when, text_of(manifest, "version"));
    json_decref(manifest);
    answer = shell_confirm(
        call, "It takes the place of this node: store, keys and settings. Continue? (yes/no) [no] ", false,
        "force", err);
    if (answer == 0)
        error_set(err, ERROR_BUSY, "nothing was restored");
    return answer == 1 ? 0 : -1;
}

/* Waits until primed answers that was started after `since_ms`. */
static int await_return(struct shell_call *call, int64_t since_ms, struct error *err)
{
    struct context *context = context_of(call);
    int64_t until_ms = clock_monotonic_ms() + BACK_WITHIN_MS;

    while (clock_monotonic_ms() < until_ms) {
        json_t *state = NULL;
        int64_t age_ms;

        context_close(context); /* the store, too: what was open is the past */
        if (context_ask(call, "daemon.state", NULL, NULL, NULL, &state, NULL) == 0) {
            age_ms = json_integer_value(json_object_get(state, "uptime_ms"));
            json_decref(state);
            if (age_ms < clock_monotonic_ms() - since_ms)
                return 0;
        }
        if (shell_wait(call, -1, LOOK_MS) == 0)
            return error_set(err, ERROR_BUSY, "the node is restored; it was not waited for to be up again");
    }
    error_set(err, ERROR_UNREACHABLE, "the node is restored, but primed is not up again");
    return error_hint(
        err,
        "see why: show logging application last 5. The node as it was before lies in %.300s/restore.old "
        "until a start succeeds",
        context->home);
}

static int run_restore(struct shell_call *call, struct error *err)
{
    json_t *params =
        json_pack("{s:s, s:s}", "file", shell_arg(call, "file"), "repository", shell_arg(call, "repository"));
    struct shell_output *output = shell_output(call);
    int64_t since_ms = 0;
    int failed = ask_passphrase(call, false, params, err);

    if (failed == 0 && !shell_has(call, "force"))
        failed = confirm_restore(call, params, err);
    if (failed == 0) {
        output_say(output, "Restoring the node...");
        /* before the request: on a busy machine the next primed may be up before this process goes on */
        since_ms = clock_monotonic_ms();
        failed = context_ask(call, "node.restore", json_incref(params), NULL, NULL, NULL, err);
    }
    login_forget(params);
    json_decref(params);
    if (failed != 0)
        return -1;
    output_say(output, "Restarting the services...");
    output_flush(output);
    if (await_return(call, since_ms, err) != 0)
        return -1;
    node_conf_read(context_of(call)->home, &context_of(call)->conf, NULL);
    output_say(output, "Restore completed.");
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar =
         "backup <name:backup_name> repository <repository> [{password-stdin | password-file <disk_path>}]",
     .help = "Write the whole node into one encrypted file",
     .run = run_backup,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "The file is called <name>-<date>-<time>.backup. It holds the store, the keys and node.conf as "
         "they are at one moment, while the node goes on; not the repositories and the logs. It is "
         "encrypted (AES-256-GCM) under a passphrase of at least 8 characters, which is asked for twice "
         "without echo, or comes from standard input or from the first line of a file in a repository."},
    {.grammar =
         "restore <file> repository <repository> [{password-stdin | password-file <disk_path>}] [force]",
     .help = "Put a backup in the place of this node",
     .run = run_restore,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "The file is decrypted and checked as a whole before anything is touched: with a wrong passphrase, "
         "or a file that was cut short or altered, the node stays as it is. Then it asks, unless force is "
         "given, replaces store, keys and node.conf at once, and restarts the services. Repositories and "
         "logs stay."},
};
const struct shell_branch backup_branch = SHELL_BRANCH(commands);
