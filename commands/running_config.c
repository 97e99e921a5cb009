/* show running-config, show startup-config: what, typed in again, gives the same configuration. */
#include "base/text.h"
#include "commands/context.h"
#include "store/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_LINE };
static const struct shell_column config_columns[] = {[CONFIG_LINE] = {.name = "line"}};
static const struct shell_listing config_listing = {
    .name = "lines", .form = SHELL_LINES, SHELL_COLUMNS(config_columns), .line = "{line}"};

struct printing {
    struct shell_output *output;
    const struct node_conf *conf;
    struct store_txn *txn;
    enum config_area area;
    struct error *err;
    bool failed;
    struct text line; /* being put together */
    char part[256];   /* the account or repository of the walk under way */
    char role[16];    /* of the account */
    bool any;         /* a line for it was printed */
};

static void print_text(struct printing *printing)
{
    const struct text *line = &printing->line;

    output_text(printing->output, CONFIG_LINE, line->data != NULL ? line->data : "", line->length);
    output_row_end(printing->output);
    text_clear(&printing->line);
}

static void __attribute__((format(printf, 2, 3)))
print_line(struct printing *printing, const char *format, ...)
{
    char *line;
    va_list args;

    va_start(args, format);
    if (vasprintf(&line, format, args) >= 0) {
        text_add_string(&printing->line, line);
        print_text(printing);
        free(line);
    }
    va_end(args);
}

static void end_block(struct printing *printing)
{
    print_line(printing, "!");
}

/* NULL where it is not set. What goes wrong is kept. */
static const char *value_of(struct printing *printing, const char *name)
{
    struct error cause = {0};
    const char *value = config_get(printing->txn, printing->area, name, &cause);

    if (value != NULL || cause.code == ERROR_NOT_FOUND)
        return value;
    if (!printing->failed)
        *printing->err = cause;
    printing->failed = true;
    return NULL;
}

static const char *value_or(struct printing *printing, const char *name, const char *otherwise)
{
    const char *value = value_of(printing, name);

    return value != NULL ? value : otherwise;
}

static void each(struct printing *printing, const char *name,
                 int (*print)(void *arg, const char *name, const char *value))
{
    struct error cause = {0};

    if (config_each(printing->txn, printing->area, name, print, printing, &cause) == 0 || printing->failed)
        return;
    *printing->err = cause;
    printing->failed = true;
}

static void print_names(struct printing *printing)
{
    const char *domain = value_of(printing, "domain-name");
    const char *zone = value_of(printing, "timezone");

    print_line(printing, "hostname %s", value_or(printing, "hostname", printing->conf->hostname));
    if (domain != NULL)
        print_line(printing, "ip domain-name %s", domain);
    end_block(printing);
    if (zone == NULL)
        return;
    print_line(printing, "clock timezone %s", zone);
    end_block(printing);
}

/* ---- accounts ---- */

static int print_way_in(void *arg, const char *name, const char *value)
{
    struct printing *printing = arg;
    const char *what = strchr(strchr(name, '/') + 1, '/');

    if (strncmp(what, "/sshkey/", 8) == 0)
        print_line(printing, "username %s sshkey %s role %s", printing->part, value, printing->role);
    else if (strcmp(what, "/system") == 0)
        print_line(printing, "username %s password system role %s", printing->part, printing->role);
    else
        return 0;
    printing->any = true;
    return 0;
}

/* Accounts are found by their role, which each has, and the lines of each by a walk of their own. */
static int print_account(void *arg, const char *name, const char *value)
{
    struct printing *printing = arg;
    const char *user = strchr(name, '/') + 1;
    const char *rest = strchr(user, '/');
    char all[300];

    if (rest == NULL || strcmp(rest, "/role") != 0)
        return 0;
    snprintf(printing->part, sizeof(printing->part), "%.*s", (int)(rest - user), user);
    snprintf(printing->role, sizeof(printing->role), "%s", value);
    snprintf(all, sizeof(all), "username/%s", printing->part);
    printing->any = false;
    each(printing, all, print_way_in);
    if (!printing->any)
        print_line(printing, "username %s role %s", printing->part, printing->role);
    return 0;
}

static int note_any(void *arg, const char *name, const char *value)
{
    struct printing *printing = arg;

    (void)name;
    (void)value;
    printing->any = true;
    return 1;
}

static void print_accounts(struct printing *printing)
{
    printing->any = false;
    each(printing, "username", note_any);
    if (!printing->any)
        return;
    each(printing, "username", print_account);
    end_block(printing);
}

/* ---- repositories ---- */

static const char *in_repository(struct printing *printing, const char *repository, const char *part)
{
    char name[300];

    snprintf(name, sizeof(name), "%s/%s", repository, part);
    return value_of(printing, name);
}

