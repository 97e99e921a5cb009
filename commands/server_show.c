/* ncs server ... list, show; show server events, sessions, inventory. */
#include "commands/server.h"
#include "store/pin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_MAX (HOST_PORT_TEXT_MAX + 64)

/* ---- list ---- */

enum { LIST_ADDRESS, LIST_PORT, LIST_TYPE, LIST_STATE, LIST_VERSION, LIST_SEEN, LIST_PIN };
static const struct shell_column list_columns[] = {
    [LIST_ADDRESS] = {.name = "address", .heading = "Address"},
    [LIST_PORT] = {.name = "port", .heading = "Port", .kind = SHELL_NUMBER},
    [LIST_TYPE] = {.name = "type", .heading = "Type"},
    [LIST_STATE] = {.name = "state", .heading = "State"},
    [LIST_VERSION] = {.name = "version", .heading = "Version"},
    [LIST_SEEN] = {.name = "last_seen", .heading = "Last seen", .kind = SHELL_TIME},
    [LIST_PIN] = {.name = "pin", .heading = "Pin"},
};
static const struct shell_listing list_listings[SERVER_KINDS] = {
    [SERVER_ISE] = {.name = "servers",
                    .form = SHELL_TABLE,
                    SHELL_COLUMNS(list_columns),
                    .none = "No ISE server is registered.\n"},
    [SERVER_DNAC] = {.name = "servers",
                     .form = SHELL_TABLE,
                     SHELL_COLUMNS(list_columns),
                     .none = "No DNA Center server is registered.\n"},
};

/* How a server and its pin stand, from the store alone. */
struct pin_view {
    const char *word;
    bool has_pin;
    bool has_refused; /* what was refused since the pin was made */
    struct pin pin;
    struct pin_refused refused;
};

static void look_at_pin(struct store_txn *txn, const struct server *server, struct pin_view *view)
{
    char host[HOST_PORT_TEXT_MAX];

    host_port_format(&server->address, host);
    *view = (struct pin_view){.word = "none"};
    view->has_pin = pin_get(txn, host, &view->pin, NULL) == 0;
    view->has_refused = view->has_pin && pin_refused_get(txn, host, &view->refused, NULL) == 0;
    if (view->has_pin)
        view->word = view->has_refused ? "pinned, another refused" : "pinned";
}

struct listing {
    struct shell_output *output;
    struct store_txn *txn;
};

static const char *type_of(const struct server *server, const struct server_status *status)
{
    return server->kind == SERVER_ISE ? server_node_name(status->node) : server_kind_title(server->kind);
}

static void print_if_any(struct shell_output *output, size_t column, const char *text)
{
    if (text[0] != '\0')
        output_string(output, column, text);
}

static int print_server(void *arg, const struct server *server, const struct server_status *status)
{
    const struct listing *listing = arg;
    struct shell_output *output = listing->output;
    struct pin_view pin;

    look_at_pin(listing->txn, server, &pin);
    output_string(output, LIST_ADDRESS, server->address.host);
    output_number(output, LIST_PORT, server->address.port);
    print_if_any(output, LIST_TYPE, type_of(server, status));
    output_string(output, LIST_STATE, server_state_name(status->state));
    print_if_any(output, LIST_VERSION, status->version);
    output_time(output, LIST_SEEN, status->seen_ms);
    output_string(output, LIST_PIN, pin.word);
    output_row_end(output);
    return output_stopped(output);
}

static int run_list(struct shell_call *call, struct error *err)
{
    struct listing listing = {.output = shell_output(call), .txn = context_read(call, err)};
    enum server_kind kind = server_kind_typed(call);
    int failed;

    if (listing.txn == NULL)
        return -1;
    output_begin(listing.output, &list_listings[kind]);
    failed = server_each(listing.txn, kind, print_server, &listing, err);
    output_end(listing.output);
    store_end(listing.txn);
    return failed;
}

/* ---- show ---- */

