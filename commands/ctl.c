/* show ctl, utils ctl, utils service. */
#include "base/purpose.h"
#include "commands/purpose.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CTL_TEXT_RECORD, CTL_TEXT_BYTEPOS, CTL_TEXT_TAG, CTL_TEXT_LENGTH, CTL_TEXT_VALUE };
static const struct shell_column field_columns[] = {
    [CTL_TEXT_RECORD] = {.name = "record", .kind = SHELL_NUMBER},
    [CTL_TEXT_BYTEPOS] = {.name = "bytepos", .kind = SHELL_NUMBER},
    [CTL_TEXT_TAG] = {.name = "tag"},
    [CTL_TEXT_LENGTH] = {.name = "length", .kind = SHELL_NUMBER},
    [CTL_TEXT_VALUE] = {.name = "value"},
};
static const struct shell_listing field_listing = {
    .name = "ctl", .form = SHELL_LINES, SHELL_COLUMNS(field_columns)};

/* The whole file as one list of fields; record 0 is the header. */
static void print_json(struct shell_output *output, json_t *result)
{
    json_t *records = json_object_get(result, "records");
    size_t count = json_array_size(records);

    output_begin(output, &field_listing);
    for (size_t record = 0; record <= count; record++) {
        json_t *fields = record == 0 ? json_object_get(result, "header")
                                     : json_object_get(json_array_get(records, record - 1), "fields");
        json_t *field;
        size_t i;

        json_array_foreach(fields, i, field)
        {
            output_number(output, CTL_TEXT_RECORD, (int64_t)record);
            output_number(output, CTL_TEXT_BYTEPOS, json_integer_value(json_object_get(field, "bytepos")));
            output_string(output, CTL_TEXT_TAG, purpose_text(field, "tag"));
            output_number(output, CTL_TEXT_LENGTH, json_integer_value(json_object_get(field, "length")));
            output_string(output, CTL_TEXT_VALUE, purpose_text(field, "value"));
            output_row_end(output);
        }
    }
    output_end(output);
}

static void say_fields(struct shell_output *output, json_t *fields)
{
    json_t *field;
    size_t i;

    output_say(output, "BYTEPOS TAG             LENGTH  VALUE");
    output_say(output, "------- ---             ------  -----");
    json_array_foreach(fields, i, field)
    {
        const char *value = purpose_text(field, "value");

        output_say(output, "%-7lld %-15s %-7lld%s%s",
                   (long long)json_integer_value(json_object_get(field, "bytepos")),
                   purpose_text(field, "tag"),
                   (long long)json_integer_value(json_object_get(field, "length")),
                   value[0] != '\0' ? " " : "", value);
    }
}

static void say_modified(struct shell_output *output, json_t *result)
{
    time_t when = (time_t)(json_integer_value(json_object_get(result, "signed_ms")) / 1000);
    char text[64];
    struct tm utc;

    gmtime_r(&when, &utc);
    strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", &utc);
    output_say(output, "The CTL File was last modified on %s", text);
}

static void say_ctl(struct shell_output *output, json_t *result)
{
    json_t *record, *name;
    size_t i;

    output_say(output, "The checksum value of the CTL file:");
    output_say(output, "%s(MD5)", purpose_text(result, "md5"));
    output_say(output, "%s(SHA1)", purpose_text(result, "sha1"));
    output_say(output, "%s", "");
    output_say(output, "Length of CTL file: %lld",
               (long long)json_integer_value(json_object_get(result, "length")));
    say_modified(output, result);
    output_say(output, "%s", "");
    output_say(output, "Parse CTL File");
    output_say(output, "----------------");
    output_say(output, "%s", "");
    output_say(output, "Version:        1.2");
    output_say(output, "HeaderLength:   %lld (BYTES)",
               (long long)json_integer_value(json_object_get(result, "header_length")));
    output_say(output, "%s", "");
    say_fields(output, json_object_get(result, "header"));
    json_array_foreach(json_object_get(result, "records"), i, record)
    {
        output_say(output, "%s", "");
        output_say(output, "        CTL Record #:%zu", i + 1);
        output_say(output, "                      ----");
        say_fields(output, json_object_get(record, "fields"));
        if (purpose_text(record, "note")[0] != '\0')
            output_say(output, "%s", purpose_text(record, "note"));
    }
    output_say(output, "%s", "");
    output_say(output, "The CTL file was verified successfully.");
    json_array_foreach(json_object_get(result, "outdated"), i, name) output_say(
        output,
        "The certificate of %s in service is not in the CTL file: update it with utils ctl update CTLFile",
        json_string_value(name));
}

