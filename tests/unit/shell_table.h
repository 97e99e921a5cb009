/* A small command table with one of everything, for the tests of the shell. Its handlers say what they got.
 */
#pragma once

#include "shell/call.h"
#include "shell/command.h"
#include "shell/session.h"
#include "shell/words.h"

#include "base/host_port.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TABLE_NEEDS_DAEMON 1U
#define TABLE_NEEDS_ACTIVE 2U

#ifdef FUZZING
#define TABLE_WAIT_MS 0
#else
#define TABLE_WAIT_MS 60000
#endif

/* What the tests look at and set. */
struct table_context {
    unsigned unmet; /* needs that are not met */
    char refused[256];
    enum error_code refused_code;
    const char *save_path; /* NULL: saving fails */
    int runs;              /* handlers run */
    char line[256];        /* shell_line() of the last one */
};

static const struct shell_mode table_config = {"(config)", &shell_mode_exec};
static const struct shell_mode table_config_ha = {"(config-ha)", &table_config};

static const struct shell_column table_columns[] = {{"word", "Word", SHELL_TEXT, 0},
                                                    {"number", "Number", SHELL_NUMBER, 0}};
static const struct shell_listing table_listing = {.name = "words",
                                                   .form = SHELL_LINES,
                                                   .columns = table_columns,
                                                   .column_count = 2,
                                                   .line = "{word} {number}"};

static inline int table_note(struct shell_call *call)
{
    struct table_context *context = shell_context(call);

    context->runs++;
    snprintf(context->line, sizeof(context->line), "%s", shell_line(call));
    return 0;
}

static inline int table_rows(struct shell_call *call, struct error *err)
{
    static const char *const words[] = {"alpha", "beta", "gamma", "beta|max"};
    struct shell_output *output = shell_output(call);

    (void)err;
    output_begin(output, &table_listing);
    for (size_t i = 0; i < 4; i++) {
        output_string(output, 0, words[i]);
        output_number(output, 1, (int64_t)i);
        output_row_end(output);
    }
    output_end(output);
    return table_note(call);
}

/* Says every argument and keyword of the table that was given. */
static inline int table_say(struct shell_call *call, struct error *err)
{
    static const char *const arguments[] = {"host_port", "fp",  "file", "repository", "word",
                                            "number",    "key", "name", "text",       "user"};
    static const char *const keywords[] = {"detail", "force",  "admin",     "all",      "disable",
                                           "enable", "pubnet", "interface", "inventory"};

    (void)err;
    output_say(shell_output(call), shell_is_no(call) ? "took back" : "ran");
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
        if (shell_arg(call, arguments[i]) != NULL)
            output_say(shell_output(call), "%s=[%s]", arguments[i], shell_arg(call, arguments[i]));
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (shell_has(call, keywords[i]))
            output_say(shell_output(call), "+%s", keywords[i]);
    return table_note(call);
}

static inline int table_silent(struct shell_call *call, struct error *err)
{
    (void)err;
    return table_note(call);
}

static inline int table_fail(struct shell_call *call, struct error *err)
{
    table_note(call);
    error_set(err, ERROR_NOT_FOUND, "there is no pin of %s", "10.0.0.1_443");
    return error_hint(err, "See listcerts");
}

static inline int table_configure(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_enter_mode(shell_call_session(call), &table_config);
    return table_note(call);
}

static inline int table_enter_ha(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_enter_mode(shell_call_session(call), &table_config_ha);
    return table_note(call);
}

static inline int table_exit(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_leave_mode(shell_call_session(call));
    return table_note(call);
}

static inline int table_end(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_enter_mode(shell_call_session(call), &shell_mode_exec);
    return table_note(call);
}

static inline int table_do(struct shell_call *call, struct error *err)
{
    return shell_do(call, shell_arg(call, "line"), err);
}

static inline int table_ask(struct shell_call *call, struct error *err)
{
    char answer[64];

    if (shell_ask(call, "Name [x]: ", "x", "cn <name>", answer, sizeof(answer), err) != 0)
        return -1;
    output_say(shell_output(call), "answer=[%s]", answer);
    return table_note(call);
}

