/* ncs key: import, rollback, show, and the CA certificates. */
#include "base/clock.h"
#include "commands/context.h"
#include "store/certificate.h"
#include "store/own_ca.h"

#include <stdlib.h>
#include <string.h>

#define RESTART_NOTICE "Changes will take affect on the next server restart"
#define PASSPHRASE_MAX 1024 /* bytes */

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static void say_imported(struct shell_output *output, json_t *result)
{
    output_say(output, "Certificate %s is imported, issued by %s", text_of(result, "subject"),
               text_of(result, "issuer"));
    output_say(output, "SHA-256 : %s", text_of(result, "sha256"));
    if (json_is_true(json_object_get(result, "replaced_waiting")))
        output_say(output, "The certificate that waited for the restart is replaced");
    output_say(output, RESTART_NOTICE);
}

static int run_import_signed(struct shell_call *call, struct error *err)
{
    json_t *result = NULL;

    if (context_ask(call, "key.import-signed",
                    json_pack("{s:s, s:s}", "file", shell_arg(call, "file"), "repository",
                              shell_arg(call, "repository")),
                    NULL, NULL, &result, err) != 0)
        return -1;
    say_imported(shell_output(call), result);
    json_decref(result);
    return 0;
}

/* Adds the passphrase to the parameters: from standard input, from a file by its name, or asked. */
static int add_passphrase(struct shell_call *call, json_t *params, struct error *err)
{
    char passphrase[PASSPHRASE_MAX] = "";
    json_t *result = NULL;
    int failed = 0;

    if (shell_arg(call, "password_file") != NULL) {
        json_object_set_new(params, "password_file", json_string(shell_arg(call, "password_file")));
        return 0;
    }
    if (shell_has(call, "password-stdin")) {
        failed = shell_input_line(call, passphrase, sizeof(passphrase), err);
    } else {
        if (context_ask(call, "key.needs-passphrase", json_copy(params), NULL, NULL, &result, err) != 0)
            return -1;
        if (json_is_true(json_object_get(result, "needed")))
            failed =
                shell_ask_secret(call, "Passphrase: ", "password-stdin", passphrase, sizeof(passphrase), err);
        json_decref(result);
    }
    if (failed == 0 && passphrase[0] != '\0' &&
        json_object_set_new(params, "passphrase", json_string(passphrase)) != 0)
        failed = error_set(err, ERROR_INVALID_ARGUMENT, "a passphrase has to be text in UTF-8");
    explicit_bzero(passphrase, sizeof(passphrase));
    return failed;
}

static int run_import_key(struct shell_call *call, struct error *err)
{
    json_t *params = json_pack("{s:s, s:s}", "keyfile", shell_arg(call, "keyfile"), "repository",
                               shell_arg(call, "repository"));
    json_t *result = NULL;

    if (shell_arg(call, "certfile") != NULL)
        json_object_set_new(params, "certfile", json_string(shell_arg(call, "certfile")));
    if (add_passphrase(call, params, err) != 0) {
        json_decref(params);
        return -1;
    }
    if (context_ask(call, "key.import", params, NULL, NULL, &result, err) != 0)
        return -1;
    say_imported(shell_output(call), result);
    json_decref(result);
    return 0;
}

static int run_import_ca(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL, *alias, *added;
    json_int_t known;
    size_t i;

    if (context_ask(call, "key.ca-import",
                    json_pack("{s:s, s:s, s:s}", "alias", shell_arg(call, "new_alias"), "file",
                              shell_arg(call, "file"), "repository", shell_arg(call, "repository")),
                    NULL, NULL, &result, err) != 0)
        return -1;
    added = json_object_get(result, "added");
    known = json_integer_value(json_object_get(result, "known"));
    json_array_foreach(added, i, alias)
        output_say(output, "CA certificate %s is imported", json_string_value(alias));
    if (known > 0)
        output_say(output, "%lld of the file's certificates were there already", (long long)known);
    output_say(output, RESTART_NOTICE);
    json_decref(result);
    return 0;
}

