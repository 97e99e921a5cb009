/* Configuration mode: every statement is one entry, its `no` form included. What a value may be is judged in
 * store/statement.h; primed keeps it. */
#include "commands/configure.h"
#include "base/clock.h"
#include "store/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_SIZE 256
#define MINUTE_MS 60000

const struct shell_mode config_mode = {"(config)", &shell_mode_exec};
static const struct shell_mode repository_mode = {"(config-Repository)", &config_mode};

/* ---- into it and out of it ---- */

static void say_deadline(struct shell_call *call, int64_t deadline_ms)
{
    time_t when = (time_t)(deadline_ms / 1000);
    struct tm local;
    char text[64];

    context_use_timezone(context_of(call));
    localtime_r(&when, &local);
    strftime(text, sizeof(text), "%H:%M:%S %Z", &local);
    output_say(shell_output(call),
               "The configuration of now comes back at %s unless this is given before: configure confirm",
               text);
}

static int begin_probation(struct shell_call *call, const char *minutes, struct error *err)
{
    json_t *params = json_pack("{s:I}", "timeout_ms", (json_int_t)(strtod(minutes, NULL) * MINUTE_MS));
    json_t *result = NULL;

    if (context_ask(call, "config.probation", params, NULL, NULL, &result, err) != 0)
        return -1;
    say_deadline(call, json_integer_value(json_object_get(result, "deadline_ms")));
    json_decref(result);
    return 0;
}

static int run_terminal(struct shell_call *call, struct error *err)
{
    const char *minutes = shell_arg(call, "revert_minutes");

    if (minutes != NULL && begin_probation(call, minutes, err) != 0)
        return -1;
    output_say(shell_output(call), "Enter configuration commands, one per line.  End with CNTL/Z.");
    shell_enter_mode(shell_call_session(call), &config_mode);
    return 0;
}

static int run_confirm(struct shell_call *call, struct error *err)
{
    return context_ask(call, "config.confirm", NULL, NULL, NULL, NULL, err);
}

static int run_revert(struct shell_call *call, struct error *err)
{
    return context_ask(call, "config.revert", NULL, NULL, NULL, NULL, err);
}

static int run_write(struct shell_call *call, struct error *err)
{
    output_say(shell_output(call), "Building configuration...");
    return context_ask(call, "config.save", NULL, NULL, NULL, NULL, err);
}

/* ---- statements ---- */

/* What a line in a mode of its own says only together with its place: "repository backups / url ...". */
static void set_line(struct shell_call *call, json_t *params)
{
    const struct shell_mode *mode = shell_mode(shell_call_session(call));
    const char *line = shell_line(call);

    line += strspn(line, " \t"); /* as a pasted listing has them */
    if (mode == &repository_mode)
        json_object_set_new(params, "line",
                            json_sprintf("repository %s / %s", context_of(call)->repository, line));
    else if (mode != &config_mode && mode != &shell_mode_exec)
        json_object_set_new(params, "line", json_sprintf("ha / %s", line));
}

/* `values` is taken over. `replace`: what goes first, with all below it; NULL: nothing. */
int configure_set(struct shell_call *call, const char *replace, json_t *values, struct error *err)
{
    json_t *params = json_pack("{s:o}", "values", values);

    if (replace != NULL)
        json_object_set_new(params, "replace", json_string(replace));
    set_line(call, params);
    return context_ask(call, "config.set", params, NULL, NULL, NULL, err);
}

/* `value`: which of several goes; NULL: all of that name, and all below it. */
static int unset_value(struct shell_call *call, const char *name, const char *value, const char *also,
                       struct error *err)
{
    json_t *params = json_pack("{s:s, s:s*, s:s*}", "name", name, "value", value, "also", also);

    set_line(call, params);
    return context_ask(call, "config.unset", params, NULL, NULL, NULL, err);
}

int configure_unset(struct shell_call *call, const char *name, struct error *err)
{
    return unset_value(call, name, NULL, NULL, err);
}

int configure_unset_both(struct shell_call *call, const char *name, const char *also, struct error *err)
{
    return unset_value(call, name, NULL, also, err);
}

/* A statement with one value. */
int configure_set_one(struct shell_call *call, const char *name, const char *value, struct error *err)
{
    if (shell_is_no(call))
        return configure_unset(call, name, err);
    return configure_set(call, NULL, json_pack("{s:s}", name, value), err);
}