static inline int table_secret(struct shell_call *call, struct error *err)
{
    char answer[64];
    int yes;

    if (shell_ask_secret(call, "Password: ", "password-stdin", answer, sizeof(answer), err) != 0 ||
        (yes = shell_confirm(call, "Continue [yes] : ", true, "force", err)) < 0)
        return -1;
    output_say(shell_output(call), "%zu letters, %d", strlen(answer), yes);
    return table_note(call);
}

static inline int table_input(struct shell_call *call, struct error *err)
{
    char line[64];

    if (shell_input_line(call, line, sizeof(line), err) != 0)
        return -1;
    output_say(shell_output(call), "read=[%s]", line);
    return table_note(call);
}

static inline int table_progress(struct shell_call *call, struct error *err)
{
    (void)err;
    for (int percent = 0; percent <= 100; percent += 10)
        shell_progress(call, "Database Replication", percent);
    return table_note(call);
}

static inline int table_wait(struct shell_call *call, struct error *err)
{
    table_note(call);
    return shell_wait(call, -1, TABLE_WAIT_MS) == 0 ? error_set(err, ERROR_BUSY, "interrupted; it goes on")
                                                    : 0;
}

static inline int table_history(struct shell_call *call, struct error *err)
{
    const struct shell_session *session = shell_call_session(call);

    (void)err;
    for (size_t i = 0; i < shell_history_count(session); i++)
        output_say(shell_output(call), "%s", shell_history_line(session, i));
    return table_note(call);
}

static inline int table_help(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_print_help(call);
    return table_note(call);
}

static inline int table_length(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_terminal(shell_call_session(call))->length = (int)strtol(shell_arg(call, "number"), NULL, 10);
    return table_note(call);
}

static inline int table_width(struct shell_call *call, struct error *err)
{
    (void)err;
    shell_terminal(shell_call_session(call))->width = (int)strtol(shell_arg(call, "number"), NULL, 10);
    return table_note(call);
}