static int run_delete_ca(struct shell_call *call, struct error *err)
{
    if (context_ask(call, "key.ca-delete", json_pack("{s:s}", "alias", shell_arg(call, "alias")), NULL, NULL,
                    NULL, err) != 0)
        return -1;
    output_say(shell_output(call), "CA certificate %s is deleted", shell_arg(call, "alias"));
    output_say(shell_output(call), RESTART_NOTICE);
    return 0;
}

enum { CA_ALIAS, CA_SUBJECT, CA_ISSUER, CA_SERIAL, CA_NOT_BEFORE, CA_NOT_AFTER, CA_KEY, CA_SHA256 };
static const struct shell_column ca_columns[] = {
    [CA_ALIAS] = {.name = "alias"},
    [CA_SUBJECT] = {.name = "subject"},
    [CA_ISSUER] = {.name = "issuer"},
    [CA_SERIAL] = {.name = "serial"},
    [CA_NOT_BEFORE] = {.name = "not_before", .kind = SHELL_TIME},
    [CA_NOT_AFTER] = {.name = "not_after", .kind = SHELL_TIME},
    [CA_KEY] = {.name = "key"},
    [CA_SHA256] = {.name = "sha256"},
};
static const struct shell_listing ca_listing = {.name = "ca_certificates",
                                                .form = SHELL_LINES,
                                                SHELL_COLUMNS(ca_columns),
                                                .line = "Certificate {alias} from {subject}",
                                                .none = "There are no CA certificates.\n"};

static int print_ca(struct shell_output *output, struct store_txn *txn, const struct own_ca *entry,
                    struct error *err)
{
    struct certificate_facts facts;
    char sha256[FINGERPRINT_TEXT_MAX];

    if (certificate_get(txn, entry->sha256, &facts, NULL, NULL, err) != 0)
        return -1;
    fingerprint_format(entry->sha256, sha256);
    output_string(output, CA_ALIAS, entry->alias);
    output_string(output, CA_SUBJECT, facts.subject_reversed);
    output_string(output, CA_ISSUER, facts.issuer_oneline);
    output_string(output, CA_SERIAL, facts.serial);
    output_time(output, CA_NOT_BEFORE, facts.not_before_ms);
    output_time(output, CA_NOT_AFTER, facts.not_after_ms);
    output_string(output, CA_KEY, facts.key);
    output_string(output, CA_SHA256, sha256);
    output_row_end(output);
    return 0;
}

static int run_list_ca(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store_txn *txn = context_read(call, err);
    struct own_ca *list = NULL;
    size_t count = 0;
    int failed;

    if (txn == NULL)
        return -1;
    failed = own_ca_list(txn, &list, &count, err);
    if (failed == 0) {
        output_begin(output, &ca_listing);
        for (size_t i = 0; failed == 0 && i < count && !output_stopped(output); i++)
            failed = print_ca(output, txn, &list[i], err);
        output_end(output);
    }
    free(list);
    store_end(txn);
    return failed;
}

enum {
    KEY_STATE,
    KEY_STAGE,
    KEY_SUBJECT,
    KEY_ISSUER,
    KEY_SERIAL,
    KEY_NAMES,
    KEY_KEY,
    KEY_NOT_BEFORE,
    KEY_NOT_AFTER,
    KEY_SHA256,
    KEY_CHAIN,
    KEY_SINCE,
    KEY_CLIENTS,
    KEY_PROBLEM
};
static const struct shell_column key_columns[] = {
    [KEY_STATE] = {.name = "state"},
    [KEY_STAGE] = {.name = "stage", .heading = "State"},
    [KEY_SUBJECT] = {.name = "subject", .heading = "Subject"},
    [KEY_ISSUER] = {.name = "issuer", .heading = "Issuer"},
    [KEY_SERIAL] = {.name = "serial", .heading = "Serial"},
    [KEY_NAMES] = {.name = "names", .heading = "Names"},
    [KEY_KEY] = {.name = "key", .heading = "Key"},
    [KEY_NOT_BEFORE] = {.name = "not_before", .heading = "Valid from", .kind = SHELL_TIME},
    [KEY_NOT_AFTER] = {.name = "not_after", .heading = "Valid until", .kind = SHELL_TIME},
    [KEY_SHA256] = {.name = "sha256", .heading = "SHA-256"},
    [KEY_CHAIN] = {.name = "chain", .heading = "Issuers beside it", .kind = SHELL_NUMBER},
    [KEY_SINCE] = {.name = "since", .heading = "Since", .kind = SHELL_TIME},
    [KEY_CLIENTS] = {.name = "client_certificates", .heading = "Client certificates"},
    [KEY_PROBLEM] = {.name = "problem", .heading = "Problem"},
};
static const struct shell_listing key_listing = {
    .name = "keys", .form = SHELL_BLOCKS, SHELL_COLUMNS(key_columns), .none = "There is no key yet.\n"};