enum {
    SHOW_ADDRESS,
    SHOW_PORT,
    SHOW_USER,
    SHOW_TIMEOUT,
    SHOW_PROXY,
    SHOW_TYPE,
    SHOW_PRODUCT,
    SHOW_VERSION,
    SHOW_STATE,
    SHOW_SINCE,
    SHOW_TRIED,
    SHOW_SEEN,
    SHOW_FAILURES,
    SHOW_PROBLEM,
    SHOW_PIN,
    SHOW_SHA256,
    SHOW_REFUSED,
    SHOW_REFUSED_AT,
    SHOW_COMPARE,
    SHOW_CURE,
    SHOW_THEN
};
static const struct shell_column show_columns[] = {
    [SHOW_ADDRESS] = {.name = "address", .heading = "Address"},
    [SHOW_PORT] = {.name = "port", .heading = "Port", .kind = SHELL_NUMBER},
    [SHOW_USER] = {.name = "user", .heading = "User name"},
    [SHOW_TIMEOUT] = {.name = "timeout", .heading = "Timeout in seconds", .kind = SHELL_NUMBER},
    [SHOW_PROXY] = {.name = "proxy", .heading = "Proxy"},
    [SHOW_TYPE] = {.name = "type", .heading = "Type"},
    [SHOW_PRODUCT] = {.name = "product", .heading = "Product"},
    [SHOW_VERSION] = {.name = "version", .heading = "Version"},
    [SHOW_STATE] = {.name = "state", .heading = "State"},
    [SHOW_SINCE] = {.name = "since", .heading = "Since", .kind = SHELL_TIME},
    [SHOW_TRIED] = {.name = "last_tried", .heading = "Last tried", .kind = SHELL_TIME},
    [SHOW_SEEN] = {.name = "last_seen", .heading = "Last seen", .kind = SHELL_TIME},
    [SHOW_FAILURES] = {.name = "failures", .heading = "Failures in a row", .kind = SHELL_NUMBER},
    [SHOW_PROBLEM] = {.name = "problem", .heading = "Problem"},
    [SHOW_PIN] = {.name = "pin", .heading = "Pin"},
    [SHOW_SHA256] = {.name = "pin_sha256", .heading = "Pinned SHA-256"},
    [SHOW_REFUSED] = {.name = "refused_sha256", .heading = "Refused SHA-256"},
    [SHOW_REFUSED_AT] = {.name = "refused_at", .heading = "Refused", .kind = SHELL_TIME},
    [SHOW_COMPARE] = {.name = "compare", .heading = "To compare"},
    [SHOW_CURE] = {.name = "cure", .heading = "To cure"},
    [SHOW_THEN] = {.name = "then", .heading = "And then"},
};
static const struct shell_listing show_listings[SERVER_KINDS] = {
    [SERVER_ISE] = {.name = "servers",
                    .form = SHELL_BLOCKS,
                    SHELL_COLUMNS(show_columns),
                    .none = "No ISE server is registered.\n"},
    [SERVER_DNAC] = {.name = "servers",
                     .form = SHELL_BLOCKS,
                     SHELL_COLUMNS(show_columns),
                     .none = "No DNA Center server is registered.\n"},
};

static void print_sha256(struct shell_output *output, size_t column, const uint8_t sha256[FINGERPRINT_SIZE])
{
    char text[FINGERPRINT_TEXT_MAX];

    fingerprint_format(sha256, text);
    output_string(output, column, text);
}

/* The two commands, once the certificates were compared with the server's owner. */
static void print_cure(struct shell_output *output, const struct server *server)
{
    char host[HOST_PORT_TEXT_MAX];
    char command[COMMAND_MAX];

    host_port_format(&server->address, host);
    snprintf(command, sizeof(command), "ncs certvalidation tofu-certs showcert host %s", host);
    output_string(output, SHOW_COMPARE, command);
    snprintf(command, sizeof(command), "ncs certvalidation tofu-certs deletecert host %s", host);
    output_string(output, SHOW_CURE, command);
    snprintf(command, sizeof(command), "ncs server %s test %s", server_kind_name(server->kind),
             server->address.host);
    output_string(output, SHOW_THEN, command);
}

