/* show: what this node is and what it has. */
#include "base/clock.h"
#include "base/version.h"
#include "commands/context.h"
#include "store/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <time.h>

enum { VERSION_PRODUCT, VERSION_VERSION, VERSION_HOSTNAME, VERSION_HOME };
static const struct shell_column version_columns[] = {
    [VERSION_PRODUCT] = {.name = "product", .heading = "Product"},
    [VERSION_VERSION] = {.name = "version", .heading = "Version"},
    [VERSION_HOSTNAME] = {.name = "hostname", .heading = "Hostname"},
    [VERSION_HOME] = {.name = "home", .heading = "Home"},
};
static const struct shell_listing version_listing = {
    .name = "version", .form = SHELL_BLOCKS, SHELL_COLUMNS(version_columns), .single = true};

static int run_version(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);

    (void)err;
    output_begin(output, &version_listing);
    output_string(output, VERSION_PRODUCT, PRODUCT_NAME);
    output_string(output, VERSION_VERSION, PRODUCT_VERSION);
    output_string(output, VERSION_HOSTNAME, context_hostname(context_of(call)));
    output_string(output, VERSION_HOME, context_of(call)->home);
    output_row_end(output);
    output_end(output);
    return 0;
}

enum { CLOCK_TEXT, CLOCK_TIME };
static const struct shell_column clock_columns[] = {
    [CLOCK_TEXT] = {.name = "clock"},
    [CLOCK_TIME] = {.name = "time", .kind = SHELL_TIME},
};
static const struct shell_listing clock_listing = {
    .name = "clock", .form = SHELL_LINES, SHELL_COLUMNS(clock_columns), .line = "{clock}", .single = true};

static int run_clock(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm local;
    char text[64];

    (void)err;
    context_use_timezone(context_of(call));
    localtime_r(&now, &local);
    strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Z %Y", &local);
    output_begin(output, &clock_listing);
    output_string(output, CLOCK_TEXT, text);
    output_time(output, CLOCK_TIME, (int64_t)now * 1000);
    output_row_end(output);
    output_end(output);
    return 0;
}

enum { UPTIME_WHAT, UPTIME_TEXT, UPTIME_SECONDS };
static const struct shell_column uptime_columns[] = {
    [UPTIME_WHAT] = {.name = "of"},
    [UPTIME_TEXT] = {.name = "uptime"},
    [UPTIME_SECONDS] = {.name = "seconds", .kind = SHELL_NUMBER},
};
static const struct shell_listing uptime_listing = {
    .name = "uptimes", .form = SHELL_LINES, SHELL_COLUMNS(uptime_columns), .line = "{of} is up {uptime}"};

static void print_uptime(struct shell_output *output, const char *what, long long seconds)
{
    char text[64];

    snprintf(text, sizeof(text), "%lld days, %02lld:%02lld:%02lld", seconds / 86400, seconds / 3600 % 24,
             seconds / 60 % 60, seconds % 60);
    output_string(output, UPTIME_WHAT, what);
    output_string(output, UPTIME_TEXT, text);
    output_number(output, UPTIME_SECONDS, seconds);
    output_row_end(output);
}

static int run_uptime(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct sysinfo machine;
    json_t *state = NULL;

    if (context_ask(call, "daemon.state", NULL, NULL, NULL, &state, err) != 0)
        return -1;
    output_begin(output, &uptime_listing);
    print_uptime(output, "primed", json_integer_value(json_object_get(state, "uptime_ms")) / 1000);
    if (sysinfo(&machine) == 0)
        print_uptime(output, "the machine", machine.uptime);
    output_end(output);
    json_decref(state);
    return 0;
}

enum { HISTORY_NUMBER, HISTORY_LINE };
static const struct shell_column history_columns[] = {
    [HISTORY_NUMBER] = {.name = "number", .kind = SHELL_NUMBER},
    [HISTORY_LINE] = {.name = "line"},
};
static const struct shell_listing history_listing = {
    .name = "history", .form = SHELL_LINES, SHELL_COLUMNS(history_columns), .line = "{line}"};

static int run_history(struct shell_call *call, struct error *err)
{
    const struct shell_session *session = shell_call_session(call);
    struct shell_output *output = shell_output(call);

    (void)err;
    output_begin(output, &history_listing);
    for (size_t i = 0; i < shell_history_count(session); i++) {
        output_number(output, HISTORY_NUMBER, (int64_t)i + 1);
        output_string(output, HISTORY_LINE, shell_history_line(session, i));
        output_row_end(output);
    }
    output_end(output);
    return 0;
}