#define TOFU "ncs certvalidation tofu-certs "
static const struct shell_command table_commands[] = {
    SHELL_WORD("show", "What there is"),
    {"show clock", "Date and time", table_silent, NULL, 0, 0, 0, "In UTC. Lines that start\n.so are text.",
     NULL, NULL, NULL},
    {"show interface [<name>]", "The interfaces", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"show inventory", "The hardware", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"show rows", "Some rows", table_rows, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"show history", "The lines typed", table_history, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    SHELL_WORD("ncs", "The services"),
    SHELL_WORD("ncs certvalidation", "Trust in certificates"),
    SHELL_WORD("ncs certvalidation tofu-certs", "Trust on first use"),
    {TOFU "listcerts [detail]", "The pins", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {TOFU "deletecert host <host_port>", "Forget a pin", table_say, NULL, SHELL_ROLE_ADMIN, 0, SHELL_CHANGES,
     NULL, NULL, NULL, NULL},
    {TOFU "deletecercert host <host_port>", "Forget a pin", table_say, NULL, SHELL_ROLE_ADMIN, 0,
     SHELL_CHANGES | SHELL_HIDDEN, NULL, NULL, NULL, NULL},
    {TOFU
     "addcert host <host_port> [fingerprint <fp:word>] [certfile <file> repository <repository>] [force]",
     "Add a pin", table_say, NULL, SHELL_ROLE_ADMIN, 0, SHELL_CHANGES, "Makes the first contact now.", NULL,
     NULL, NULL},
    SHELL_WORD("ncs ha", "The pair"),
    {"ncs ha authkey [<key>]", "The key of the pair", table_say, NULL, SHELL_ROLE_ADMIN, 0, SHELL_CHANGES,
     NULL, NULL, NULL, NULL},
    {"zones {disable | enable} trustzone {devicemgmt | pubnet}", "A policy", table_say, NULL, 0, 0, 0, NULL,
     NULL, NULL, SHELL_HELP("enable", "Check them") SHELL_HELP("trustzone", "Which zone")},
    SHELL_WORD("zones disable", "Trust all"),
    {"mix {all | <host_port>}", "One or all", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"echo <word>", "A word", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"note <text>", "Any words", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"start <service>", "A service", table_say, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"fail", "Fails", table_fail, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"ask", "Asks for a name", table_ask, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"ask secret", "Asks for a secret", table_secret, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"read", "Reads a line of standard input", table_input, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"progress", "Draws a bar", table_progress, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"wait", "Waits a minute", table_wait, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    SHELL_WORD("needs", "Things to be met"),
    {"needs daemon", "The daemon", table_say, NULL, 0, TABLE_NEEDS_DAEMON, 0, NULL, NULL, NULL, NULL},
    {"needs active", "The active node", table_say, NULL, 0, TABLE_NEEDS_ACTIVE, SHELL_CHANGES, NULL, NULL,
     NULL, NULL},
    {"needs login <name> [port <number>] [{password-stdin | password-file <file>}]", "A login", table_input,
     NULL, SHELL_ROLE_ADMIN, TABLE_NEEDS_DAEMON, 0, NULL, NULL, NULL, NULL},
    SHELL_WORD("terminal", "This terminal"),
    {"terminal length <number>", "Lines a page", table_length, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    {"terminal width <number>", "Columns", table_width, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
    SHELL_WORD("configure", "Configuration"),
    {"configure terminal", "From this terminal", table_configure, NULL, SHELL_ROLE_ADMIN, 0, 0, NULL, NULL,
     NULL, NULL},
    {"help", "Help", table_help, NULL, 0, 0, SHELL_ANYWHERE, NULL, NULL, NULL, NULL},
    {"exit", "Leave", table_exit, NULL, 0, 0, SHELL_ANYWHERE, NULL, NULL, NULL, NULL},
    {"end", "Leave configuration", table_end, NULL, 0, 0, SHELL_ANYWHERE, NULL, NULL, NULL, NULL},
    {"do <line>", "Run an EXEC command", table_do, &table_config, SHELL_ROLE_ADMIN, 0, 0, NULL, NULL, NULL,
     NULL},
    {"do <line>", "Run an EXEC command", table_do, NULL, SHELL_ROLE_ADMIN, 0, SHELL_HIDDEN, NULL, NULL, NULL,
     NULL},
    {"hostname <name>", "The node's name", table_say, &table_config, SHELL_ROLE_ADMIN, 0, SHELL_CHANGES, NULL,
     "hostname [<name>]", NULL, NULL},
    {"no", "Take a setting back", NULL, &table_config, SHELL_ROLE_ADMIN, 0, 0, NULL, NULL, NULL, NULL},
    {"ha", "The pair", table_enter_ha, &table_config, SHELL_ROLE_ADMIN, 0, 0, NULL, NULL, NULL, NULL},
    {"username <user:name> password <key> role {admin | user}", "An account", table_say, &table_config,
     SHELL_ROLE_ADMIN, 0, SHELL_CHANGES, NULL, NULL, NULL, NULL},
    {"secondary-server <name>", "The other node", table_say, &table_config_ha, SHELL_ROLE_ADMIN, 0,
     SHELL_CHANGES, NULL, NULL, NULL, NULL},
};

static inline int table_check_host_port(const char *word, struct error *err)
{
    struct host_port address;

    return host_port_parse(word, &address, err);
}

static inline int table_check_number(const char *word, struct error *err)
{
    if (*word == '\0' || word[strspn(word, "0123456789")] != '\0' || strlen(word) > 3)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a number from 0 to 999", word);
    return 0;
}

static inline int table_check_key(const char *word, struct error *err)
{
    if (strlen(word) < 4)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not 4 letters long", word);
    return 0;
}

static inline int table_check_word(const char *word, struct error *err)
{
    (void)err;
    return *word == '\0' ? error_set(err, ERROR_INVALID_ARGUMENT, "nothing is not a word") : 0;
}

static inline void table_complete_host_port(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    (void)prefix;
    shell_words_add(words, "127.0.0.21_443", "ISE-server");
    shell_words_add(words, "127.0.0.22_443", "kong");
}

static inline void table_complete_file(void *context, const char *prefix, struct shell_words *words)
{
    static const char *const files[] = {"plain.pem", "two words.pem", "a|b", "q\"uote"};

    (void)context;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (strncmp(files[i], prefix, strlen(prefix)) == 0)
            shell_words_add(words, files[i], "");
}

static inline void table_complete_repository(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    (void)prefix;
    shell_words_add(words, "defaultRepo", "");
}

static inline int table_check_service(const char *word, struct error *err)
{
    if (strcmp(word, "Big Tomcat") == 0 || strcmp(word, "Big TFTP") == 0 || strcmp(word, "Small") == 0)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a service", word);
}

static inline void table_complete_service(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    (void)prefix;
    shell_words_add(words, "Big Tomcat", "tomcat");
    shell_words_add(words, "Big TFTP", "tftp");
    shell_words_add(words, "Small", "small");
}

static const struct shell_type table_types[] = {
    {.name = "service",
     .help = "A service, its blanks included",
     .check = table_check_service,
     .complete = table_complete_service,
     .rest = true},
    {.name = "host_port",
     .help = "Address or name and port, e.g. 10.1.1.1_443",
     .check = table_check_host_port,
     .complete = table_complete_host_port},
    {.name = "number", .help = "0 to 999", .check = table_check_number},
    {.name = "word", .help = "A word", .check = table_check_word},
    {.name = "name", .help = "A name", .check = table_check_word},
    {.name = "file", .help = "A file", .complete = table_complete_file},
    {.name = "repository", .help = "A repository", .complete = table_complete_repository},
    {.name = "key", .help = "At least 4 letters", .check = table_check_key, .secret = true},
    {.name = "text", .help = "Any words", .rest = true},
    {.name = "line", .help = "A command of EXEC mode", .rest = true, .line = true},
};

static inline int table_require(void *context, unsigned needs, struct error *err)
{
    unsigned unmet = ((struct table_context *)context)->unmet & needs;

    if ((unmet & TABLE_NEEDS_DAEMON) != 0)
        return error_set(err, ERROR_UNREACHABLE, "cannot reach the daemon");
    if ((unmet & TABLE_NEEDS_ACTIVE) != 0)
        return error_set(err, ERROR_NOT_ACTIVE, "this node is not the active one");
    return 0;
}

static inline void table_refused(void *context, const char *line, const struct error *err)
{
    struct table_context *table = context;

    snprintf(table->refused, sizeof(table->refused), "%s", line);
    table->refused_code = err->code;
}

static inline const char *table_hostname(void *context)
{
    (void)context;
    return "prime-pri";
}

static inline int table_save_open(void *context, const char *file, const char *repository, struct error *err)
{
    const struct table_context *table = context;
    int fd = -1;

    if (table->save_path != NULL)
        fd = open(table->save_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : error_set(err, ERROR_DENIED, "cannot write %s in %s", file, repository);
}

static const char table_words[] = SHELL_HELP("force", "Do not ask") SHELL_HELP("detail", "All of it")
    SHELL_HELP("all", "All of them") SHELL_HELP("devicemgmt", "Devices") SHELL_HELP("pubnet", "Hosts")
        SHELL_HELP("admin", "Do all") SHELL_HELP("user", "Look") SHELL_HELP("role", "What it may do")
            SHELL_HELP("password-stdin", "From standard input");

static const struct shell_foreign table_foreign[] = {
    {"copy running-config *", "show it"},
    {"terminal monitor", "it is on"},
    {"terminal", "say which"},
    {"ncs certvalidation tofu-certs deletecert *[._:]*", "write host in front of it"},
};

static const struct shell_branch table_branches[] = {SHELL_BRANCH(table_commands)};

static inline struct shell_program table_program(struct table_context *context)
{
    return (struct shell_program){.branches = table_branches,
                                  .branch_count = 1,
                                  .types = table_types,
                                  .type_count = sizeof(table_types) / sizeof(table_types[0]),
                                  .words = table_words,
                                  .foreign = table_foreign,
                                  .foreign_count = 4,
                                  .context = context,
                                  .require = table_require,
                                  .refused = table_refused,
                                  .hostname = table_hostname,
                                  .save_open = table_save_open};
}