static void print_proxy(struct shell_output *output, const struct server *server)
{
    char proxy[SERVER_PROXY_TEXT_MAX];

    if (server->proxy.port == 0)
        return;
    server_proxy_format(&server->proxy, proxy);
    output_string(output, SHOW_PROXY, proxy);
}

static int print_whole(void *arg, const struct server *server, const struct server_status *status)
{
    const struct listing *listing = arg;
    struct shell_output *output = listing->output;
    struct pin_view pin;

    look_at_pin(listing->txn, server, &pin);
    output_string(output, SHOW_ADDRESS, server->address.host);
    output_number(output, SHOW_PORT, server->address.port);
    output_string(output, SHOW_USER, server->user);
    output_number(output, SHOW_TIMEOUT, server->timeout_s);
    print_proxy(output, server);
    print_if_any(output, SHOW_TYPE, type_of(server, status));
    print_if_any(output, SHOW_PRODUCT, status->product);
    print_if_any(output, SHOW_VERSION, status->version);
    output_string(output, SHOW_STATE, server_state_name(status->state));
    output_time(output, SHOW_SINCE, status->since_ms);
    output_time(output, SHOW_TRIED, status->tried_ms);
    output_time(output, SHOW_SEEN, status->seen_ms);
    if (status->failures > 0)
        output_number(output, SHOW_FAILURES, status->failures);
    print_if_any(output, SHOW_PROBLEM, status->problem);
    output_string(output, SHOW_PIN, pin.word);
    if (pin.has_pin)
        print_sha256(output, SHOW_SHA256, pin.pin.certificate);
    if (pin.has_refused) {
        print_sha256(output, SHOW_REFUSED, pin.refused.sha256);
        output_time(output, SHOW_REFUSED_AT, pin.refused.last_seen_ms);
    }
    if (status->state == SERVER_MISMATCH)
        print_cure(output, server);
    output_row_end(output);
    return output_stopped(output);
}

static int show_one(struct listing *listing, enum server_kind kind, const char *typed, struct error *err)
{
    struct server_status status;
    struct server server;
    char host[HOST_TEXT_MAX];
    enum host_kind host_kind;

    if (host_parse(typed, &host_kind, host, err) != 0 ||
        server_get(listing->txn, kind, host, &server, &status, err) != 0)
        return -1;
    output_begin(listing->output, &show_listings[kind]);
    print_whole(listing, &server, &status);
    output_end(listing->output);
    return 0;
}

static int run_show(struct shell_call *call, struct error *err)
{
    struct listing listing = {.output = shell_output(call), .txn = context_read(call, err)};
    enum server_kind kind = server_kind_typed(call);
    int failed;

    if (listing.txn == NULL)
        return -1;
    if (server_argument(call) != NULL) {
        failed = show_one(&listing, kind, server_argument(call), err);
    } else {
        output_begin(listing.output, &show_listings[kind]);
        failed = server_each(listing.txn, kind, print_whole, &listing, err);
        output_end(listing.output);
    }
    store_end(listing.txn);
    return failed;
}

/* ---- show server events ---- */

enum { EVENT_TIME, EVENT_SERVER, EVENT_KIND, EVENT_WHAT, EVENT_WHO, EVENT_TEXT };
static const struct shell_column event_columns[] = {
    [EVENT_TIME] = {.name = "time", .heading = "Time", .kind = SHELL_TIME},
    [EVENT_SERVER] = {.name = "server", .heading = "Server"},
    [EVENT_KIND] = {.name = "kind", .heading = "Kind"},
    [EVENT_WHAT] = {.name = "event", .heading = "Event"},
    [EVENT_WHO] = {.name = "who", .heading = "Who"},
    [EVENT_TEXT] = {.name = "detail", .heading = "Detail"},
};
static const struct shell_listing event_listing = {.name = "events",
                                                   .form = SHELL_TABLE,
                                                   SHELL_COLUMNS(event_columns),
                                                   .none = "Nothing happened to a server yet.\n"};

