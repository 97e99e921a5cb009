/* show cert, show csr. */
#include "base/clock.h"
#include "base/text.h"
#include "commands/purpose.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CERTIFICATE_TIME_MAX 40

enum {
    CERT_NAME,
    CERT_DESCRIPTION,
    CERT_STATE,
    CERT_SERIAL,
    CERT_SIGNATURE,
    CERT_ISSUER,
    CERT_FROM,
    CERT_TO,
    CERT_SUBJECT,
    CERT_KEY,
    CERT_KEY_USAGE,
    CERT_EXTENDED,
    CERT_CONSTRAINTS,
    CERT_NAMES,
    CERT_SHA256,
    CERT_USED_BY,
    CERT_RESTART,
    CERT_PEM
};
static const struct shell_column certificate_columns[] = {
    [CERT_NAME] = {.name = "name"},
    [CERT_DESCRIPTION] = {.name = "description"},
    [CERT_STATE] = {.name = "state"},
    [CERT_SERIAL] = {.name = "serial"},
    [CERT_SIGNATURE] = {.name = "signature"},
    [CERT_ISSUER] = {.name = "issuer"},
    [CERT_FROM] = {.name = "valid_from"},
    [CERT_TO] = {.name = "valid_to"},
    [CERT_SUBJECT] = {.name = "subject"},
    [CERT_KEY] = {.name = "key"},
    [CERT_KEY_USAGE] = {.name = "key_usage"},
    [CERT_EXTENDED] = {.name = "extended_key_usage"},
    [CERT_CONSTRAINTS] = {.name = "basic_constraints"},
    [CERT_NAMES] = {.name = "names"},
    [CERT_SHA256] = {.name = "sha256"},
    [CERT_USED_BY] = {.name = "used_by"},
    [CERT_RESTART] = {.name = "restart"},
    [CERT_PEM] = {.name = "pem"},
};
static const struct shell_listing list_listing = {.name = "certificates",
                                                  .form = SHELL_LINES,
                                                  SHELL_COLUMNS(certificate_columns),
                                                  .line = "{name}: {description}"};
/* What is said of every certificate, whoever's it is. */
#define CERTIFICATE_LINES                          \
    "[\n"                                          \
    "  Version: V3\n"                              \
    "  Serial Number: {serial}\n"                  \
    "  SignatureAlgorithm: {signature}\n"          \
    "  Issuer Name: {issuer}\n"                    \
    "  Validity From: {valid_from}\n"              \
    "           To:   {valid_to}\n"                \
    "  Subject Name: {subject}\n"                  \
    "  Key: {key}\n"                               \
    "  Basic Constraints: {basic_constraints}\n"   \
    "  Key Usage: {key_usage}\n"                   \
    "  Extended Key Usage: {extended_key_usage}\n" \
    "  Subject Alternative Names: {names}\n"       \
    "  SHA-256: {sha256}\n"                        \
    "  File: {name}\n"

static const struct shell_listing certificate_listing = {
    .name = "certificates",
    .form = SHELL_LINES,
    SHELL_COLUMNS(certificate_columns),
    .line = CERTIFICATE_LINES "  State: {state}\n"
                              "  Used by: {used_by}\n"
                              "  Restart needed: {restart}\n"
                              "]\n"
                              "{pem}",
};
static const struct shell_listing trust_listing = {
    .name = "certificates",
    .form = SHELL_LINES,
    SHELL_COLUMNS(certificate_columns),
    .line = CERTIFICATE_LINES "]\n"
                              "{pem}",
};

/* "Thu Jan 30 00:53:07 UTC 2030": programs split it into six words. */
static void print_time(struct shell_output *output, size_t column, json_t *row, const char *name)
{
    time_t when = (time_t)(json_integer_value(json_object_get(row, name)) / 1000);
    char text[CERTIFICATE_TIME_MAX];
    struct tm utc;

    gmtime_r(&when, &utc);
    strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", &utc);
    output_string(output, column, text);
}

static void print_list(struct shell_output *output, size_t column, json_t *list, const char *none)
{
    struct text text = {0};
    json_t *word;
    size_t i;

    json_array_foreach(list, i, word) text_format(&text, "%s%s", i > 0 ? ", " : "", json_string_value(word));
    output_string(output, column, text.length > 0 ? text.data : none);
    text_free(&text);
}

static void print_pem(struct shell_output *output, size_t column, json_t *row)
{
    const char *pem = purpose_text(row, "pem");
    size_t length = strlen(pem);

    output_text(output, column, pem, length > 0 && pem[length - 1] == '\n' ? length - 1 : length);
}

static void print_certificate(struct shell_output *output, json_t *row)
{
    output_string(output, CERT_NAME, purpose_text(row, "name"));
    output_string(output, CERT_DESCRIPTION, purpose_text(row, "description"));
    output_string(output, CERT_STATE, purpose_text(row, "state"));
    output_string(output, CERT_SERIAL, purpose_text(row, "serial"));
    output_string(output, CERT_SIGNATURE, purpose_text(row, "signature"));
    output_string(output, CERT_ISSUER, purpose_text(row, "issuer"));
    print_time(output, CERT_FROM, row, "not_before_ms");
    print_time(output, CERT_TO, row, "not_after_ms");
    output_string(output, CERT_SUBJECT, purpose_text(row, "subject"));
    output_string(output, CERT_KEY, purpose_text(row, "key"));
    output_string(output, CERT_KEY_USAGE, purpose_text(row, "key_usage"));
    output_string(output, CERT_EXTENDED, purpose_text(row, "extended"));
    output_string(output, CERT_CONSTRAINTS, purpose_text(row, "constraints"));
    output_string(output, CERT_NAMES, purpose_text(row, "names"));
    output_string(output, CERT_SHA256, purpose_text(row, "sha256"));
    print_list(output, CERT_USED_BY, json_object_get(row, "used_by"), "none");
    print_list(output, CERT_RESTART, json_object_get(row, "restart"), "none");
    print_pem(output, CERT_PEM, row);
    output_row_end(output);
}