static int run_hostname(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "hostname", shell_arg(call, "hostname"), err);
}

static int run_domain(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "domain-name", shell_arg(call, "domain"), err);
}

static int run_timezone(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "timezone", shell_arg(call, "timezone"), err);
}

static int run_log_level(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "log-level", shell_arg(call, "log_level"), err);
}

static int run_release(struct shell_call *call, struct error *err)
{
    return configure_set_one(call, "platform-release", shell_arg(call, "release"), err);
}

/*
 * The secret of a statement: `password plain <secret>`, `password sealed <sealed>`, or `password` alone,
 * which asks for it. New reference; NULL with *err.
 */
static json_t *secret_value(struct shell_call *call, struct error *err)
{
    char secret[STATEMENT_SECRET_MAX];
    json_t *value = NULL;

    if (shell_arg(call, "sealed") != NULL)
        return json_pack("{s:s}", "sealed", shell_arg(call, "sealed"));
    if (shell_arg(call, "secret") != NULL)
        return json_pack("{s:s}", "plain", shell_arg(call, "secret"));
    if (shell_ask_secret(call, "Password: ", "password plain <secret>", secret, sizeof(secret), err) == 0)
        value = json_pack("{s:s}", "plain", secret);
    explicit_bzero(secret, sizeof(secret));
    return value;
}

/* ---- username ---- */

/* "<algorithm> <base64>[ <comment>]" as typed; false where no key was. */
static bool key_of(const struct shell_call *call, char out[STATEMENT_VALUE_MAX])
{
    const char *comment = shell_arg(call, "key_comment");

    if (shell_arg(call, "key_data") == NULL)
        return false;
    snprintf(out, STATEMENT_VALUE_MAX, "%s %s%s%s", shell_arg(call, "key_algorithm"),
             shell_arg(call, "key_data"), comment != NULL ? " " : "", comment != NULL ? comment : "");
    return true;
}

static int remove_user(struct shell_call *call, const char *user, struct error *err)
{
    char key[STATEMENT_VALUE_MAX];
    char name[NAME_SIZE];
    bool has_key = key_of(call, key);

    snprintf(name, sizeof(name), "username/%s%s", user,
             has_key                     ? "/sshkey"
             : shell_has(call, "system") ? "/system"
                                         : "");
    return unset_value(call, name, has_key ? key : NULL, NULL, err);
}

static int run_username(struct shell_call *call, struct error *err)
{
    const char *user = shell_arg(call, "user");
    char key[STATEMENT_VALUE_MAX];
    char name[NAME_SIZE];
    json_t *values;

    if (shell_is_no(call))
        return remove_user(call, user, err);
    snprintf(name, sizeof(name), "username/%s/role", user);
    values = json_pack("{s:s}", name, shell_has(call, "admin") ? "admin" : "user");
    if (shell_has(call, "system")) {
        snprintf(name, sizeof(name), "username/%s/system", user);
        json_object_set_new(values, name, json_string("yes"));
    }
    if (key_of(call, key)) {
        /* primed completes the name from the key */
        snprintf(name, sizeof(name), "username/%s/sshkey", user);
        json_object_set_new(values, name, json_string(key));
    }
    return configure_set(call, NULL, values, err);
}

/* ---- repository ---- */

static int run_repository(struct shell_call *call, struct error *err)
{
    struct context *context = context_of(call);
    const char *repository = shell_arg(call, "repository");
    char name[NAME_SIZE];

    snprintf(name, sizeof(name), "repository/%s", repository);
    if (shell_is_no(call))
        return configure_unset(call, name, err);
    if (configure_set(call, NULL, json_pack("{s:s}", name, ""), err) != 0)
        return -1;
    snprintf(context->repository, sizeof(context->repository), "%s", repository);
    shell_enter_mode(shell_call_session(call), &repository_mode);
    return 0;
}

static void name_in_repository(const struct shell_call *call, const char *part, char out[NAME_SIZE])
{
    const struct context *context = context_of((struct shell_call *)(uintptr_t)call);

    snprintf(out, NAME_SIZE, "repository/%s/%s", context->repository, part);
}

static int run_url(struct shell_call *call, struct error *err)
{
    char name[NAME_SIZE];

    name_in_repository(call, "url", name);
    return configure_set_one(call, name, shell_arg(call, "url"), err);
}