static int print_event(void *arg, const struct server_event *event)
{
    struct shell_output *output = arg;
    char server[HOST_PORT_TEXT_MAX];

    snprintf(server, sizeof(server), "%.253s_%u", event->host, event->port);
    output_time(output, EVENT_TIME, event->when_ms);
    output_string(output, EVENT_SERVER, server);
    output_string(output, EVENT_KIND, server_kind_title(event->kind));
    output_string(output, EVENT_WHAT, event->what);
    output_string(output, EVENT_WHO, event->who);
    print_if_any(output, EVENT_TEXT, event->text);
    output_row_end(output);
    return output_stopped(output);
}

static int run_events(struct shell_call *call, struct error *err)
{
    const char *count = shell_arg(call, "count");
    struct store_txn *txn = context_read(call, err);
    int failed;

    if (txn == NULL)
        return -1;
    output_begin(shell_output(call), &event_listing);
    failed = server_event_each(txn, count == NULL ? 0 : strtoull(count, NULL, 10), print_event,
                               shell_output(call), err);
    output_end(shell_output(call));
    store_end(txn);
    return failed;
}

/* ---- show server sessions, inventory ---- */

enum { SESSION_USER, SESSION_STATION, SESSION_ADDRESS, SESSION_DEVICE, SESSION_ID, SESSION_SERVER };
static const struct shell_column session_columns[] = {
    [SESSION_USER] = {.name = "user", .heading = "User"},
    [SESSION_STATION] = {.name = "station", .heading = "Station"},
    [SESSION_ADDRESS] = {.name = "address", .heading = "Address"},
    [SESSION_DEVICE] = {.name = "device", .heading = "Network device"},
    [SESSION_ID] = {.name = "session", .heading = "Session"},
    [SESSION_SERVER] = {.name = "server", .heading = "ISE node"},
};
static const struct shell_listing session_listing = {.name = "sessions",
                                                     .form = SHELL_TABLE,
                                                     SHELL_COLUMNS(session_columns),
                                                     .none = "No session is active.\n"};

enum { DEVICE_NAME, DEVICE_ADDRESS, DEVICE_PLATFORM, DEVICE_VERSION, DEVICE_REACHABILITY, DEVICE_SERIAL };
static const struct shell_column device_columns[] = {
    [DEVICE_NAME] = {.name = "name", .heading = "Name"},
    [DEVICE_ADDRESS] = {.name = "address", .heading = "Address"},
    [DEVICE_PLATFORM] = {.name = "platform", .heading = "Platform"},
    [DEVICE_VERSION] = {.name = "version", .heading = "Version"},
    [DEVICE_REACHABILITY] = {.name = "reachability", .heading = "Reachability"},
    [DEVICE_SERIAL] = {.name = "serial", .heading = "Serial number"},
};
static const struct shell_listing device_listing = {.name = "devices",
                                                    .form = SHELL_TABLE,
                                                    SHELL_COLUMNS(device_columns),
                                                    .none = "The DNA Center manages no network device.\n"};

struct streaming {
    struct shell_output *output;
    const struct shell_listing *listing;
    bool begun; /* not before the first row: where there is an error instead, nothing is to be listed */
};

static void begin(struct streaming *streaming)
{
    if (!streaming->begun)
        output_begin(streaming->output, streaming->listing);
    streaming->begun = true;
}

