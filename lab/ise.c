/* ISE: the monitoring API (MnT) of a node, in XML. */
#include "lab/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SESSIONS "sessions.table"
#define SESSION "session.xml"
#define NODE_WITHOUT_MNT 3
#define CODE_NO_SESSION "34110"

static void fail(struct api_call *call, int status, const char *detail)
{
    const bool is_server = status >= 500;
    char number[16];
    const struct api_word words[] = {
        {"status", number, false},
        {"code", is_server ? CODE_NO_SESSION : number, false},
        {"detail", detail, false},
        {"path", call->request->path, false},
        {"state", is_server ? "SERVER_ERROR" : "CLIENT_ERROR", false},
        {0},
    };

    snprintf(number, sizeof(number), "%d", status);
    api_reply_file(call, status, "error.xml", words);
    if (status == 401)
        api_add_header(call->reply, "WWW-Authenticate", "Basic realm=\"Cisco ISE\"");
}

static void version(struct api_call *call)
{
    char type[16];
    const struct api_word words[] = {{"type", type, false}, {0}};

    snprintf(type, sizeof(type), "%ld", call->api->settings.type);
    api_reply_file(call, 200, "version.xml", words);
}

/* False, with the reply, where the node keeps no sessions. */
static bool monitors(struct api_call *call)
{
    if (call->api->settings.type != NODE_WITHOUT_MNT)
        return true;
    fail(call, 404, "this node has no monitoring persona");
    return false;
}

static void reply_count(struct api_call *call, long number)
{
    char count[24];
    const struct api_word words[] = {{"count", count, false}, {0}};

    snprintf(count, sizeof(count), "%ld", number);
    if (monitors(call))
        api_reply_file(call, 200, "count.xml", words);
}

static void active_count(struct api_call *call)
{
    reply_count(call, call->api->settings.sessions);
}

/* Sessions that are in a passing state: none of ours are. */
static void no_count(struct api_call *call)
{
    reply_count(call, 0);
}

static void session_list(struct api_call *call)
{
    struct records *records = monitors(call) ? api_records(call, SESSIONS) : NULL;
    char *template = records == NULL ? NULL : api_template(call, "active-session.xml");
    struct text elements = {0};
    char count[24];
    bool done = template != NULL;

    for (long n = 1; done && n <= call->api->settings.sessions; n++) {
        struct record record = {records, (size_t)n};

        done = api_expand(call, template, record_resolve, &record, &elements);
    }
    snprintf(count, sizeof(count), "%ld", call->api->settings.sessions);
    if (done) {
        const struct api_word words[] = {
            {"count", count, false},
            {"sessions", elements.data == NULL ? "" : elements.data, true},
            {0},
        };

        api_reply_file(call, 200, "active-list.xml", words);
    }
    text_free(&elements);
    free(template);
    records_free(records);
}

/* Two MAC addresses, whatever stands between their digits. */
static bool same_mac(const char *a, const char *b)
{
    size_t digits = 0;

    for (;; a++, b++, digits++) {
        a += strspn(a, ":-.");
        b += strspn(b, ":-.");
        if (*a == '\0' || *b == '\0')
            return *a == *b && digits == 12;
        if (strncasecmp(a, b, 1) != 0)
            return false;
    }
}

static bool same_text(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* The number of the first session whose field is this; 0: none. */
static size_t find_session(const struct api_call *call, const struct records *records, const char *column,
                           bool (*same)(const char *a, const char *b))
{
    struct text field = {0};
    size_t found = 0;

    for (size_t n = 1; found == 0 && n <= (size_t)call->api->settings.sessions; n++) {
        text_clear(&field);
        if (records_field(records, n, column, &field) && field.data != NULL &&
            same(field.data, call->parameters[0]))
            found = n;
    }
    text_free(&field);
    return found;
}

/* One session in full. Where there is none, this API answers with status 500. */
static void reply_session(struct api_call *call, const char *column,
                          bool (*same)(const char *a, const char *b), const char *file)
{
    struct records *records = monitors(call) ? api_records(call, SESSIONS) : NULL;
    struct record record = {.records = records};
    char *template = records == NULL ? NULL : api_template(call, file);
    struct text body = {0};
    char detail[API_PARAMETER_MAX + 64];

    if (template == NULL)
        goto done;
    record.number = find_session(call, records, column, same);
    if (record.number == 0) {
        snprintf(detail, sizeof(detail), "Session data is not available for %s.", call->parameters[0]);
        fail(call, 500, detail);
    } else if (api_expand(call, template, record_resolve, &record, &body)) {
        api_reply_text(call, 200, &body);
    }
done:
    text_free(&body);
    free(template);
    records_free(records);
}

static void by_mac(struct api_call *call)
{
    reply_session(call, "calling_station_id", same_mac, SESSION);
}

static void by_user(struct api_call *call)
{
    reply_session(call, "user_name", same_text, SESSION);
}

static void by_device(struct api_call *call)
{
    reply_session(call, "nas_ip_address", same_text, SESSION);
}

static void by_endpoint(struct api_call *call)
{
    reply_session(call, "framed_ip_address", same_text, SESSION);
}

/* /AuthStatus/MACAddress/<mac>/<seconds>/<records>/<which>: the last login of an endpoint. */
static void auth_status(struct api_call *call)
{
    reply_session(call, "calling_station_id", same_mac, "auth-status.xml");
}

#define MNT "/admin/API/mnt"

static const struct api_route routes[] = {
    {MNT "/Version", "GET", version},
    {MNT "/Session/ActiveCount", "GET", active_count},
    {MNT "/Session/PostureCount", "GET", no_count},
    {MNT "/Session/ProfilerCount", "GET", no_count},
    {MNT "/Session/ActiveList", "GET", session_list},
    {MNT "/Session/AuthList/*/*", "GET", session_list},
    {MNT "/Session/MACAddress/*", "GET", by_mac},
    {MNT "/Session/UserName/*", "GET", by_user},
    {MNT "/Session/IPAddress/*", "GET", by_device},
    {MNT "/AuthStatus/MACAddress/*/*/*/All", "GET", auth_status},
    {MNT "/Session/EndPointIPAddress/*", "GET", by_endpoint},
};

const struct api_type api_ise = {
    .name = "ise",
    .guarded = "/admin/",
    .form = TEMPLATE_XML,
    .media = "application/xml",
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .admit = api_admit_super,
    .fail = fail,
    .beside = &api_ers,
};
