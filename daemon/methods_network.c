/* The methods about the way to other machines: network.ping, network.trace, network.lookup. */
#include "base/clock.h"
#include "daemon/request.h"
#include "net/reach.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS 2000  /* for the answer to a probe */
#define BETWEEN_MS 1000 /* from one echo request to the next, as ping(8) has it */
#define PINGS 5
#define PINGS_MOST 100
#define PAYLOAD 56
#define HOPS_MOST 30
#define PROBES_A_HOP 3

static bool gone(void *arg)
{
    const struct request *request = arg;

    return control_job_abandoned(request->job) || request->node->stopping;
}

static void take_first(void *arg, const char *address)
{
    char *out = arg;

    if (out[0] == '\0')
        snprintf(out, HOST_TEXT_MAX, "%s", address);
}

static int address_of(struct request *request, char out[HOST_TEXT_MAX], struct error *err)
{
    const char *host = request_text(request, "host", err);

    out[0] = '\0';
    return host == NULL ? -1 : reach_look_up(host, gone, request, take_first, out, err);
}

static const char *const words[] = {[REACH_NOTHING] = "none",
                                    [REACH_ROUTER] = "time exceeded",
                                    [REACH_HOST] = "host",
                                    [REACH_UNREACHABLE] = "unreachable"};

static json_t *answer_json(const struct reach_answer *answer)
{
    return json_pack("{s:s, s:s, s:I, s:i}", "answer", words[answer->what], "from", answer->from, "us",
                     (json_int_t)answer->us, "ttl", answer->ttl);
}

static int number_or(const struct request *request, const char *name, int otherwise, int most)
{
    json_t *number = json_object_get(request->params, name);
    json_int_t value = json_is_integer(number) ? json_integer_value(number) : otherwise;

    return value < 1 ? 1 : value > most ? most : (int)value;
}

/* ---- ping ---- */

struct ping {
    struct request *request;
    struct reach *reach;
    int count;
    int payload;
    int answered;
    int64_t least_us, most_us, sum_us;
};

static void take_answer(struct ping *ping, int number, const struct reach_answer *answer)
{
    json_t *progress = answer_json(answer);

    json_object_set_new(progress, "sequence", json_integer(number));
    control_progress(ping->request->job, progress);
    if (answer->what != REACH_HOST)
        return;
    if (ping->answered++ == 0 || answer->us < ping->least_us)
        ping->least_us = answer->us;
    if (answer->us > ping->most_us)
        ping->most_us = answer->us;
    ping->sum_us += answer->us;
}

static void pause_until(struct ping *ping, int64_t when_ms)
{
    static const struct timespec slice = {.tv_nsec = 50 * 1000000L};

    while (clock_monotonic_ms() < when_ms && !gone(ping->request))
        nanosleep(&slice, NULL);
}

static int send_pings(struct ping *ping, struct error *err)
{
    for (int i = 1; i <= ping->count && !gone(ping->request); i++) {
        int64_t next_ms = clock_monotonic_ms() + BETWEEN_MS;
        struct reach_answer answer;

        if (reach_probe(ping->reach, 0, (size_t)ping->payload, ANSWER_MS, gone, ping->request, &answer,
                        err) != 0)
            return -1;
        take_answer(ping, i, &answer);
        if (i < ping->count)
            pause_until(ping, next_ms);
    }
    return 0;
}

static void tell_start(struct ping *ping, const char *address, const char *way)
{
    control_progress(ping->request->job,
                     json_pack("{s:s, s:s, s:i, s:i, s:i}", "address", address, "probe", way, "count",
                               ping->count, "bytes", ping->payload, "timeout_ms", ANSWER_MS));
}