static int print_repository(void *arg, const char *name, const char *value)
{
    struct printing *printing = arg;
    const char *repository = strchr(name, '/') + 1;
    const char *url = in_repository(printing, name, "url");
    const char *user = in_repository(printing, name, "user");
    const char *password = in_repository(printing, name, "password");

    (void)value;
    if (strchr(repository, '/') != NULL)
        return 0;
    print_line(printing, "repository %s", repository);
    if (url != NULL)
        print_line(printing, " url %s", url);
    if (user != NULL && password != NULL)
        print_line(printing, " user %s password sealed %s", user, password);
    else if (user != NULL)
        print_line(printing, " user %s", user);
    end_block(printing);
    return 0;
}

/* ---- the rest ---- */

static void add_option(struct printing *printing, const char *word, const char *name)
{
    const char *value = value_of(printing, name);

    if (value != NULL)
        text_format(&printing->line, " %s %s", word, value);
}

static void print_mail(struct printing *printing)
{
    const char *host = value_of(printing, "mail-server/host");

    if (host == NULL)
        return;
    text_format(&printing->line, "mail-server %s", host);
    add_option(printing, "port", "mail-server/port");
    add_option(printing, "username", "mail-server/username");
    add_option(printing, "password sealed", "mail-server/password");
    add_option(printing, "from", "mail-server/from");
    add_option(printing, "to", "mail-server/to");
    if (value_of(printing, "mail-server/starttls") != NULL)
        text_add_string(&printing->line, " starttls");
    print_text(printing);
    end_block(printing);
}

static void print_ha_line(struct printing *printing, const char *words, const char *name)
{
    const char *value = value_of(printing, name);

    if (value != NULL)
        print_line(printing, " %s %s", words, value);
}

static void print_ha(struct printing *printing)
{
    printing->any = false;
    each(printing, "ha", note_any);
    if (!printing->any)
        return;
    print_line(printing, "ha");
    print_ha_line(printing, "secondary-server", "ha/secondary-server");
    print_ha_line(printing, "email-address", "ha/email-address");
    print_ha_line(printing, "failover-type", "ha/failover-type");
    print_ha_line(printing, "virtual-ip ipv4", "ha/virtual-ipv4");
    print_ha_line(printing, "virtual-ip ipv6", "ha/virtual-ipv6");
    if (value_of(printing, "ha/heartbeat-interval") != NULL)
        print_line(printing, " heartbeat interval %s misses %s", value_of(printing, "ha/heartbeat-interval"),
                   value_or(printing, "ha/heartbeat-misses", "3"));
    print_ha_line(printing, "witness", "ha/witness");
    end_block(printing);
}

static const char *level_number(enum log_level level)
{
    static const char *const numbers[] = {
        [LOG_LEVEL_ERROR] = "3", [LOG_LEVEL_WARNING] = "4", [LOG_LEVEL_INFO] = "6", [LOG_LEVEL_DEBUG] = "7"};

    return numbers[level];
}

/* What node.conf says is said here too: typed into a node whose node.conf says something else, it gives the
 * same. */
static void print_all(struct printing *printing)
{
    end_block(printing);
    print_names(printing);
    print_accounts(printing);
    each(printing, "repository", print_repository);
    print_line(printing, "logging loglevel %s",
               value_or(printing, "log-level", level_number(printing->conf->log_level)));
    end_block(printing);
    print_mail(printing);
    print_ha(printing);
    print_line(printing, "platform-release %s",
               value_or(printing, "platform-release", printing->conf->release));
    end_block(printing);
}

static int print_area(struct shell_call *call, enum config_area area, struct error *err)
{
    struct printing printing = {.output = shell_output(call),
                                .conf = &context_of(call)->conf,
                                .txn = context_read(call, err),
                                .area = area,
                                .err = err};

    if (printing.txn == NULL)
        return -1;
    output_begin(printing.output, &config_listing);
    print_all(&printing);
    output_end(printing.output);
    store_end(printing.txn);
    text_free(&printing.line);
    return printing.failed ? -1 : 0;
}

static int run_running(struct shell_call *call, struct error *err)
{
    return print_area(call, CONFIG_RUNNING, err);
}

static int run_startup(struct shell_call *call, struct error *err)
{
    return print_area(call, CONFIG_STARTUP, err);
}

static const struct shell_command commands[] = {
    {.grammar = "show running-config",
     .help = "The configuration at work",
     .run = run_running,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_STORE,
     .manual = "Pasted into configuration mode of an empty node it gives the same configuration. Secrets are "
               "sealed: only this node can open them."},
    {.grammar = "show startup-config",
     .help = "The configuration that a restart brings back",
     .run = run_startup,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_STORE},
};
const struct shell_branch running_config_branch = SHELL_BRANCH(commands);