enum { TERMINAL_NAME, TERMINAL_TYPE, TERMINAL_LENGTH, TERMINAL_WIDTH, TERMINAL_TIMEOUT };
static const struct shell_column terminal_columns[] = {
    [TERMINAL_NAME] = {.name = "tty"},
    [TERMINAL_TYPE] = {.name = "type"},
    [TERMINAL_LENGTH] = {.name = "length", .kind = SHELL_NUMBER},
    [TERMINAL_WIDTH] = {.name = "width", .kind = SHELL_NUMBER},
    [TERMINAL_TIMEOUT] = {.name = "session_timeout_minutes", .kind = SHELL_NUMBER},
};
static const struct shell_listing terminal_listing = {
    .name = "terminal",
    .form = SHELL_LINES,
    SHELL_COLUMNS(terminal_columns),
    .line = "TTY: {tty} Type: \"{type}\"\nLength: {length} lines, Width: {width} columns\n"
            "Session Timeout: {session_timeout_minutes} minutes",
    .single = true};

/* Of the names of terminals (term(7)). */
#define TYPE_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-._"

static int run_terminal(struct shell_call *call, struct error *err)
{
    struct shell_session *session = shell_call_session(call);
    const struct shell_terminal *terminal = shell_terminal(session);
    struct shell_output *output = shell_output(call);
    const char *type = getenv("TERM"); /* comes from the client: anything may stand in it */

    (void)err;
    if (type == NULL || type[0] == '\0' || type[strspn(type, TYPE_CHARACTERS)] != '\0')
        type = "unknown";
    output_begin(output, &terminal_listing);
    output_string(output, TERMINAL_NAME, shell_terminal_name(session));
    output_string(output, TERMINAL_TYPE, type);
    output_number(output, TERMINAL_LENGTH, terminal->length);
    output_number(output, TERMINAL_WIDTH, terminal->width);
    output_number(output, TERMINAL_TIMEOUT, terminal->timeout_minutes);
    output_row_end(output);
    output_end(output);
    return 0;
}

enum { PRIVILEGE_LEVEL };
static const struct shell_column privilege_columns[] = {
    [PRIVILEGE_LEVEL] = {.name = "level", .kind = SHELL_NUMBER},
};
static const struct shell_listing privilege_listing = {.name = "privilege",
                                                       .form = SHELL_LINES,
                                                       SHELL_COLUMNS(privilege_columns),
                                                       .line = "Current privilege level is {level}",
                                                       .single = true};

static int run_privilege(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);

    (void)err;
    output_begin(output, &privilege_listing);
    output_number(output, PRIVILEGE_LEVEL, shell_role(shell_call_session(call)) == SHELL_ROLE_ADMIN ? 15 : 1);
    output_row_end(output);
    output_end(output);
    return 0;
}

enum { INVENTORY_ITEM, INVENTORY_VALUE };
static const struct shell_column inventory_columns[] = {
    [INVENTORY_ITEM] = {.name = "item", .heading = "Item"},
    [INVENTORY_VALUE] = {.name = "value", .heading = "Value"},
};
static const struct shell_listing inventory_listing = {
    .name = "inventory", .form = SHELL_TABLE, SHELL_COLUMNS(inventory_columns)};

static void __attribute__((format(printf, 3, 4)))
print_item(struct shell_output *output, const char *item, const char *format, ...)
{
    char value[256];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    output_string(output, INVENTORY_ITEM, item);
    output_string(output, INVENTORY_VALUE, value);
    output_row_end(output);
}

#define MIB (1024ULL * 1024)

static int run_inventory(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store *store = context_of(call)->store;
    struct store_stats stats;
    struct statvfs disk;
    struct sysinfo machine;

    if (store_stats(store, &stats, err) != 0)
        return -1;
    output_begin(output, &inventory_listing);
    print_item(output, "Product", PRODUCT_NAME " " PRODUCT_VERSION);
    print_item(output, "Node", "%s", store_node_id(store));
    print_item(output, "Processors", "%d", get_nprocs());
    if (sysinfo(&machine) == 0)
        print_item(output, "Memory", "%llu MiB",
                   (unsigned long long)machine.totalram * machine.mem_unit / MIB);
    if (statvfs(context_of(call)->home, &disk) == 0)
        print_item(output, "Disk", "%llu MiB, %llu MiB free",
                   (unsigned long long)disk.f_blocks * disk.f_frsize / MIB,
                   (unsigned long long)disk.f_bavail * disk.f_frsize / MIB);
    print_item(output, "Database", "%llu KiB, revision %llu", (unsigned long long)stats.used_bytes / 1024,
               (unsigned long long)stats.revision);
    print_item(output, "Pins", "%llu", (unsigned long long)stats.pins);
    print_item(output, "Certificates", "%llu", (unsigned long long)stats.certificates);
    output_end(output);
    return 0;
}

enum { USER_NAME, USER_TERMINAL, USER_ORIGIN, USER_PID, USER_SINCE };
static const struct shell_column user_columns[] = {
    [USER_NAME] = {.name = "user", .heading = "User"},
    [USER_TERMINAL] = {.name = "terminal", .heading = "Terminal"},
    [USER_ORIGIN] = {.name = "origin", .heading = "From"},
    [USER_PID] = {.name = "pid", .heading = "Process", .kind = SHELL_NUMBER},
    [USER_SINCE] = {.name = "since", .heading = "Since", .kind = SHELL_TIME},
};
static const struct shell_listing user_listing = {.name = "users",
                                                  .form = SHELL_TABLE,
                                                  SHELL_COLUMNS(user_columns),
                                                  .none = "No interactive session is open.\n"};

