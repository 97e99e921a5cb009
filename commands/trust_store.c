/* ncs certvalidation trusted-ca-store: the CA certificates of each trust zone. */
#include "base/clock.h"
#include "commands/context.h"
#include "store/ca.h"

#include <stdio.h>

#define STORE "ncs certvalidation trusted-ca-store "
#define ZONES "truststore {devicemgmt | pubnet | system | user}"

enum { CA_ALIAS, CA_EXPIRES, CA_SOURCE, CA_ADDED, CA_SHA256, CA_SUBJECT };
static const struct shell_column ca_columns[] = {
    [CA_ALIAS] = {.name = "alias", .heading = "Alias"},
    [CA_EXPIRES] = {.name = "expires", .heading = "Expires", .kind = SHELL_TIME},
    [CA_SOURCE] = {.name = "source", .heading = "Source"},
    [CA_ADDED] = {.name = "added", .kind = SHELL_TIME},
    [CA_SHA256] = {.name = "sha256"},
    [CA_SUBJECT] = {.name = "subject", .heading = "Subject"},
};
static const struct shell_listing ca_listing = {.name = "ca_certificates",
                                                .form = SHELL_TABLE,
                                                SHELL_COLUMNS(ca_columns),
                                                .none = "The trust store is empty.\n"};

static const struct shell_column ca_detail_columns[] = {
    [CA_ALIAS] = {.name = "alias", .heading = "Alias"},
    [CA_EXPIRES] = {.name = "expires", .heading = "Expires", .kind = SHELL_TIME},
    [CA_SOURCE] = {.name = "source", .heading = "Source"},
    [CA_ADDED] = {.name = "added", .heading = "Added", .kind = SHELL_TIME},
    [CA_SHA256] = {.name = "sha256", .heading = "SHA-256"},
    [CA_SUBJECT] = {.name = "subject", .heading = "Subject"},
};
static const struct shell_listing ca_detail_listing = {.name = "ca_certificates",
                                                       .form = SHELL_BLOCKS,
                                                       SHELL_COLUMNS(ca_detail_columns),
                                                       .none = "The trust store is empty.\n"};

/* Which zone was typed: they are keywords of the grammar. */
static enum trust_zone zone_of(const struct shell_call *call)
{
    for (int zone = 0; zone < TRUST_ZONES; zone++) {
        if (shell_has(call, trust_zone_name((enum trust_zone)zone)))
            return (enum trust_zone)zone;
    }
    return TRUST_ZONE_SYSTEM;
}

static json_t *zone_params(const struct shell_call *call)
{
    return json_pack("{s:s}", "zone", trust_zone_name(zone_of(call)));
}

static int print_ca(void *arg, const struct ca_certificate *ca)
{
    struct shell_output *output = arg;
    char sha256[FINGERPRINT_TEXT_MAX];

    fingerprint_format(ca->sha256, sha256);
    output_string(output, CA_ALIAS, ca->alias);
    output_time(output, CA_EXPIRES, ca->not_after_ms);
    output_string(output, CA_SOURCE, ca->source == CA_SYSTEM ? "system" : "imported");
    output_time(output, CA_ADDED, ca->added_ms);
    output_string(output, CA_SHA256, sha256);
    output_string(output, CA_SUBJECT, ca->subject_slash);
    output_row_end(output);
    return output_stopped(output);
}

static void say_auto_update(struct shell_output *output, const struct ca_state *state)
{
    char when[CLOCK_TEXT_MAX];

    if (!state->auto_update)
        return;
    clock_format(state->updated_ms, when);
    output_say(output, "auto-ca-update is enabled; the system's CA certificates were last taken over on %s",
               when);
    if (state->problem[0] != '\0')
        output_say(output, "the last try failed: %s", state->problem);
}

static int run_list(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store_txn *txn = context_read(call, err);
    enum trust_zone zone = zone_of(call);
    struct ca_state state;
    int failed;

    if (txn == NULL)
        return -1;
    failed = ca_state_get(txn, zone, &state, err);
    if (failed == 0) {
        say_auto_update(output, &state);
        output_begin(output, shell_has(call, "detail") ? &ca_detail_listing : &ca_listing);
        failed = ca_each(txn, zone, print_ca, output, err);
        output_end(output);
    }
    store_end(txn);
    return failed;
}

static long long count_of(json_t *result, const char *name)
{
    return (long long)json_integer_value(json_object_get(result, name));
}

static const char *plural(long long count)
{
    return count == 1 ? "" : "s";
}