/* The rows' fields have the names of the columns. */
static void print_rows(void *arg, json_t *progress)
{
    struct streaming *streaming = arg;
    json_t *row;
    size_t i;

    begin(streaming);
    json_array_foreach(json_object_get(progress, "rows"), i, row)
    {
        for (size_t column = 0; column < streaming->listing->column_count; column++) {
            const char *text =
                json_string_value(json_object_get(row, streaming->listing->columns[column].name));

            if (text != NULL)
                print_if_any(streaming->output, column, text);
        }
        output_row_end(streaming->output);
    }
}

static int stream(struct shell_call *call, const char *method, json_t *params,
                  const struct shell_listing *listing, struct error *err)
{
    struct streaming streaming = {.output = shell_output(call), .listing = listing};
    int failed = context_ask(call, method, params, print_rows, &streaming, NULL, err);

    if (failed == 0)
        begin(&streaming);
    if (streaming.begun)
        output_end(streaming.output);
    return failed;
}

enum { COUNT_ACTIVE };
static const struct shell_column count_columns[] = {
    [COUNT_ACTIVE] = {.name = "active", .heading = "Active sessions", .kind = SHELL_NUMBER}};
static const struct shell_listing count_listing = {
    .name = "sessions", .form = SHELL_BLOCKS, SHELL_COLUMNS(count_columns), .single = true};

static int show_count(struct shell_call *call, json_t *params, struct error *err)
{
    json_t *result = NULL;

    json_object_set_new(params, "count", json_true());
    if (context_ask(call, "server.sessions", params, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(shell_output(call), &count_listing);
    output_number(shell_output(call), COUNT_ACTIVE, json_integer_value(json_object_get(result, "active")));
    output_row_end(shell_output(call));
    output_end(shell_output(call));
    json_decref(result);
    return 0;
}

static int run_sessions(struct shell_call *call, struct error *err)
{
    json_t *params = json_pack("{s:s}", "host", server_argument(call));

    if (shell_has(call, "summary"))
        return show_count(call, params, err);
    return stream(call, "server.sessions", params, &session_listing, err);
}

static int run_inventory(struct shell_call *call, struct error *err)
{
    return stream(call, "server.inventory", json_pack("{s:s}", "host", server_argument(call)),
                  &device_listing, err);
}

static const struct shell_command commands[] = {
    {.grammar = "ncs server ise list",
     .help = "The registered ISE servers",
     .run = run_list,
     .needs = NEED_STORE},
    {.grammar = "ncs server ise show [<ise_server>]",
     .help = "All about the registered ISE servers, or one of them",
     .run = run_show,
     .needs = NEED_STORE,
     .manual = "Where a server shows another certificate than the pinned one, it says which two commands "
               "cure that, once the new certificate was checked with the server's owner."},
    {.grammar = "ncs server dnac list",
     .help = "The registered DNA Center servers",
     .run = run_list,
     .needs = NEED_STORE},
    {.grammar = "ncs server dnac show [<dnac_server>]",
     .help = "All about the registered DNA Center servers, or one of them",
     .run = run_show,
     .needs = NEED_STORE,
     .manual = "As with ISE servers."},
    SHELL_WORD("show server", "Registered servers: what happened to them, and what they know"),
    {.grammar = "show server events [last <count>]",
     .help = "What happened to the registered servers",
     .run = run_events,
     .needs = NEED_STORE},
    {.grammar = "show server sessions <ise_server> [summary]",
     .help = "The active sessions that an ISE server knows of",
     .words = SHELL_HELP("summary", "Only how many there are"),
     .run = run_sessions,
     .needs = NEED_DAEMON,
     .manual = "Asks the server now (Session/ActiveCount and Session/ActiveList of its monitoring API); with "
               "summary only for their number."},
    {.grammar = "show server inventory <dnac_server>",
     .help = "The network devices that a DNA Center manages",
     .run = run_inventory,
     .needs = NEED_DAEMON,
     .manual = "Asks the server now (GET /dna/intent/api/v1/network-device), 500 devices at a time."},
};
const struct shell_branch server_show_branch = SHELL_BRANCH(commands);