static int run_show(struct shell_call *call, struct error *err)
{
    json_t *result = NULL;

    if (context_ask(call, "ctl.show", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    if (output_is_json(shell_output(call)))
        print_json(shell_output(call), result);
    else
        say_ctl(shell_output(call), result);
    json_decref(result);
    return 0;
}

#define RESTART_THESE                                                                                    \
    "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these " \
    "services"

static int change(struct shell_call *call, const char *question, const char *doing, const char *method,
                  const char *done, struct error *err)
{
    int answer = purpose_confirm(call, question, err);

    if (answer <= 0)
        return answer;
    output_say(shell_output(call), "%s", doing);
    if (context_ask(call, method, NULL, NULL, NULL, NULL, err) != 0)
        return -1;
    output_say(shell_output(call), "%s", done);
    output_say(shell_output(call), "%s", RESTART_THESE);
    return 0;
}

static int run_set_cluster(struct shell_call *call, struct error *err)
{
    if (shell_has(call, "mixed-mode"))
        return change(call, "This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):",
                      "Moving Cluster to Mixed Mode", "ctl.mixed", "Cluster set to Mixed Mode", err);
    return change(call, "This operation sets the cluster to Non secure mode. Do you want to continue? (y/n):",
                  "Moving Cluster to Non Secure Mode", "ctl.non-secure", "Cluster set to Non Secure Mode",
                  err);
}

static int run_update(struct shell_call *call, struct error *err)
{
    return change(call,
                  "This operation updates the CTLFile. Do you want to continue? (y/n):", "Updating CTL file",
                  "ctl.update", "CTL file Updated", err);
}

static int run_reset(struct shell_call *call, struct error *err)
{
    return change(
        call, "This operation signs the CTLFile with the CallManager key. Do you want to continue? (y/n):",
        "Updating CTL file", "ctl.reset", "CTL file Updated", err);
}

/* --- services */

enum { SERVICE_NAME, SERVICE_STATE, SERVICE_SINCE, SERVICE_PURPOSES, SERVICE_NOTE };
static const struct shell_column service_columns[] = {
    [SERVICE_NAME] = {.name = "service"},
    [SERVICE_STATE] = {.name = "state"},
    [SERVICE_SINCE] = {.name = "since", .kind = SHELL_TIME},
    [SERVICE_PURPOSES] = {.name = "certificates"},
    [SERVICE_NOTE] = {.name = "note"},
};
static const struct shell_listing service_listing = {.name = "services",
                                                     .form = SHELL_LINES,
                                                     SHELL_COLUMNS(service_columns),
                                                     .line = "{service}[{state}]{note}"};

static void print_service(struct shell_output *output, json_t *row)
{
    bool runs = strcmp(purpose_text(row, "state"), "STARTED") == 0;
    char used_by[200] = "";
    json_t *purpose;
    size_t i;

    json_array_foreach(json_object_get(row, "purposes"), i, purpose)
    {
        size_t used = strlen(used_by);

        snprintf(used_by + used, sizeof(used_by) - used, "%s%s", i > 0 ? ", " : "",
                 json_string_value(purpose));
    }
    output_string(output, SERVICE_NAME, purpose_text(row, "service"));
    output_string(output, SERVICE_STATE, purpose_text(row, "state"));
    output_time(output, SERVICE_SINCE, json_integer_value(json_object_get(row, "since_ms")));
    output_string(output, SERVICE_PURPOSES, used_by);
    output_string(output, SERVICE_NOTE, runs ? "" : "  Commanded Out of Service");
    output_row_end(output);
}

static int run_list(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *row;
    size_t i;

    output_say(output, "Requesting service status, please wait...");
    output_flush(output);
    if (context_ask(call, "service.list", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_say(output, "Service Manager is running");
    output_say(output, "Getting list of all services");
    output_say(output, ">> Return code = 0");
    output_begin(output, &service_listing);
    json_array_foreach(json_object_get(result, "services"), i, row) print_service(output, row);
    output_end(output);
    json_decref(result);
    return 0;
}

struct restarting {
    struct shell_output *output;
    const char *service;
};

static void say_state(void *arg, json_t *progress)
{
    const struct restarting *restarting = arg;

    output_say(restarting->output, "%s[%s]", restarting->service, purpose_text(progress, "state"));
    output_flush(restarting->output);
}

static int run_restart(struct shell_call *call, struct error *err)
{
    const struct purpose_service *service = purpose_service_find(shell_arg(call, "service"), err);
    struct restarting restarting = {shell_output(call), service == NULL ? "" : service->name};

    if (service == NULL)
        return -1;
    output_say(restarting.output,
               "Do not press Ctrl+C while the service is restarting. If the service has not restarted "
               "properly, execute the same command again.");
    output_say(restarting.output, "Service Manager is running");
    output_flush(restarting.output);
    return context_ask(call, "service.restart", json_pack("{s:s}", "service", restarting.service), say_state,
                       &restarting, NULL, err);
}

#define CHANGING \
    .role = SHELL_ROLE_ADMIN, .needs = NEED_DAEMON, .flags = SHELL_CHANGES, .failed = PURPOSE_FAILED

static const struct shell_command commands[] = {
    {.grammar = "show ctl",
     .help = "The certificate trust list, verified",
     .run = run_show,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED,
     .manual = "Reads the file field by field and checks its signature; a file that was altered is refused."},
    SHELL_WORD("utils", "Tools for certificates and services"),
    SHELL_WORD("utils ctl", "The certificate trust list"),
    SHELL_WORD("utils ctl update", "Make the certificate trust list anew"),
    SHELL_WORD("utils ctl reset", "Sign the certificate trust list with another key"),
    SHELL_WORD("utils service", "The services that use certificates"),
    {.grammar = "utils ctl set-cluster {mixed-mode | non-secure-mode} [force]",
     .help = "With or without a certificate trust list",
     .words = SHELL_HELP("mixed-mode", "Make the certificate trust list")
         SHELL_HELP("non-secure-mode", "Take the certificate trust list away"),
     .run = run_set_cluster,
     CHANGING,
     .manual =
         "Mixed mode makes the list, signed with the ITLRecovery key; non-secure mode takes it away. It is "
         "fetched as https://<node>:<port>/CTLFile.tlv from the restart of Cisco TFTP on."},
    {.grammar = "utils ctl update CTLFile [force]",
     .help = "From the certificates in service now",
     .run = run_update,
     CHANGING,
     .manual = "To be done after every new certificate of CallManager, CAPF or ITLRecovery, once it is in "
               "service."},
    {.grammar = "utils ctl reset localkey [force]",
     .help = "With the key of CallManager instead of that of ITLRecovery",
     .run = run_reset,
     CHANGING},
    {.grammar = "utils service list",
     .help = "Which services there are, and whether they run",
     .run = run_list,
     .needs = NEED_DAEMON,
     .failed = PURPOSE_FAILED},
    {.grammar = "utils service restart <service>",
     .help = "Restart a service, so that it uses the new certificates",
     .run = run_restart,
     CHANGING,
     .manual =
         "The name is typed with its blanks: utils service restart Cisco Tomcat. Cisco Tomcat is the HTTPS "
         "service of the node."},
};
const struct shell_branch ctl_branch = SHELL_BRANCH(commands);