static int run_users(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *session;
    size_t i;

    if (context_ask(call, "session.list", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &user_listing);
    json_array_foreach(json_object_get(result, "sessions"), i, session)
    {
        output_string(output, USER_NAME, json_string_value(json_object_get(session, "user")));
        output_string(output, USER_TERMINAL, json_string_value(json_object_get(session, "terminal")));
        output_string(output, USER_ORIGIN, json_string_value(json_object_get(session, "origin")));
        output_number(output, USER_PID, json_integer_value(json_object_get(session, "pid")));
        output_time(output, USER_SINCE, json_integer_value(json_object_get(session, "since_ms")));
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

enum {
    AUDIT_NUMBER,
    AUDIT_WHEN,
    AUDIT_USER,
    AUDIT_ROLE,
    AUDIT_ORIGIN,
    AUDIT_RESULT,
    AUDIT_METHOD,
    AUDIT_LINE,
    AUDIT_SETTINGS,
    AUDIT_MESSAGE
};
static const struct shell_column audit_columns[] = {
    [AUDIT_NUMBER] = {.name = "number", .kind = SHELL_NUMBER},
    [AUDIT_WHEN] = {.name = "when", .heading = "When", .kind = SHELL_TIME},
    [AUDIT_USER] = {.name = "user", .heading = "User"},
    [AUDIT_ROLE] = {.name = "role", .heading = "Role"},
    [AUDIT_ORIGIN] = {.name = "origin", .heading = "From"},
    [AUDIT_RESULT] = {.name = "result", .heading = "Result"},
    [AUDIT_METHOD] = {.name = "method", .heading = "Method"},
    [AUDIT_LINE] = {.name = "line", .heading = "Command"},
    [AUDIT_SETTINGS] = {.name = "settings"},
    [AUDIT_MESSAGE] = {.name = "message"},
};
static const struct shell_listing audit_listing = {
    .name = "audit", .form = SHELL_TABLE, SHELL_COLUMNS(audit_columns), .none = "Nothing was changed yet.\n"};

static int print_entry(void *arg, const struct audit_entry *entry)
{
    struct shell_output *output = arg;

    output_number(output, AUDIT_NUMBER, (int64_t)entry->number);
    output_time(output, AUDIT_WHEN, entry->when_ms);
    output_string(output, AUDIT_USER, entry->user);
    output_string(output, AUDIT_ROLE, entry->role);
    output_string(output, AUDIT_ORIGIN, entry->origin);
    output_string(output, AUDIT_RESULT, entry->result);
    output_string(output, AUDIT_METHOD, entry->method);
    output_string(output, AUDIT_LINE, entry->line);
    output_string(output, AUDIT_SETTINGS, entry->settings);
    output_string(output, AUDIT_MESSAGE, entry->message);
    output_row_end(output);
    return output_stopped(output);
}

static int run_audit(struct shell_call *call, struct error *err)
{
    const char *count = shell_arg(call, "count");
    struct store_txn *txn = context_read(call, err);
    int failed;

    if (txn == NULL)
        return -1;
    output_begin(shell_output(call), &audit_listing);
    failed =
        audit_each(txn, count != NULL ? strtoull(count, NULL, 10) : 0, print_entry, shell_output(call), err);
    output_end(shell_output(call));
    store_end(txn);
    return failed;
}

static const struct shell_command commands[] = {
    {.grammar = "show", .help = "What this node is and what it has"},
    {.grammar = "show version", .help = "Product and version", .run = run_version},
    {.grammar = "show clock", .help = "Date and time", .run = run_clock},
    {.grammar = "show uptime",
     .help = "How long this node has been up",
     .run = run_uptime,
     .needs = NEED_DAEMON},
    {.grammar = "show history", .help = "Commands typed before", .run = run_history},
    {.grammar = "show terminal", .help = "Settings of this session's terminal", .run = run_terminal},
    {.grammar = "show privilege", .help = "This session's privilege level", .run = run_privilege},
    {.grammar = "show inventory",
     .help = "Hardware and database of this node",
     .run = run_inventory,
     .needs = NEED_STORE},
    {.grammar = "show users", .help = "Open sessions", .run = run_users, .needs = NEED_DAEMON},
    {.grammar = "show audit [last <count>]",
     .help = "Who changed what, and what was refused",
     .run = run_audit,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_STORE,
     .manual =
         "Command is the line as the caller's shell said it, secrets masked. Method is what primed was asked "
         "to do, whatever the line says: audit.refused where the shell itself refused the line, - for "
         "what primed did unasked or an older version wrote. In JSON, settings names what was set or removed "
         "in configuration mode."},
};
const struct shell_branch show_branch = SHELL_BRANCH(commands);