#define BAR_AFTER_MS                                                                       \
    1000 /* keys are made when they are first asked for: only then does a list take longer \
          */

struct waiting {
    struct shell_call *call;
    int64_t since_ms; /* monotonic */
};

static void show_progress(void *arg, json_t *progress)
{
    const struct waiting *waiting = arg;

    if (context_of(waiting->call)->terminal != NULL &&
        clock_monotonic_ms() - waiting->since_ms > BAR_AFTER_MS)
        shell_progress(waiting->call, "Generating keys",
                       (int)json_integer_value(json_object_get(progress, "percent")));
}

static int show_certificates(struct shell_call *call, const char *method, json_t *params,
                             const struct shell_listing *listing, struct error *err)
{
    struct waiting waiting = {call, clock_monotonic_ms()};
    json_t *result = NULL;
    json_t *row;
    size_t i;

    if (context_ask(call, method, params, show_progress, &waiting, &result, err) != 0)
        return -1;
    output_begin(shell_output(call), listing);
    json_array_foreach(json_object_get(result, "certificates"), i, row)
        print_certificate(shell_output(call), row);
    output_end(shell_output(call));
    json_decref(result);
    return 0;
}

static int run_list(struct shell_call *call, struct error *err)
{
    return show_certificates(call, shell_has(call, "own") ? "purpose.list" : "truststore.list", NULL,
                             &list_listing, err);
}

static int run_own(struct shell_call *call, struct error *err)
{
    return show_certificates(call, "purpose.show", json_pack("{s:s}", "purpose", shell_arg(call, "purpose")),
                             &certificate_listing, err);
}

static int run_trust(struct shell_call *call, struct error *err)
{
    return show_certificates(call, "truststore.list",
                             json_pack("{s:s}", "name", shell_arg(call, "trust_certificate")), &trust_listing,
                             err);
}

enum { CSR_NAME, CSR_MADE, CSR_SUBJECT, CSR_NAMES, CSR_KEY, CSR_PEM };
static const struct shell_column request_columns[] = {
    [CSR_NAME] = {.name = "name"},       [CSR_MADE] = {.name = "made", .kind = SHELL_TIME},
    [CSR_SUBJECT] = {.name = "subject"}, [CSR_NAMES] = {.name = "names"},
    [CSR_KEY] = {.name = "key"},         [CSR_PEM] = {.name = "pem"},
};
static const struct shell_listing requests_listing = {.name = "requests",
                                                      .form = SHELL_LINES,
                                                      SHELL_COLUMNS(request_columns),
                                                      .line = "{name}",
                                                      .none = "There are no signing requests.\n"};
static const struct shell_listing request_listing = {
    .name = "requests", .form = SHELL_LINES, SHELL_COLUMNS(request_columns), .line = "{pem}"};

static int show_requests(struct shell_call *call, const char *method, json_t *params,
                         const struct shell_listing *listing, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *row;
    size_t i;

    if (context_ask(call, method, params, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, listing);
    json_array_foreach(json_object_get(result, "requests"), i, row)
    {
        output_string(output, CSR_NAME, purpose_text(row, "name"));
        output_time(output, CSR_MADE, json_integer_value(json_object_get(row, "made_ms")));
        output_string(output, CSR_SUBJECT, purpose_text(row, "subject"));
        output_string(output, CSR_NAMES, purpose_text(row, "names"));
        output_string(output, CSR_KEY, purpose_text(row, "key"));
        print_pem(output, CSR_PEM, row);
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

static int run_csr_list(struct shell_call *call, struct error *err)
{
    if (shell_has(call, "trust")) { /* requests are only made for own certificates */
        output_begin(shell_output(call), &requests_listing);
        output_end(shell_output(call));
        return 0;
    }
    return show_requests(call, "csr.list", NULL, &requests_listing, err);
}

static int run_csr(struct shell_call *call, struct error *err)
{
    return show_requests(call, "csr.show", json_pack("{s:s}", "purpose", shell_arg(call, "purpose")),
                         &request_listing, err);
}

static const struct shell_command commands[] = {
    SHELL_WORD("show cert", "Certificates by purpose"),
    SHELL_WORD("show csr", "Signing requests by purpose"),
    {.grammar = "show cert list {own | trust}",
     .help = "The node's own certificates, or those of the trust stores",
     .words =
         SHELL_HELP("own", "The node's own certificates") SHELL_HELP("trust", "Those of the trust stores"),
     .run = run_list,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED},
    {.grammar = "show cert own <purpose>",
     .help = "One of the node's own certificates",
     .run = run_own,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED,
     .manual = "The one in service, and behind it the one that waits for the restart of its service, if "
               "there is one. "
               "It tells which services use it, and which have to be restarted to do so."},
    {.grammar = "show cert trust <trust_certificate>",
     .help = "A certificate of a trust store",
     .run = run_trust,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED},
    {.grammar = "show csr list [{own | trust}]",
     .help = "The signing requests that wait for their certificates",
     .words = SHELL_HELP("own", "Requests for own certificates")
         SHELL_HELP("trust", "Requests for certificates of the trust stores"),
     .run = run_csr_list,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED},
    {.grammar = "show csr own <purpose>",
     .help = "A signing request as PEM, for the CA",
     .run = run_csr,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED},
};
const struct shell_branch purpose_show_branch = SHELL_BRANCH(commands);
