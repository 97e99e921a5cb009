/* ncs certvalidation: OCSP responders, and the versions of TLS that our own server accepts. */
#include "base/tls_versions.h"
#include "commands/context.h"
#include "store/ocsp.h"
#include "store/setting.h"
#include "store/tls_setting.h"

#include <stdio.h>

#define OCSP "ncs certvalidation custom-ocsp-responder "
#define VERSIONS "ncs certvalidation tls-server-versions"

enum { OCSP_CUSTOM, OCSP_URL1, OCSP_URL2, OCSP_FAILURE };
static const struct shell_column ocsp_columns[] = {
    [OCSP_CUSTOM] = {.name = "custom", .heading = "Custom OCSP responders"},
    [OCSP_URL1] = {.name = "url1", .heading = "url1"},
    [OCSP_URL2] = {.name = "url2", .heading = "url2"},
    [OCSP_FAILURE] = {.name = "failure", .heading = "Without an answer"},
};
static const struct shell_listing ocsp_listing = {
    .name = "ocsp", .form = SHELL_BLOCKS, SHELL_COLUMNS(ocsp_columns), .single = true};

static int run_show_ocsp(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store_txn *txn = context_read(call, err);
    struct ocsp_setting setting;
    int failed;

    if (txn == NULL)
        return -1;
    failed = ocsp_setting_get(txn, &setting, err);
    store_end(txn);
    if (failed != 0)
        return -1;
    output_begin(output, &ocsp_listing);
    output_string(output, OCSP_CUSTOM, setting.custom ? "enable" : "disable");
    if (setting.urls[0][0] != '\0')
        output_string(output, OCSP_URL1, setting.urls[0]);
    if (setting.urls[1][0] != '\0')
        output_string(output, OCSP_URL2, setting.urls[1]);
    output_string(output, OCSP_FAILURE, setting.hard ? "hard" : "soft");
    output_row_end(output);
    output_end(output);
    return 0;
}

static int change(struct shell_call *call, const char *what, const char *value, struct error *err)
{
    json_t *result = NULL;
    const char *urls[2];

    if (context_ask(call, "ocsp.set", json_pack("{s:s, s:s}", "what", what, "value", value), NULL, NULL,
                    &result, err) != 0)
        return -1;
    urls[0] = json_string_value(json_object_get(result, "url1"));
    urls[1] = json_string_value(json_object_get(result, "url2"));
    if (json_is_true(json_object_get(result, "custom")) && urls[0] != NULL && urls[0][0] == '\0' &&
        urls[1] != NULL && urls[1][0] == '\0')
        output_say(shell_output(call),
                   "No custom responder is set, so nobody will be asked: " OCSP "custom set url1 <url>");
    json_decref(result);
    return 0;
}

static int run_custom(struct shell_call *call, struct error *err)
{
    return change(call, "custom", shell_has(call, "enable") ? "enable" : "disable", err);
}

static int run_url(struct shell_call *call, struct error *err)
{
    const char *url = shell_arg(call, "url");

    return change(call, shell_has(call, "url1") ? "url1" : "url2", url != NULL ? url : "", err);
}

static int run_failure(struct shell_call *call, struct error *err)
{
    return change(call, "failure", shell_has(call, "hard") ? "hard" : "soft", err);
}

static int say_versions(struct shell_call *call, const char *text, struct error *err)
{
    struct tls_versions versions;
    char shown[TLS_VERSIONS_TEXT_MAX];

    if (tls_versions_parse(text, &versions, err) != 0)
        return -1;
    tls_versions_format(&versions, ',', shown);
    /* The original's words, its grammar included. */
    output_say(shell_output(call), "Enabled TLS version are - %s", shown);
    return 0;
}

enum { VERSIONS_TEXT };
static const struct shell_column versions_columns[] = {
    [VERSIONS_TEXT] = {.name = "versions"},
};
static const struct shell_listing versions_listing = {.name = "tls_server_versions",
                                                      .form = SHELL_LINES,
                                                      SHELL_COLUMNS(versions_columns),
                                                      .line = "Enabled TLS version are - {versions}",
                                                      .single = true};

static int run_show_versions(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store_txn *txn = context_read(call, err);
    char text[TLS_VERSIONS_TEXT_MAX];
    struct tls_versions versions;
    int failed;

    if (txn == NULL)
        return -1;
    failed = tls_setting_get(txn, &versions, err);
    store_end(txn);
    if (failed != 0)
        return -1;
    tls_versions_format(&versions, ',', text);
    output_begin(output, &versions_listing);
    output_string(output, VERSIONS_TEXT, text);
    output_row_end(output);
    output_end(output);
    return 0;
}

static int run_set_versions(struct shell_call *call, struct error *err)
{
    const char *versions = shell_arg(call, "versions");

    if (context_ask(call, "tls.set_versions", json_pack("{s:s}", "versions", versions), NULL, NULL, NULL,
                    err) != 0 ||
        say_versions(call, versions, err) != 0)
        return -1;
    output_say(shell_output(call), "Restart is required for the changes to take affect");
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ncs certvalidation custom-ocsp-responder",
     .help = "Who is asked whether a certificate was revoked",
     .run = run_show_ocsp,
     .needs = NEED_STORE,
     .manual = "Used in zones with the policy enable, for the server's certificate and for every CA "
               "certificate of its "
               "chain that names a responder. An answer that the server brings along (stapled) comes first."},
    {.grammar = OCSP "custom {enable | disable}",
     .help = "Ask these responders, not those that a certificate names",
     .words = SHELL_HELP("enable", "Ask your own responders, not those that a certificate names")
         SHELL_HELP("disable", "Ask the responders that a certificate names"),
     .run = run_custom,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = OCSP "custom {set {url1 | url2} <url:ocsp_url> | clear {url1 | url2}}",
     .help = "A responder of your own",
     .words = SHELL_HELP("set", "Set a responder of your own")
         SHELL_HELP("clear", "Forget a responder of your own") SHELL_HELP("url1", "The responder asked first")
             SHELL_HELP("url2", "The responder asked where url1 does not answer"),
     .run = run_url,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "url2 is asked where url1 does not answer. An answer counts only if the CA or whom it "
               "appointed signed "
               "it."},
    {.grammar = OCSP "failure {soft | hard}",
     .help = "What it means that no responder answers",
     .words = SHELL_HELP("soft", "Trust a certificate whose responders do not answer")
         SHELL_HELP("hard", "Refuse a certificate whose responders do not answer"),
     .run = run_failure,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "soft (the default): the certificate is trusted, and the log says that nobody could be asked. hard: "
         "it "
         "is refused. A certificate that is revoked, or that its CA's responder does not know, is refused "
         "either way."},
    {.grammar = VERSIONS,
     .help = "Versions of TLS that this node's server accepts",
     .run = run_show_versions,
     .needs = NEED_STORE},
    {.grammar = VERSIONS " <versions>",
     .help = "Set them: TLSv1.2, TLSv1.3 or both",
     .run = run_set_versions,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "Holds from the next start of the services on. TLSv1 and TLSv1.1 are withdrawn (RFC 8996) and "
               "refused."},
};
const struct shell_branch validation_branch = SHELL_BRANCH(commands);