static int run_import(struct shell_call *call, struct error *err)
{
    json_t *params = zone_params(call);
    json_t *result = NULL;
    long long added;

    json_object_set_new(params, "alias", json_string(shell_arg(call, "new_alias")));
    json_object_set_new(params, "repository", json_string(shell_arg(call, "repository")));
    json_object_set_new(params, "file", json_string(shell_arg(call, "file")));
    if (context_ask(call, "ca.import", params, NULL, NULL, &result, err) != 0)
        return -1;
    added = count_of(result, "added");
    output_say(shell_output(call), "%lld CA certificate%s imported into the trust store of the zone %s",
               added, plural(added), trust_zone_name(zone_of(call)));
    if (count_of(result, "known") > 0)
        output_say(shell_output(call), "%lld more had been there already", count_of(result, "known"));
    json_decref(result);
    return 0;
}

/* 1: go on; 0: no; -1. */
static int confirm(struct shell_call *call, const char *question, struct error *err)
{
    return shell_has(call, "force") ? 1 : shell_confirm(call, question, false, "force", err);
}

static int run_delete(struct shell_call *call, struct error *err)
{
    json_t *params;
    char question[256];
    int answer;

    snprintf(question, sizeof(question),
             "Servers whose certificates rest on it will no longer be trusted. Delete the CA certificate %s? "
             "(y/N) ",
             shell_arg(call, "alias"));
    answer = confirm(call, question, err);
    if (answer <= 0)
        return answer;
    params = zone_params(call);
    json_object_set_new(params, "alias", json_string(shell_arg(call, "alias")));
    return context_ask(call, "ca.delete", params, NULL, NULL, NULL, err);
}

static int run_delete_all(struct shell_call *call, struct error *err)
{
    const char *zone = trust_zone_name(zone_of(call));
    json_t *result = NULL;
    char question[160];
    int answer;

    snprintf(question, sizeof(question), "Delete all CA certificates of the zone %s? (y/N) ", zone);
    answer = confirm(call, question, err);
    if (answer <= 0)
        return answer;
    if (context_ask(call, "ca.clear", zone_params(call), NULL, NULL, &result, err) != 0)
        return -1;
    output_say(shell_output(call), "%lld CA certificate%s deleted from the trust store of the zone %s",
               count_of(result, "removed"), plural(count_of(result, "removed")), zone);
    if (json_is_true(json_object_get(result, "auto_update")))
        output_say(shell_output(call),
                   "auto-ca-update is enabled: the system's CA certificates come back within a day");
    json_decref(result);
    return 0;
}

static int run_auto_update(struct shell_call *call, struct error *err)
{
    const char *zone = trust_zone_name(zone_of(call));
    bool enable = shell_has(call, "enable");
    json_t *params = zone_params(call);
    json_t *result = NULL;

    json_object_set_new(params, "enable", json_boolean(enable));
    if (context_ask(call, "ca.auto_update", params, NULL, NULL, &result, err) != 0)
        return -1;
    if (enable)
        output_say(
            shell_output(call),
            "The trust store of the zone %s follows the system's CA certificates: %lld added, %lld removed, "
            "%lld there already, %lld left out",
            zone, count_of(result, "added"), count_of(result, "removed"), count_of(result, "known"),
            count_of(result, "skipped"));
    else
        output_say(shell_output(call),
                   "The trust store of the zone %s keeps what it has and no longer follows the system", zone);
    json_decref(result);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ncs certvalidation trusted-ca-store",
     .help = "CA certificates that servers are validated against"},
    {.grammar = STORE "importcacert alias <new_alias:new_ca_alias> repository <repository> <file> " ZONES,
     .help = "Take a CA certificate in, or all of a bundle",
     .words = SHELL_HELP("alias", "Name to keep it under"),
     .run = run_import,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "PEM, DER or PKCS#7. The certificates of a bundle get the aliases <alias>-1, <alias>-2, ...; either "
         "all of them are imported or none. Every certificate in a trust store is trusted, be it a root or "
         "not. A self-signed certificate of one server may be imported as well, and is trusted for that "
         "server."},
    {.grammar = STORE "listcacerts " ZONES " [detail]",
     .help = "List the CA certificates of a zone",
     .run = run_list,
     .needs = NEED_STORE},
    {.grammar = STORE "deletecacert alias <alias:ca_alias> " ZONES " [force]",
     .help = "Delete one CA certificate",
     .words = SHELL_HELP("alias", "Name that it is kept under"),
     .run = run_delete,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = STORE "deleteallcacerts " ZONES " [force]",
     .help = "Delete all CA certificates of a zone",
     .run = run_delete_all,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = STORE "auto-ca-update {enable | disable} " ZONES,
     .help = "Follow the CA certificates of the operating system",
     .words = SHELL_HELP("enable", "Take over the system's CA certificates now and every day")
         SHELL_HELP("disable", "Take over no more; what is there stays"),
     .run = run_auto_update,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "Takes the system's bundle over at once and then every day: new CA certificates are added, "
               "withdrawn "
               "ones removed, imported ones left alone. disable keeps what is there."},
};
const struct shell_branch trust_store_branch = SHELL_BRANCH(commands);