/* The state as a person reads it. */
static const char *stage_text(const char *state)
{
    static const struct {
        const char *state;
        const char *text;
    } states[] = {
        {"in-service", "in service"},      {"waiting", "waiting for the restart"},
        {"pending", "pending CSR"},        {"previous", "previous, for rollback"},
        {"generating", "being generated"},
    };

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(states[i].state, state) == 0)
            return states[i].text;
    }
    return state;
}

static const char *clients_text(json_t *result)
{
    bool wanted = json_is_true(json_object_get(result, "authenticate_client"));
    bool now = json_is_true(json_object_get(result, "authenticate_client_in_service"));

    if (wanted == now)
        return wanted ? "required" : "not asked for";
    return wanted ? "not asked for, required after the restart" : "required, not asked for after the restart";
}

static void print_key(struct shell_output *output, json_t *row, const char *clients)
{
    static const struct {
        size_t column;
        const char *name;
    } texts[] = {{KEY_SUBJECT, "subject"}, {KEY_ISSUER, "issuer"}, {KEY_SERIAL, "serial"},
                 {KEY_NAMES, "names"},     {KEY_KEY, "key"},       {KEY_SHA256, "sha256"},
                 {KEY_PROBLEM, "problem"}};
    static const struct {
        size_t column;
        const char *name;
    } times[] = {{KEY_NOT_BEFORE, "not_before_ms"}, {KEY_NOT_AFTER, "not_after_ms"}, {KEY_SINCE, "since_ms"}};
    const char *state = text_of(row, "state");

    output_string(output, KEY_STATE, state);
    output_string(output, KEY_STAGE, stage_text(state));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (text_of(row, texts[i].name)[0] != '\0')
            output_string(output, texts[i].column, text_of(row, texts[i].name));
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        output_time(output, times[i].column, json_integer_value(json_object_get(row, times[i].name)));
    if (json_object_get(row, "chain") != NULL)
        output_number(output, KEY_CHAIN, json_integer_value(json_object_get(row, "chain")));
    if (strcmp(state, "in-service") == 0)
        output_string(output, KEY_CLIENTS, clients);
    output_row_end(output);
}

