/* ncs certvalidation tofu-certs: the commands that ask primed. */
#include "commands/overwrite.h"

#include <string.h>

static json_t *host_params(struct shell_call *call)
{
    return json_pack("{s:s}", "host", shell_arg(call, "host_port"));
}

/* A host that has no pin was often mistyped: the list shows what there is. */
static int change_pin(struct shell_call *call, const char *method, json_t *params, struct error *err)
{
    struct error cause = {0};

    if (context_ask(call, method, params, NULL, NULL, NULL, &cause) == 0)
        return 0;
    if (cause.code == ERROR_NOT_FOUND && cause.hint[0] == '\0')
        error_hint(&cause, "see the pins with: ncs certvalidation tofu-certs listcerts");
    *err = cause;
    return -1;
}

static int run_delete(struct shell_call *call, struct error *err)
{
    return change_pin(call, "pin.delete", host_params(call), err);
}

static int run_accept(struct shell_call *call, struct error *err)
{
    json_t *params = host_params(call);

    json_object_set_new(params, "fingerprint", json_string(shell_arg(call, "sha256")));
    return change_pin(call, "pin.accept", params, err);
}

static void set_if_given(struct shell_call *call, json_t *params, const char *name, const char *argument)
{
    if (shell_arg(call, argument) != NULL)
        json_object_set_new(params, name, json_string(shell_arg(call, argument)));
}

static int run_add(struct shell_call *call, struct error *err)
{
    json_t *params = host_params(call);

    set_if_given(call, params, "fingerprint", "sha256");
    set_if_given(call, params, "certfile", "file");
    set_if_given(call, params, "repository", "repository");
    return context_ask(call, "pin.add", params, NULL, NULL, NULL, err);
}

enum { VERIFY_HOST, VERIFY_VERDICT, VERIFY_DETAIL, VERIFY_SHA256 };
static const struct shell_column verify_columns[] = {
    [VERIFY_HOST] = {.name = "host", .heading = "Host"},
    [VERIFY_VERDICT] = {.name = "verdict", .heading = "Verdict"},
    [VERIFY_DETAIL] = {.name = "detail", .heading = "Detail"},
    [VERIFY_SHA256] = {.name = "sha256"},
};
static const struct shell_listing verify_listing = {
    .name = "verified",
    .form = SHELL_TABLE,
    SHELL_COLUMNS(verify_columns),
    .none = "No server is pinned.\n",
};

#define VERIFY_BAR_FROM 20 /* servers, from which on a progress bar is worth its line */

struct verifying {
    struct shell_call *call;
    json_t *rows;
};

static void keep_row(void *arg, json_t *progress)
{
    struct verifying *verifying = arg;

    json_array_append(verifying->rows, json_object_get(progress, "row"));
    if (json_integer_value(json_object_get(progress, "total")) >= VERIFY_BAR_FROM)
        shell_progress(verifying->call, "Verifying",
                       (int)json_integer_value(json_object_get(progress, "percent")));
}

static void print_field(struct shell_output *output, size_t column, json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    if (text != NULL && text[0] != '\0')
        output_string(output, column, text);
}

static void print_verified(struct shell_output *output, json_t *rows)
{
    json_t *row;
    size_t i;

    output_begin(output, &verify_listing);
    json_array_foreach(rows, i, row)
    {
        print_field(output, VERIFY_HOST, row, "host");
        print_field(output, VERIFY_VERDICT, row, "verdict");
        print_field(output, VERIFY_DETAIL, row, "detail");
        print_field(output, VERIFY_SHA256, row, "sha256");
        output_row_end(output);
    }
    output_end(output);
}

/* A check that finds a mismatch fails, so that a script need not read the table. */
static int judge_verified(json_t *result, struct error *err)
{
    json_int_t mismatches = json_integer_value(json_object_get(result, "mismatches"));
    json_int_t refused = json_integer_value(json_object_get(result, "refused"));
    json_int_t checked = json_integer_value(json_object_get(result, "checked"));

    if (mismatches == 0 && refused == 0)
        return 0;
    if (mismatches == 0)
        return error_set(err, ERROR_UNTRUSTED,
                         "%lld of %lld server%s show%s a certificate that is not trusted", (long long)refused,
                         (long long)checked, checked == 1 ? "" : "s", refused == 1 ? "s" : "");
    error_set(err, ERROR_PIN_MISMATCH, "%lld of %lld server%s show%s another certificate than the pinned one",
              (long long)mismatches, (long long)checked, checked == 1 ? "" : "s", mismatches == 1 ? "s" : "");
    return error_hint(err,
                      "compare old and new with: ncs certvalidation tofu-certs showcert host <host_port>");
}

static int run_verify(struct shell_call *call, struct error *err)
{
    struct verifying verifying = {.call = call, .rows = json_array()};
    json_t *params = shell_has(call, "all") ? NULL : host_params(call);
    json_t *result = NULL;
    int failed = context_ask(call, "pin.verify", params, keep_row, &verifying, &result, err);

    if (failed == 0) {
        print_verified(shell_output(call), verifying.rows);
        failed = judge_verified(result, err);
    }
    json_decref(result);
    json_decref(verifying.rows);
    return failed;
}