static int run_ping(struct request *request, json_t **result, struct error *err)
{
    struct ping ping = {.request = request,
                        .count = number_or(request, "count", PINGS, PINGS_MOST),
                        .payload = number_or(request, "bytes", PAYLOAD, REACH_PAYLOAD_MOST)};
    struct error cause = {0};
    char address[HOST_TEXT_MAX];
    bool echo = true;
    int failed;

    if (address_of(request, address, err) != 0)
        return -1;
    ping.reach = reach_open(address, REACH_ECHO, &cause);
    if (ping.reach == NULL && cause.code == ERROR_DENIED) {
        echo = false;
        ping.reach = reach_open(address, REACH_DATAGRAM, &cause);
    }
    if (ping.reach == NULL) {
        *err = cause;
        return -1;
    }
    tell_start(&ping, address, echo ? "echo" : "datagram");
    failed = send_pings(&ping, err);
    reach_close(ping.reach);
    if (failed != 0)
        return -1;
    *result =
        json_pack("{s:s, s:i, s:i, s:I, s:I, s:I}", "address", address, "sent", ping.count, "answered",
                  ping.answered, "least_us", (json_int_t)ping.least_us, "most_us", (json_int_t)ping.most_us,
                  "mean_us", (json_int_t)(ping.answered > 0 ? ping.sum_us / ping.answered : 0));
    return 0;
}

/* ---- traceroute ---- */

/* The probes of one distance. 1: the way ends here. */
static int probe_hop(struct request *request, struct reach *reach, int hop, struct error *err)
{
    json_t *answers = json_array();
    int end = 0;

    for (int i = 0; i < PROBES_A_HOP && end >= 0 && !gone(request); i++) {
        struct reach_answer answer;

        if (reach_probe(reach, hop, PAYLOAD, ANSWER_MS, gone, request, &answer, err) != 0) {
            end = -1;
        } else {
            json_array_append_new(answers, answer_json(&answer));
            end |= answer.what == REACH_HOST || answer.what == REACH_UNREACHABLE;
        }
    }
    control_progress(request->job, json_pack("{s:i, s:o}", "hop", hop, "answers", answers));
    return end;
}

static int run_trace(struct request *request, json_t **result, struct error *err)
{
    char address[HOST_TEXT_MAX];
    struct reach *reach;
    int end = 0;

    if (address_of(request, address, err) != 0 || (reach = reach_open(address, REACH_DATAGRAM, err)) == NULL)
        return -1;
    control_progress(request->job, json_pack("{s:s, s:i}", "address", address, "hops", HOPS_MOST));
    for (int hop = 1; hop <= HOPS_MOST && end == 0 && !gone(request); hop++)
        end = probe_hop(request, reach, hop, err);
    reach_close(reach);
    if (end < 0)
        return -1;
    *result = json_pack("{s:s, s:b}", "address", address, "reached", end == 1);
    return 0;
}

/* ---- nslookup ---- */

static void add_address(void *arg, const char *address)
{
    json_array_append_new(arg, json_pack("{s:s}", "address", address));
}

static int run_lookup(struct request *request, json_t **result, struct error *err)
{
    const char *text = request_text(request, "host", err);
    char host[HOST_TEXT_MAX];
    enum host_kind kind;
    json_t *rows;

    if (text == NULL || host_parse(text, &kind, host, err) != 0)
        return -1;
    if (kind != HOST_NAME) {
        char name[HOST_TEXT_MAX];

        if (reach_name_of(host, name, err) != 0)
            return -1;
        *result = json_pack("{s:[{s:s, s:s}]}", "rows", "name", name, "address", host);
        return *result != NULL ? 0 : error_set(err, ERROR_INTERNAL, "the name of %s is no UTF-8", host);
    }
    rows = json_array();
    if (reach_look_up(host, gone, request, add_address, rows, err) != 0) {
        json_decref(rows);
        return -1;
    }
    for (size_t i = 0; i < json_array_size(rows); i++)
        json_object_set_new(json_array_get(rows, i), "name", json_string(host));
    *result = json_pack("{s:o}", "rows", rows);
    return 0;
}

const struct method network_methods[] = {
    {"network.ping", ACCOUNT_USER, 0, run_ping},
    {"network.trace", ACCOUNT_USER, 0, run_trace},
    {"network.lookup", ACCOUNT_USER, 0, run_lookup},
};
const size_t network_method_count = sizeof(network_methods) / sizeof(network_methods[0]);