static int run_user(struct shell_call *call, struct error *err)
{
    char user[NAME_SIZE];
    char password[NAME_SIZE];
    json_t *values;
    json_t *secret;

    name_in_repository(call, "user", user);
    name_in_repository(call, "password", password);
    if (shell_is_no(call))
        return configure_unset_both(call, user, password, err);
    values = json_pack("{s:s}", user, shell_arg(call, "word"));
    if (shell_has(call, "password")) {
        secret = secret_value(call, err);
        if (secret == NULL) {
            json_decref(values);
            return -1;
        }
        json_object_set_new(values, password, secret);
    }
    return configure_set(call, shell_has(call, "password") ? NULL : password, values, err);
}

/* ---- mail-server ---- */

static void add_if_given(const struct shell_call *call, json_t *values, const char *name,
                         const char *argument)
{
    if (shell_arg(call, argument) != NULL)
        json_object_set_new(values, name, json_string(shell_arg(call, argument)));
}

static int run_mail(struct shell_call *call, struct error *err)
{
    json_t *values;
    json_t *secret;

    if (shell_is_no(call))
        return configure_unset(call, "mail-server", err);
    values = json_pack("{s:s}", "mail-server/host", shell_arg(call, "mail_host"));
    add_if_given(call, values, "mail-server/port", "port");
    add_if_given(call, values, "mail-server/username", "word");
    add_if_given(call, values, "mail-server/from", "mail_address");
    add_if_given(call, values, "mail-server/to", "mail_list");
    if (shell_has(call, "starttls"))
        json_object_set_new(values, "mail-server/starttls", json_string("yes"));
    if (shell_has(call, "password")) {
        secret = secret_value(call, err);
        if (secret == NULL) {
            json_decref(values);
            return -1;
        }
        json_object_set_new(values, "mail-server/password", secret);
    }
    return configure_set(call, "mail-server", values, err);
}

#define CHANGING .role = SHELL_ROLE_ADMIN, .needs = NEED_DAEMON, .flags = SHELL_CHANGES
#define STATEMENT CHANGING, .mode = &config_mode