static int run_show(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL, *row;
    size_t i;

    if (context_ask(call, "key.show", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &key_listing);
    json_array_foreach(json_object_get(result, "keys"), i, row) print_key(output, row, clients_text(result));
    output_end(output);
    json_decref(result);
    return 0;
}

static json_t *find_state(json_t *result, const char *state)
{
    json_t *row;
    size_t i;

    json_array_foreach(json_object_get(result, "keys"), i, row)
    {
        if (strcmp(text_of(row, "state"), state) == 0)
            return row;
    }
    return NULL;
}

static int confirm_rollback(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL, *row;
    int answer = 1;

    if (shell_has(call, "force"))
        return 1;
    if (context_ask(call, "key.show", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    if ((row = find_state(result, "waiting")) != NULL)
        output_say(output, "The certificate that waits for the restart will be withdrawn, SHA-256 %s",
                   text_of(row, "sha256"));
    else if ((row = find_state(result, "previous")) != NULL)
        output_say(output,
                   "The previous certificate will be served after the next server restart, SHA-256 %s",
                   text_of(row, "sha256"));
    if (row != NULL)
        answer = shell_confirm(call, "Continue [no] : ", false, "force", err);
    json_decref(result);
    return answer;
}

static int run_rollback(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    int answer = confirm_rollback(call, err);

    if (answer <= 0)
        return answer;
    if (context_ask(call, "key.rollback", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    if (strcmp(text_of(result, "done"), "withdrawn") == 0) {
        output_say(output, "The certificate that waited for the restart is withdrawn");
        output_say(output, "The one in service stays in service");
    } else {
        output_say(output, "The previous key and certificate wait for the restart");
        output_say(output, RESTART_NOTICE);
    }
    json_decref(result);
    return 0;
}

static int run_authenticate_client(struct shell_call *call, struct error *err)
{
    if (context_ask(call, "key.authenticate-client", json_pack("{s:b}", "enable", shell_has(call, "enable")),
                    NULL, NULL, NULL, err) != 0)
        return -1;
    output_say(shell_output(call), RESTART_NOTICE);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ncs key", .help = "The node's own key and certificate"},
    {.grammar = "ncs key importsignedcert <file> repository <repository>",
     .help = "Take the certificate that a CA signed for the pending request",
     .run = run_import_signed,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "PEM, DER or PKCS#7, alone or with its chain. It must be for the pending key, in force, no CA's, "
         "cover the node's host name and listen addresses (a host name without a dot may stand in any "
         "domain), "
         "and lead over the certificates in the file and the CA certificates to a root among them. It is "
         "served after the next restart of the services."},
    {.grammar = "ncs key importkey <keyfile:file> {<certfile:file> repository <repository> | repository "
                "<repository>} "
                "[{password-file <password_file:file> | password-stdin}]",
     .help = "Take a key and certificate that were made elsewhere",
     .run = run_import_key,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "Either a PEM key and a file with its certificate, or one PKCS#12. A passphrase is asked for "
         "without "
         "echo; password-file names a file in the same repository whose first line it is, password-stdin "
         "takes the next line of standard input. The certificate is checked as by importsignedcert."},
    {.grammar = "ncs key importcacert alias <new_alias> <file> repository <repository>",
     .help = "Add CA certificates for the chain of the own certificate",
     .run = run_import_ca,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "PEM, DER or PKCS#7. The certificates of a bundle get the aliases <alias>-1, <alias>-2, ... The "
         "issuers of the own certificate among them are served with it after the next restart."},
    {.grammar = "ncs key listcacerts",
     .help = "List the CA certificates for the own chain",
     .run = run_list_ca,
     .needs = NEED_STORE},
    {.grammar = "ncs key deletecacert <alias>",
     .help = "Delete a CA certificate",
     .run = run_delete_ca,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = "ncs key show",
     .help = "The certificate in service, the one waiting for the restart, the pending CSR",
     .run = run_show,
     .needs = NEED_DAEMON,
     .manual =
         "A pending CSR whose file is lost is shown again by show csr own tomcat: both commands are about "
         "the same key."},
    {.grammar = "ncs key rollback [force]",
     .help = "Withdraw what waits for the restart, or bring the previous key back",
     .run = run_rollback,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "Where a certificate waits for the restart, it is withdrawn; a signing request that it came from is "
         "pending again. Otherwise the key and certificate that were in service before (they are kept "
         "sealed) "
         "wait for the restart; what they replace is kept in turn. It asks, unless force is given."},
    {.grammar = "ncs key authenticate-client {enable | disable}",
     .help = "Whether the own server requires a certificate of its callers",
     .run = run_authenticate_client,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "Enabled, a caller must show a certificate that chains to one of the CA certificates of "
         "ncs key listcacerts and allows TLS clients, or the very certificate that is pinned for the "
         "caller's address and this node's port, as the peer of a pair does. It takes effect at the next "
         "restart of the services."},
    {.grammar = "ncs key authenticate-client enable", .help = "Callers must show a certificate"},
    {.grammar = "ncs key authenticate-client disable", .help = "Callers need no certificate"},
};
const struct shell_branch key_branch = SHELL_BRANCH(commands);
