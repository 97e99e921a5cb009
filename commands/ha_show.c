/* ncs ha status, history, diverged, check-readiness: what there is to see of the pair. */
#include "commands/ha.h"

#include <stdio.h>
#include <string.h>

const char *ha_text(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

json_int_t ha_number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

void ha_brief(json_t *status, char *out, size_t size)
{
    bool alone = strcmp(ha_text(status, "role"), "Standalone") == 0;

    snprintf(out, size, "[Role] %s [State] %s", alone ? "Primary" : ha_text(status, "role"),
             ha_text(status, "state"));
}

/* ---- status ---- */

enum {
    STATUS_ROLE,
    STATUS_STATE,
    STATUS_FAILOVER,
    STATUS_PEER,
    STATUS_PEER_STATE,
    STATUS_SINCE,
    STATUS_REASON,
    STATUS_EPOCH,
    STATUS_REVISION,
    STATUS_LAG,
    STATUS_UNREPLICATED,
    STATUS_FOLLOWING,
    STATUS_HEARD,
    STATUS_PROBLEM,
    STATUS_HINT,
    STATUS_IPV4,
    STATUS_IPV6,
    STATUS_ADDRESS_AT,
    STATUS_EMAIL,
    STATUS_PRE_HA,
    STATUS_REPLICATION,
    STATUS_POST_HA,
    STATUS_ERROR,
    STATUS_ERROR_HINT
};
static const struct shell_column status_columns[] = {
    [STATUS_ROLE] = {.name = "role"},
    [STATUS_STATE] = {.name = "state"},
    [STATUS_FAILOVER] = {.name = "failover_type"},
    [STATUS_PEER] = {.name = "peer"},
    [STATUS_PEER_STATE] = {.name = "peer_state", .heading = "State of the other server"},
    [STATUS_SINCE] = {.name = "since", .heading = "Since", .kind = SHELL_TIME},
    [STATUS_REASON] = {.name = "reason", .heading = "Because"},
    [STATUS_EPOCH] = {.name = "epoch", .heading = "Epoch", .kind = SHELL_NUMBER},
    [STATUS_REVISION] = {.name = "revision", .heading = "Revision", .kind = SHELL_NUMBER},
    [STATUS_LAG] = {.name = "lag", .heading = "Lag", .kind = SHELL_NUMBER},
    [STATUS_UNREPLICATED] = {.name = "unreplicated", .heading = "Unreplicated changes", .kind = SHELL_NUMBER},
    [STATUS_FOLLOWING] = {.name = "replicating", .heading = "Replicating", .kind = SHELL_BOOL},
    [STATUS_HEARD] = {.name = "last_heartbeat", .heading = "Last heartbeat", .kind = SHELL_TIME},
    [STATUS_PROBLEM] = {.name = "problem", .heading = "Problem"},
    [STATUS_HINT] = {.name = "hint", .heading = "What to do"},
    [STATUS_IPV4] = {.name = "virtual_ipv4", .heading = "Virtual address"},
    [STATUS_IPV6] = {.name = "virtual_ipv6", .heading = "Virtual IPv6 address"},
    [STATUS_ADDRESS_AT] = {.name = "virtual_address_at", .heading = "Virtual address is on"},
    [STATUS_EMAIL] = {.name = "email", .heading = "Notices to"},
    [STATUS_PRE_HA] = {.name = "pre_ha_registration", .heading = "Pre-HA Registration", .kind = SHELL_NUMBER},
    [STATUS_REPLICATION] = {.name = "database_replication",
                            .heading = "Database Replication",
                            .kind = SHELL_NUMBER},
    [STATUS_POST_HA] = {.name = "post_ha_registration",
                        .heading = "Post HA Registration",
                        .kind = SHELL_NUMBER},
    [STATUS_ERROR] = {.name = "registration_error", .heading = "Last registration"},
    [STATUS_ERROR_HINT] = {.name = "registration_hint", .heading = "Advice"},
};
static const struct shell_listing status_listing = {
    .name = "ha", .form = SHELL_BLOCKS, SHELL_COLUMNS(status_columns), .single = true};

static void put_text(struct shell_output *output, size_t column, const char *text)
{
    if (text[0] != '\0')
        output_string(output, column, text);
}

static void put_registration(struct shell_output *output, json_t *registration)
{
    bool over = ha_number(registration, "ended_ms") != 0;

    if (registration == NULL || (over && ha_text(registration, "error")[0] == '\0'))
        return;
    output_number(output, STATUS_PRE_HA, ha_number(registration, "pre_ha"));
    output_number(output, STATUS_REPLICATION, ha_number(registration, "replication"));
    output_number(output, STATUS_POST_HA, ha_number(registration, "post_ha"));
    put_text(output, STATUS_ERROR, ha_text(registration, "error"));
    put_text(output, STATUS_ERROR_HINT, ha_text(registration, "hint"));
}

static void put_pair(struct shell_output *output, json_t *status)
{
    json_t *peer = json_object_get(status, "peer");

    output_string(output, STATUS_FAILOVER, ha_text(status, "failover_type"));
    output_string(output, STATUS_PEER, ha_text(peer, "address"));
    put_text(output, STATUS_PEER_STATE, ha_text(peer, "state"));
    output_time(output, STATUS_SINCE, ha_number(status, "since_ms"));
    put_text(output, STATUS_REASON, ha_text(status, "reason"));
    output_number(output, STATUS_EPOCH, ha_number(status, "epoch"));
    output_number(output, STATUS_REVISION, ha_number(status, "revision"));
    output_number(output, STATUS_LAG, ha_number(status, "lag"));
    output_number(output, STATUS_UNREPLICATED, ha_number(status, "unreplicated"));
    output_bool(output, STATUS_FOLLOWING, json_is_true(json_object_get(status, "following")));
    output_time(output, STATUS_HEARD, ha_number(peer, "heard_ms"));
    put_text(output, STATUS_PROBLEM, ha_text(peer, "problem"));
    put_text(output, STATUS_HINT, ha_text(peer, "hint"));
    put_text(output, STATUS_IPV4, ha_text(status, "virtual_ipv4"));
    put_text(output, STATUS_IPV6, ha_text(status, "virtual_ipv6"));
    put_text(output, STATUS_ADDRESS_AT, ha_text(status, "virtual_address_at"));
    put_text(output, STATUS_EMAIL, ha_text(status, "email"));
}

/* The line that scripts know from the appliance. */
static void say_first_line(struct shell_output *output, json_t *status)
{
    json_t *peer = json_object_get(status, "peer");
    const char *role = ha_text(status, "role");
    const char *state = ha_text(status, "state");

    if (strcmp(role, "Primary") == 0)
        output_say(output, "[Role] Primary [Secondary Server] %s [State] %s [Failover Type] %s",
                   ha_text(peer, "address"), state, ha_text(status, "failover_type"));
    else if (strcmp(role, "Secondary") == 0)
        output_say(output, "[Role] Secondary [Primary Server] %s(%s) [State] %s [Failover Type] %s",
                   ha_text(peer, "name"), ha_text(peer, "address"), state, ha_text(status, "failover_type"));
    else if (strcmp(state, "HA Initializing") == 0)
        output_say(output, "[State] %s", state);
    else
        output_say(output, "[State] Stand Alone");
}

static int run_status(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *status = NULL;

    if (context_ask(call, "ha.status", NULL, NULL, NULL, &status, err) != 0)
        return -1;
    say_first_line(output, status);
    output_begin(output, &status_listing);
    output_string(output, STATUS_ROLE, ha_text(status, "role"));
    output_string(output, STATUS_STATE, ha_text(status, "state"));
    if (json_is_true(json_object_get(status, "configured")))
        put_pair(output, status);
    put_registration(output, json_object_get(status, "registration"));
    output_row_end(output);
    output_end(output);
    json_decref(status);
    return 0;
}

/* ---- history ---- */

enum { EVENT_TIME, EVENT_FROM, EVENT_TO, EVENT_KIND, EVENT_EPOCH, EVENT_REASON };
static const struct shell_column event_columns[] = {
    [EVENT_TIME] = {.name = "time", .heading = "Time", .kind = SHELL_TIME},
    [EVENT_FROM] = {.name = "from", .heading = "From"},
    [EVENT_TO] = {.name = "to", .heading = "To"},
    [EVENT_KIND] = {.name = "event", .heading = "Event"},
    [EVENT_EPOCH] = {.name = "epoch", .heading = "Epoch", .kind = SHELL_NUMBER},
    [EVENT_REASON] = {.name = "reason", .heading = "Reason"},
};
static const struct shell_listing event_listing = {
    .name = "events", .form = SHELL_TABLE, SHELL_COLUMNS(event_columns), .none = "Nothing happened yet."};

static int run_history(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *event;
    size_t i;

    if (context_ask(call, "ha.history", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &event_listing);
    json_array_foreach(json_object_get(result, "events"), i, event)
    {
        output_time(output, EVENT_TIME, ha_number(event, "when_ms"));
        output_string(output, EVENT_FROM, ha_text(event, "from"));
        output_string(output, EVENT_TO, ha_text(event, "to"));
        output_string(output, EVENT_KIND, ha_text(event, "event"));
        output_number(output, EVENT_EPOCH, ha_number(event, "epoch"));
        output_string(output, EVENT_REASON, ha_text(event, "reason"));
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

/* ---- diverged ---- */

enum { FILE_NAME, FILE_EPOCH, FILE_CHANGES, FILE_FIRST, FILE_LAST, FILE_WRITTEN };
static const struct shell_column file_columns[] = {
    [FILE_NAME] = {.name = "file", .heading = "File"},
    [FILE_EPOCH] = {.name = "epoch", .heading = "Epoch", .kind = SHELL_NUMBER},
    [FILE_CHANGES] = {.name = "changes", .heading = "Changes", .kind = SHELL_NUMBER},
    [FILE_FIRST] = {.name = "first_revision", .heading = "First", .kind = SHELL_NUMBER},
    [FILE_LAST] = {.name = "last_revision", .heading = "Last", .kind = SHELL_NUMBER},
    [FILE_WRITTEN] = {.name = "written", .heading = "Written", .kind = SHELL_TIME},
};
static const struct shell_listing file_listing = {.name = "diverged",
                                                  .form = SHELL_TABLE,
                                                  SHELL_COLUMNS(file_columns),
                                                  .none = "No changes were kept aside."};

static int run_diverged(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *file;
    size_t i;

    if (context_ask(call, "ha.diverged", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &file_listing);
    json_array_foreach(json_object_get(result, "files"), i, file)
    {
        output_string(output, FILE_NAME, ha_text(file, "file"));
        output_number(output, FILE_EPOCH, ha_number(file, "epoch"));
        output_number(output, FILE_CHANGES, ha_number(file, "changes"));
        output_number(output, FILE_FIRST, ha_number(file, "first_revision"));
        output_number(output, FILE_LAST, ha_number(file, "last_revision"));
        output_time(output, FILE_WRITTEN, ha_number(file, "written_ms"));
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

/* ---- digest ---- */

enum { DIGEST_SERVER, DIGEST_EPOCH, DIGEST_REVISION, DIGEST_SHA256 };
static const struct shell_column digest_columns[] = {
    [DIGEST_SERVER] = {.name = "server", .heading = "Server"},
    [DIGEST_EPOCH] = {.name = "epoch", .heading = "Epoch", .kind = SHELL_NUMBER},
    [DIGEST_REVISION] = {.name = "revision", .heading = "Revision", .kind = SHELL_NUMBER},
    [DIGEST_SHA256] = {.name = "sha256", .heading = "SHA-256"},
};
static const struct shell_listing digest_listing = {
    .name = "digest", .form = SHELL_TABLE, SHELL_COLUMNS(digest_columns)};

static void put_digest(struct shell_output *output, const char *server, json_t *digest)
{
    output_string(output, DIGEST_SERVER, server);
    output_number(output, DIGEST_EPOCH, ha_number(digest, "epoch"));
    output_number(output, DIGEST_REVISION, ha_number(digest, "revision"));
    output_string(output, DIGEST_SHA256, ha_text(digest, "digest"));
    output_row_end(output);
}

static int run_digest(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;

    if (context_ask(call, "ha.digest", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &digest_listing);
    put_digest(output, "this server", json_object_get(result, "own"));
    put_digest(output, "the other one", json_object_get(result, "peer"));
    output_end(output);
    json_decref(result);
    return 0;
}

/* ---- check-readiness ---- */

enum { TEST_NAME, TEST_PRIMARY, TEST_SECONDARY, TEST_VERDICT, TEST_ADVICE };
static const struct shell_column test_columns[] = {
    [TEST_NAME] = {.name = "test", .heading = "Test"},
    [TEST_PRIMARY] = {.name = "primary", .heading = "Primary"},
    [TEST_SECONDARY] = {.name = "secondary", .heading = "Secondary"},
    [TEST_VERDICT] = {.name = "verdict", .heading = "Verdict"},
    [TEST_ADVICE] = {.name = "advice", .heading = "Advice"},
};
static const struct shell_listing test_listing = {
    .name = "tests", .form = SHELL_TABLE, SHELL_COLUMNS(test_columns)};

#define ADVICE_CELLS 72 /* what a terminal has room for beside the table */

/* Long advice stands below the table: commands that are to be copied. */
static void put_advice(struct shell_output *output, json_t *test)
{
    const char *advice = ha_text(test, "advice");
    bool fits = output_is_json(output) || strlen(advice) <= ADVICE_CELLS;

    output_string(output, TEST_ADVICE, fits ? advice : "see below");
}

static void say_steps(struct shell_output *output, json_t *test)
{
    const char *advice = ha_text(test, "advice");
    json_t *steps = json_object_get(test, "steps");
    const char *because = steps == NULL ? NULL : ha_text(test, "because");
    json_t *step;
    size_t i;

    if (steps == NULL && strlen(advice) <= ADVICE_CELLS)
        return;
    output_say(output, "%s", "");
    output_say(output, "%s: %s", ha_text(test, "test"), because != NULL ? because : advice);
    json_array_foreach(steps, i, step)
    {
        output_say(output, "  %zu. %s", i + 1, json_string_value(step));
    }
}

static int run_readiness(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *params = json_object();
    json_t *test;
    size_t i;

    if (shell_arg(call, "ha_server") != NULL)
        json_object_set_new(params, "peer", json_string(shell_arg(call, "ha_server")));
    if (context_ask(call, "ha.readiness", params, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &test_listing);
    json_array_foreach(json_object_get(result, "tests"), i, test)
    {
        output_string(output, TEST_NAME, ha_text(test, "test"));
        output_string(output, TEST_PRIMARY, ha_text(test, "primary"));
        output_string(output, TEST_SECONDARY, ha_text(test, "secondary"));
        output_string(output, TEST_VERDICT, ha_text(test, "verdict"));
        put_advice(output, test);
        output_row_end(output);
    }
    output_end(output);
    json_array_foreach(json_object_get(result, "tests"), i, test)
    {
        say_steps(output, test);
    }
    json_decref(result);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ncs ha status",
     .help = "The state of this server in the pair",
     .run = run_status,
     .needs = NEED_DAEMON},
    {.grammar = "ncs ha history",
     .help = "Every change of state, when and why",
     .run = run_history,
     .needs = NEED_DAEMON},
    {.grammar = "ncs ha diverged",
     .help = "Changes that the other server never got",
     .run = run_diverged,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .manual = "A server that was active while the other one was promoted keeps here what it did meanwhile: "
               "files of the folder log, which show each change."},
    {.grammar = "ncs ha digest",
     .help = "Compare what both servers hold",
     .run = run_digest,
     .needs = NEED_DAEMON,
     .manual = "The SHA-256 of all records that both servers share, as each server has them: the same at the "
               "same revision."},
    {.grammar = "ncs ha check-readiness [secondary-server <ha_server>]",
     .help = "Test whether both servers can be a pair",
     .run = run_readiness,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .manual =
         "Runs on both servers and changes nothing. A test that fails says what to do on which of them."},
};
const struct shell_branch ha_show_branch = SHELL_BRANCH(commands);