static const struct shell_command commands[] = {
    {.grammar = "configure", .help = "Change the configuration", .role = SHELL_ROLE_ADMIN},
    {.grammar = "configure terminal [revert timer <revert_minutes>]",
     .help = "Change it from this terminal",
     .words = SHELL_HELP("revert", "Go back by itself unless it is confirmed in time")
         SHELL_HELP("timer", "Minutes until then"),
     .run = run_terminal,
     CHANGING,
     .manual = "A change applies at once. It lasts over a restart of the services only after `copy "
               "running-config startup-config`. With `revert timer`, the configuration of this moment comes "
               "back after that many minutes (0.01 to 1440) unless `configure confirm` is given before, "
               "whatever becomes of this session; a restart of the services brings it back too."},
    {.grammar = "configure confirm",
     .help = "Keep the configuration that would be reverted",
     .run = run_confirm,
     CHANGING},
    {.grammar = "configure revert",
     .help = "Go back to the configuration before `configure terminal revert`",
     .run = run_revert,
     CHANGING},
    {.grammar = "copy running-config startup-config",
     .help = "Keep the running configuration over a restart",
     .run = run_write,
     CHANGING},
    {.grammar = "write", .help = "Keep the running configuration", .role = SHELL_ROLE_ADMIN},
    {.grammar = "write memory",
     .help = "Keep the running configuration over a restart",
     .run = run_write,
     CHANGING},

    {.grammar = "no", .help = "Take a setting back", .mode = &config_mode, .role = SHELL_ROLE_ADMIN},
    {.grammar = "hostname <hostname>",
     .help = "This node's name, as in the prompt",
     .run = run_hostname,
     .no = "hostname [<hostname>]",
     STATEMENT,
     .manual =
         "Without one, the name in node.conf, or the machine's. The certificate in service keeps its name."},
    {.grammar = "ip", .help = "Names and addresses", .mode = &config_mode, .role = SHELL_ROLE_ADMIN},
    {.grammar = "ip domain-name <domain>",
     .help = "The domain that this node's name is in",
     .run = run_domain,
     .no = "ip domain-name [<domain>]",
     STATEMENT},
    {.grammar = "clock", .help = "The clock", .mode = &config_mode, .role = SHELL_ROLE_ADMIN},
    {.grammar = "clock timezone <timezone>",
     .help = "The time zone of `show clock`",
     .run = run_timezone,
     .no = "clock timezone [<timezone>]",
     STATEMENT,
     .manual = "Logs, the audit trail and all other listings keep UTC."},
    {.grammar =
         "username <user:account> [sshkey <key_algorithm> <key_data> [<key_comment>]] [password system] role "
         "{admin | user}",
     .help = "An account of this node",
     .words = SHELL_HELP("sshkey", "Add a public key that logs in")
         SHELL_HELP("password", "Log in with a password, too")
             SHELL_HELP("system", "The password of the system's user of that name")
                 SHELL_HELP("role", "What the account may do") SHELL_HELP("admin", "Everything")
                     SHELL_HELP("user", "Look, but change nothing"),
     .run = run_username,
     .no = "username <user:account> [{sshkey <key_algorithm> <key_data> [<key_comment>] | password system}]",
     STATEMENT,
     .manual =
         "sshkey adds a public key, given as in the .pub file; an account may have several. `password "
         "system` lets in the system's user of that name, whose password the system checks (PAM). The role "
         "last given counts. Without the account, or its key, the next command of a session that is "
         "open is refused."},
    {.grammar = "repository <repository:repository_name>",
     .help = "A place for files outside this node",
     .run = run_repository,
     .no = "repository <repository:repository_name>",
     STATEMENT},
    {.grammar = "logging", .help = "Logs", .mode = &config_mode, .role = SHELL_ROLE_ADMIN},
    {.grammar = "logging loglevel <log_level>",
     .help = "How much the logs tell",
     .run = run_log_level,
     .no = "logging loglevel [<log_level>]",
     STATEMENT,
     .manual = "0 to 7 as in syslog: up to 3 errors, 4 warnings, 5 and 6 information, 7 everything."},
    {.grammar = "mail-server <mail_host> [port <port>] [username <word>] [password [{plain <secret> | sealed "
                "<sealed>}]] [from <mail_address>] [to <mail_list>] [starttls]",
     .help = "Where notices are mailed through",
     .words = SHELL_HELP("port", "Port of the mail server") SHELL_HELP("username", "Log in there as")
         SHELL_HELP("password", "With this password; asked for if none is given")
             SHELL_HELP("plain", "The password as it is")
                 SHELL_HELP("sealed", "The password as show running-config prints it")
                     SHELL_HELP("from", "Sender of the notices")
                         SHELL_HELP("to", "Who gets the notices, separated by commas")
                             SHELL_HELP("starttls", "Insist on TLS without a login too"),
     .run = run_mail,
     .no = "mail-server",
     STATEMENT,
     .manual =
         "Replaces all that was set before. `password` alone asks for it. `to` says who gets the notices, "
         "together with the addresses of `ha` `email-address`. The server's certificate is judged in the "
         "trust zone `user`, and a password is never sent without TLS; `starttls` asks for TLS without a "
         "login too, which is used anyway where it is offered. Port 465 means TLS from the first byte on. "
         "What could not be sent: `show notices`."},
    {.grammar = "platform-release <release>",
     .help = "The release whose listings and words are followed",
     .words = SHELL_HELP("3.5", "Release 3.5, the default") SHELL_HELP("3.9", "Release 3.9")
         SHELL_HELP("3.10", "Release 3.10"),
     .run = run_release,
     .no = "platform-release [<release>]",
     STATEMENT},

    {.grammar = "no", .help = "Take a setting back", .mode = &repository_mode, .role = SHELL_ROLE_ADMIN},
    {.grammar = "url <url>",
     .help = "Where it is",
     .run = run_url,
     .no = "url [<url>]",
     CHANGING,
     .mode = &repository_mode,
     .manual =
         "disk:, or sftp, scp, ftp, tftp, http or https as in sftp://host/folder; without a user in it."},
    {.grammar = "user <word> [password [{plain <secret> | sealed <sealed>}]]",
     .help = "Who logs in there",
     .words = SHELL_HELP("password", "With this password; asked for if none is given")
         SHELL_HELP("plain", "The password as it is")
             SHELL_HELP("sealed", "The password as show running-config prints it"),
     .run = run_user,
     .no = "user [<word>]",
     CHANGING,
     .mode = &repository_mode,
     .manual =
         "`password` alone asks for it. It is kept sealed, and shown sealed: only this node can open it."},
};
const struct shell_branch configure_branch = SHELL_BRANCH(commands);
