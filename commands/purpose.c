/* set cert, set csr, set key: what changes the certificates by purpose. */
#include "commands/purpose.h"

#include "base/clock.h"
#include "base/purpose.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASTE_MOST (1024 * 1024) /* bytes of what is pasted */
#define PASTE_LINE_MAX 1024

const char *purpose_text(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

int purpose_confirm(struct shell_call *call, const char *question, struct error *err)
{
    int answer;

    if (shell_has(call, "force"))
        return 1;
    answer = shell_confirm(call, question, false, "force", err);
    if (answer == 0)
        output_say(shell_output(call), "Nothing was changed.");
    return answer;
}

static void set_if_given(struct shell_call *call, json_t *params, const char *name, const char *argument)
{
    if (shell_arg(call, argument) != NULL)
        json_object_set_new(params, name, json_string(shell_arg(call, argument)));
}

static json_t *purpose_params(struct shell_call *call)
{
    json_t *params = json_pack("{s:s}", "purpose", shell_arg(call, "purpose"));

    set_if_given(call, params, "size", "key_length");
    set_if_given(call, params, "names", "alternative_names");
    return params;
}

/* --- set cert regen */

static void say_services(struct shell_output *output, json_t *result)
{
    json_t *service;
    size_t i;

    json_array_foreach(json_object_get(result, "services"), i, service)
        output_say(output, "  utils service restart %s", json_string_value(service));
}

static void warn(struct shell_output *output, const char *purpose)
{
    if (strcmp(purpose, "ITLRecovery") == 0) {
        output_say(
            output,
            "WARNING: If you are using a tokenless CTL and if the CallManager certificate is recently");
        output_say(
            output,
            "generated, please ensure that the CTL File already has the new CallManager certificate and is");
        output_say(
            output,
            "updated to the endpoints, before generating the ITL Recovery certificate. Are you sure want");
        output_say(output, "to proceed?");
        output_say(output, "%s", "");
    } else if (strcmp(purpose, "authz") == 0) {
        output_say(output,
                   "WARNING: All access and refresh tokens signed with the current key lose their value");
    } else {
        output_say(
            output,
            "WARNING: This operation will overwrite any CA signed certificate previously imported for  %s",
            purpose);
    }
}

static void say_regenerated(struct shell_output *output, json_t *result)
{
    const char *name = purpose_text(result, "purpose");

    output_say(output, "Successfully Regenerated Certificate for %s.", name);
    if (json_array_size(json_object_get(result, "services")) > 0)
        output_say(
            output,
            "You must restart services related to %s for the regenerated certificates to become active.",
            name);
    say_services(output, result);
    if (json_is_true(json_object_get(result, "ctl")))
        output_say(output, "In mixed mode, then update the CTL file: utils ctl update CTLFile");
    output_say(output,
               "Then back up the system, so that the latest backup holds the regenerated certificate.");
}

static int run_regen(struct shell_call *call, struct error *err)
{
    json_t *result = NULL;
    int answer;

    if (!shell_has(call, "force"))
        warn(shell_output(call), purpose_find(shell_arg(call, "purpose"), NULL)->name);
    answer = purpose_confirm(call, "Proceed with regeneration (yes|no)? ", err);
    if (answer <= 0)
        return answer;
    if (context_ask(call, "purpose.regen", purpose_params(call), NULL, NULL, &result, err) != 0)
        return -1;
    say_regenerated(shell_output(call), result);
    json_decref(result);
    return 0;
}

/* --- set csr gen */

static int run_csr(struct shell_call *call, struct error *err)
{
    json_t *result = NULL;
    int64_t replaced;

    if (context_ask(call, "csr.generate", purpose_params(call), NULL, NULL, &result, err) != 0)
        return -1;
    replaced = json_integer_value(json_object_get(result, "replaced_ms"));
    if (replaced > 0) {
        char when[CLOCK_TEXT_MAX];

        clock_format(replaced, when);
        output_say(
            shell_output(call),
            "The signing request of %s was overwritten: a certificate for it cannot be imported any more.",
            when);
    }
    output_say(shell_output(call), "Successfully Generated CSR for %s.", purpose_text(result, "purpose"));
    json_decref(result);
    return 0;
}

/* --- set cert import */

static bool is_end(const char *line)
{
    return strncmp(line, "-----END ", 9) == 0;
}

/* Line by line, up to an empty line behind the last certificate. */
static int read_paste(struct shell_call *call, struct text *out, struct error *err)
{
    char line[PASTE_LINE_MAX];
    bool ended = false;

    output_say(shell_output(call), "Paste the Certificate and Hit Enter");
    for (;;) {
        if (shell_ask(call, "", NULL, "file <file> repository <name>", line, sizeof(line), err) != 0)
            return -1;
        if (line[0] == '\0' && (ended || out->length == 0))
            break;
        text_format(out, "%s\n", line);
        ended = is_end(line);
        if (out->length > PASTE_MOST || out->failed)
            return error_set(err, ERROR_INVALID_ARGUMENT, "more than %d bytes were pasted", PASTE_MOST);
    }
    return out->length > 0 ? 0 : error_set(err, ERROR_INVALID_ARGUMENT, "no certificate was pasted");
}

static int add_source(struct shell_call *call, json_t *params, struct error *err)
{
    struct text pasted = {0};
    int failed = 0;

    if (shell_arg(call, "file") != NULL) {
        set_if_given(call, params, "file", "file");
        set_if_given(call, params, "repository", "repository");
        return 0;
    }
    failed = read_paste(call, &pasted, err);
    if (failed == 0)
        json_object_set_new(params, "pem", json_string(pasted.data));
    text_free(&pasted);
    return failed;
}

static int run_import_own(struct shell_call *call, struct error *err)
{
    json_t *params = purpose_params(call);
    json_t *result = NULL;

    set_if_given(call, params, "root", "root_certificate");
    if (add_source(call, params, err) != 0) {
        json_decref(params);
        return -1;
    }
    if (context_ask(call, "purpose.import", params, NULL, NULL, &result, err) != 0)
        return -1;
    output_say(shell_output(call), "Successfully imported certificate for %s.",
               purpose_text(result, "purpose"));
    output_say(shell_output(call),
               "Please restart services related to %s for the new certificate to become active.",
               purpose_text(result, "purpose"));
    json_decref(result);
    return 0;
}

static int run_import_trust(struct shell_call *call, struct error *err)
{
    json_t *params = json_pack("{s:s}", "store", shell_arg(call, "trust_store"));
    json_t *result = NULL;
    json_t *name;
    size_t i;

    if (add_source(call, params, err) != 0) {
        json_decref(params);
        return -1;
    }
    if (context_ask(call, "truststore.import", params, NULL, NULL, &result, err) != 0)
        return -1;
    json_array_foreach(json_object_get(result, "names"), i, name)
        output_say(shell_output(call), "%s", json_string_value(name));
    output_say(shell_output(call), "Successfully imported certificate for %s.",
               purpose_text(result, "store"));
    if (!json_is_true(json_object_get(result, "pair")))
        output_say(shell_output(call),
                   "The certificate is for this node only; it is not copied to other nodes.");
    json_decref(result);
    return 0;
}

/* --- set cert delete */

static int delete_named(struct shell_call *call, const char *name, struct error *err)
{
    json_t *result = NULL;
    int answer;

    if (!shell_has(call, "force")) {
        output_say(shell_output(call),
                   "WARNING: Deleting a certificate can break chains of certificates that it is part of.");
        output_say(shell_output(call), "It cannot be undone.");
    }
    answer = purpose_confirm(call, "Proceed with deletion (yes|no)? ", err);
    if (answer <= 0)
        return answer;
    if (context_ask(call, "truststore.delete", json_pack("{s:s}", "name", name), NULL, NULL, &result, err) !=
        0)
        return -1;
    output_say(shell_output(call), "Successfully deleted certificate %s%s.", name,
               json_is_true(json_object_get(result, "pair")) ? " from every node of the pair"
                                                             : " from this node");
    json_decref(result);
    return 0;
}

static int run_delete_trust(struct shell_call *call, struct error *err)
{
    return delete_named(call, shell_arg(call, "trust_certificate"), err);
}

static int run_delete_own(struct shell_call *call, struct error *err)
{
    return context_ask(call, "purpose.delete", purpose_params(call), NULL, NULL, NULL, err);
}

static int run_delete_unit(struct shell_call *call, struct error *err)
{
    struct text name = {0};
    int result;

    text_format(&name, "%s/%s", shell_arg(call, "trust_store"), shell_arg(call, "root_certificate"));
    result =
        name.failed ? error_set(err, ERROR_INTERNAL, "out of memory") : delete_named(call, name.data, err);
    text_free(&name);
    return result;
}

/* --- set key regen authz */

static const char *which_key(const struct shell_call *call)
{
    return shell_has(call, "encryption") ? "encryption" : "signing";
}

static int run_regen_key(struct shell_call *call, struct error *err)
{
    const char *which = which_key(call);
    int answer;

    if (!shell_has(call, "force"))
        output_say(
            shell_output(call),
            "WARNING: This operation will regenerate the authz %s key: all current access and refresh tokens "
            "that use it lose their value",
            which);
    answer = purpose_confirm(call, "Proceed with regeneration (yes|no)? ", err);
    if (answer <= 0)
        return answer;
    if (context_ask(call, "authz.regenerate", json_pack("{s:s}", "key", which), NULL, NULL, NULL, err) != 0)
        return -1;
    output_say(shell_output(call), "Successfully regenerated the authz %s key.", which);
    output_say(shell_output(call),
               "It holds for every node of the pair. Regenerate it in every other cluster that shares it.");
    return 0;
}

static int run_show_key(struct shell_call *call, struct error *err)
{
    static const struct shell_column columns[] = {{.name = "key"}, {.name = "checksum"}};
    static const struct shell_listing listing = {.name = "authz",
                                                 .form = SHELL_LINES,
                                                 SHELL_COLUMNS(columns),
                                                 .line = "authz {key} key checksum: {checksum}",
                                                 .single = true};
    json_t *result = NULL;

    if (context_ask(call, "authz.show", json_pack("{s:s}", "key", which_key(call)), NULL, NULL, &result,
                    err) != 0)
        return -1;
    output_begin(shell_output(call), &listing);
    output_string(shell_output(call), 0, which_key(call));
    output_string(shell_output(call), 1, purpose_text(result, "checksum"));
    output_row_end(shell_output(call));
    output_end(shell_output(call));
    json_decref(result);
    return 0;
}

#define CHANGING \
    .role = SHELL_ROLE_ADMIN, .needs = NEED_DAEMON, .flags = SHELL_CHANGES, .failed = PURPOSE_FAILED

static const struct shell_command commands[] = {
    SHELL_WORD("set", "Change certificates and keys"),
    SHELL_WORD("set cert", "Certificates by purpose"),
    SHELL_WORD("set csr", "Signing requests by purpose"),
    SHELL_WORD("set key", "Keys of access tokens"),
    SHELL_WORD("set key regen", "Make a new key"),
    SHELL_WORD("set cert import", "Take in certificates"),
    SHELL_WORD("set cert delete", "Delete a certificate"),
    {.grammar = "set cert regen <purpose> [size <key_length>] [force]",
     .help = "Make a new key and self-signed certificate",
     .run = run_regen,
     CHANGING,
     .manual =
         "The new certificate waits for the restart of the services that are named then, with utils service "
         "restart. The key has the length of the present one unless size says otherwise."},
    {.grammar = "set cert import own <purpose> [<root_certificate>] [file <file> repository <repository>]",
     .help = "Import the certificate that a CA signed for the signing request",
     .run = run_import_own,
     CHANGING,
     .manual = "The CA's root certificate must be in the purpose's trust store first; intermediate ones may "
               "come in "
               "the same file. Without a file the certificate is pasted, an empty line ends it."},
    {.grammar = "set cert import trust <trust_store> [file <file> repository <repository>]",
     .help = "Import certificates into a trust store",
     .run = run_import_trust,
     CHANGING,
     .manual = "Root certificates first, then those that they signed; one file may hold both. CAPF-trust "
               "takes them "
               "for this node only."},
    {.grammar = "set cert delete own <purpose>",
     .help = "Refused: only certificates of trust stores can be deleted",
     .run = run_delete_own,
     CHANGING},
    {.grammar = "set cert delete trust <trust_certificate> [force]",
     .help = "Delete a certificate from its trust store",
     .run = run_delete_trust,
     CHANGING,
     .manual = "The system's own certificates cannot be deleted. From CAPF-trust, tomcat-trust, "
               "CallManager-trust and "
               "Phone-SAST-trust the certificate is deleted on every node."},
    {.grammar = "set cert delete <trust_store> <root_certificate> [force]",
     .help = "Delete a certificate from a trust store",
     .run = run_delete_unit,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES | SHELL_HIDDEN,
     .failed = PURPOSE_FAILED},
    {.grammar = "set csr gen <purpose> [size <key_length>] [names <alternative_names>]",
     .help = "Make a new key and its signing request",
     .run = run_csr,
     CHANGING,
     .manual = "Overwrites the signing request there was. names adds other servers, for the purposes whose "
               "certificate may be shared by several."},
    {.grammar = "set key regen authz {encryption | signing} [force]",
     .help = "Make a new key for access tokens",
     .words = SHELL_HELP("encryption", "The key that encrypts tokens")
         SHELL_HELP("signing", "The key that signs tokens"),
     .run = run_regen_key,
     CHANGING,
     .manual =
         "Tokens made with the key before are worth nothing from then on. The new key reaches all nodes."},
    SHELL_WORD("show key", "Keys of access tokens"),
    {.grammar = "show key authz {encryption | signing}",
     .help = "The checksum of a key, to compare nodes",
     .words = SHELL_HELP("encryption", "The key that encrypts tokens")
         SHELL_HELP("signing", "The key that signs tokens"),
     .run = run_show_key,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED},
};
const struct shell_branch purpose_branch = SHELL_BRANCH(commands);