static int run_export(struct shell_call *call, struct error *err)
{
    json_t *params = json_pack("{s:s, s:s, s:b}", "file", shell_arg(call, "new_file"), "repository",
                               shell_arg(call, "repository"), "overwrite", shell_has(call, "overwrite"));
    json_t *result = NULL;
    int failed = context_ask(call, "pin.export", json_incref(params), NULL, NULL, &result, err);

    if (failed != 0 && overwrite_ask(call, params, err) == 0)
        failed = context_ask(call, "pin.export", json_incref(params), NULL, NULL, &result, err);
    json_decref(params);
    if (failed != 0)
        return -1;
    output_say(shell_output(call), "%lld certificates exported to %s in repository %s",
               (long long)json_integer_value(json_object_get(result, "pins")), shell_arg(call, "new_file"),
               shell_arg(call, "repository"));
    json_decref(result);
    return 0;
}

enum { IMPORT_LINE, IMPORT_HOST, IMPORT_RESULT, IMPORT_DETAIL };
static const struct shell_column import_columns[] = {
    [IMPORT_LINE] = {.name = "line", .heading = "Line", .kind = SHELL_NUMBER},
    [IMPORT_HOST] = {.name = "host", .heading = "Host"},
    [IMPORT_RESULT] = {.name = "result", .heading = "Result"},
    [IMPORT_DETAIL] = {.name = "detail", .heading = "Detail"},
};
static const struct shell_listing import_listing = {.name = "imported",
                                                    .form = SHELL_TABLE,
                                                    SHELL_COLUMNS(import_columns),
                                                    .none = "The file holds no certificates.\n"};

static void print_imported(void *arg, json_t *progress)
{
    struct shell_output *output = arg;
    json_t *row = json_object_get(progress, "row");

    output_number(output, IMPORT_LINE, json_integer_value(json_object_get(row, "line")));
    print_field(output, IMPORT_HOST, row, "host");
    print_field(output, IMPORT_RESULT, row, "result");
    print_field(output, IMPORT_DETAIL, row, "detail");
    output_row_end(output);
}

static int run_import(struct shell_call *call, struct error *err)
{
    json_t *params = json_pack("{s:s, s:s, s:b}", "file", shell_arg(call, "file"), "repository",
                               shell_arg(call, "repository"), "overwrite", shell_has(call, "overwrite"));
    json_t *result = NULL;
    json_int_t refused;
    int failed;

    output_begin(shell_output(call), &import_listing);
    failed = context_ask(call, "pin.import", params, print_imported, shell_output(call), &result, err);
    output_end(shell_output(call));
    refused = json_integer_value(json_object_get(result, "refused"));
    json_decref(result);
    if (failed == 0 && refused > 0)
        failed = error_set(err, ERROR_INVALID_ARGUMENT, "%lld %s refused: the detail of each says why",
                           (long long)refused, refused == 1 ? "line was" : "lines were");
    return failed;
}

#define TOFU "ncs certvalidation tofu-certs "

static const struct shell_command commands[] = {
    {.grammar = "ncs", .help = "Commands of the appliance"},
    {.grammar = "ncs certvalidation", .help = "Validation of the certificates of other servers"},
    {.grammar = "ncs certvalidation tofu-certs", .help = "Certificates trusted on first use"},
    {.grammar = TOFU "deletecert host <host_port>",
     .help = "Forget the pinned certificate of a server",
     .words = SHELL_HELP("host", "Whose pin to forget"),
     .run = run_delete,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "The next connection to the server counts as the first one and pins what it shows. Silent on "
               "success."},
    {.grammar = TOFU "deletecercert host <host_port>",
     .help = "Forget the pinned certificate of a server",
     .words = SHELL_HELP("host", "Whose pin to forget"),
     .run = run_delete,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES | SHELL_HIDDEN},
    {.grammar = TOFU "acceptcert host <host_port> fingerprint <sha256>",
     .help = "Replace the pin by the certificate that was refused",
     .words = SHELL_HELP("host", "Whose refused certificate to accept"),
     .run = run_accept,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "Only if the refused certificate has the fingerprint typed here: ask the server's owner for "
               "it, do not copy "
               "it from the refusal."},
    {.grammar = TOFU
     "addcert host <host_port:server> [fingerprint <sha256>] [certfile <file> repository <repository>]",
     .help = "Pin a server's certificate now",
     .words = SHELL_HELP("host", "Whose certificate to pin"),
     .run = run_add,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "Makes the first contact at once. With a fingerprint only a certificate that has it is "
               "pinned; with a file "
               "the pin is loaded without any connection. An existing pin is never replaced."},
    {.grammar = TOFU "verify {host <host_port> | all}",
     .help = "Connect now and compare with the pin, changing nothing",
     .words = SHELL_HELP("all", "All pinned servers"),
     .run = run_verify,
     .needs = NEED_DAEMON,
     .manual = "One row a server: match, MISMATCH, no pin, unreachable, expired, or expires in so many days. "
               "It fails when "
               "there is a mismatch."},
    {.grammar = TOFU "exportcerts <new_file> repository <repository> [overwrite]",
     .help = "Write all pins to a file",
     .run = run_export,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "One JSON object a line: host, zone, first_seen_ms, and the certificate as PEM. A file that "
               "is there "
               "is replaced only after asking, or with overwrite."},
    {.grammar = TOFU "importcerts <file> repository <repository> [overwrite]",
     .help = "Load pins from a file",
     .words = SHELL_HELP("overwrite", "Replace existing pins"),
     .run = run_import,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual = "Reports every line. A server that has another pin keeps it, unless overwrite is given."},
};
const struct shell_branch pin_branch = SHELL_BRANCH(commands);
