/* ping, traceroute, nslookup: the way to other machines. primed sends the probes; they are shown as they end.
 */
#include "base/text.h"
#include "commands/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static int64_t number_of(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static double ms_of(json_t *object, const char *name)
{
    return (double)number_of(object, name) / 1000;
}

static void __attribute__((format(printf, 3, 4)))
put(struct shell_output *output, size_t column, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    output_string(output, column, text);
}

/* ---- ping ---- */

enum { REPLY_TEXT, REPLY_SEQUENCE, REPLY_ANSWER, REPLY_FROM, REPLY_TTL, REPLY_US };
static const struct shell_column reply_columns[] = {
    [REPLY_TEXT] = {.name = "text"},
    [REPLY_SEQUENCE] = {.name = "sequence", .kind = SHELL_NUMBER},
    [REPLY_ANSWER] = {.name = "answer"},
    [REPLY_FROM] = {.name = "from"},
    [REPLY_TTL] = {.name = "ttl", .kind = SHELL_NUMBER},
    [REPLY_US] = {.name = "microseconds", .kind = SHELL_NUMBER},
};
static const struct shell_listing reply_listing = {
    .name = "replies", .form = SHELL_LINES, SHELL_COLUMNS(reply_columns), .line = "{text}"};

struct ping {
    struct shell_output *output;
    bool begun;
    bool echo; /* ICMP; otherwise datagrams */
    int bytes;
};

static void print_reply_text(struct ping *ping, json_t *reply)
{
    const char *answer = text_of(reply, "answer");
    int64_t number = number_of(reply, "sequence");
    const char *from = text_of(reply, "from");

    if (strcmp(answer, "none") == 0)
        put(ping->output, REPLY_TEXT, "no answer to %lld", (long long)number);
    else if (strcmp(answer, "host") != 0)
        put(ping->output, REPLY_TEXT, "from %s: seq=%lld %s", from, (long long)number, answer);
    else if (ping->echo)
        put(ping->output, REPLY_TEXT, "%d bytes from %s: icmp_seq=%lld ttl=%lld time=%.3f ms",
            ping->bytes + 8, from, (long long)number, (long long)number_of(reply, "ttl"), ms_of(reply, "us"));
    else
        put(ping->output, REPLY_TEXT, "answer from %s: seq=%lld time=%.3f ms", from, (long long)number,
            ms_of(reply, "us"));
}

static void print_reply(struct ping *ping, json_t *reply)
{
    print_reply_text(ping, reply);
    output_number(ping->output, REPLY_SEQUENCE, number_of(reply, "sequence"));
    output_string(ping->output, REPLY_ANSWER, text_of(reply, "answer"));
    output_string(ping->output, REPLY_FROM, text_of(reply, "from"));
    if (number_of(reply, "ttl") >= 0)
        output_number(ping->output, REPLY_TTL, number_of(reply, "ttl"));
    output_number(ping->output, REPLY_US, number_of(reply, "us"));
    output_row_end(ping->output);
    output_flush(ping->output);
}

static void take_ping(void *arg, json_t *progress)
{
    struct ping *ping = arg;

    if (ping->begun) {
        print_reply(ping, progress);
        return;
    }
    ping->echo = strcmp(text_of(progress, "probe"), "echo") == 0;
    ping->bytes = (int)number_of(progress, "bytes");
    output_say(ping->output, "Sending %lld, %d-byte %s to %s, timeout is %lld seconds:",
               (long long)number_of(progress, "count"), ping->bytes,
               ping->echo ? "ICMP echo requests" : "datagrams (ICMP is not open to this node)",
               text_of(progress, "address"), (long long)number_of(progress, "timeout_ms") / 1000);
    output_begin(ping->output, &reply_listing);
    output_flush(ping->output);
    ping->begun = true;
}

enum { PING_ADDRESS, PING_SENT, PING_ANSWERED, PING_LEAST, PING_MEAN, PING_MOST };
static const struct shell_column ping_columns[] = {
    [PING_ADDRESS] = {.name = "address"},
    [PING_SENT] = {.name = "sent", .kind = SHELL_NUMBER},
    [PING_ANSWERED] = {.name = "answered", .kind = SHELL_NUMBER},
    [PING_LEAST] = {.name = "least_microseconds", .kind = SHELL_NUMBER},
    [PING_MEAN] = {.name = "mean_microseconds", .kind = SHELL_NUMBER},
    [PING_MOST] = {.name = "most_microseconds", .kind = SHELL_NUMBER},
};
static const struct shell_listing ping_listing = {
    .name = "ping", .form = SHELL_LINES, SHELL_COLUMNS(ping_columns), .line = "", .single = true};

/* The words of IOS, which scripts look for. */
static void print_summary(struct shell_output *output, json_t *result)
{
    int64_t sent = number_of(result, "sent"), answered = number_of(result, "answered");
    long long percent = sent > 0 ? (long long)(100 * answered / sent) : 0;

    if (output_is_json(output)) {
        output_begin(output, &ping_listing);
        output_string(output, PING_ADDRESS, text_of(result, "address"));
        output_number(output, PING_SENT, sent);
        output_number(output, PING_ANSWERED, answered);
        output_number(output, PING_LEAST, number_of(result, "least_us"));
        output_number(output, PING_MEAN, number_of(result, "mean_us"));
        output_number(output, PING_MOST, number_of(result, "most_us"));
        output_row_end(output);
        output_end(output);
    } else if (answered == 0) {
        output_say(output, "Success rate is 0 percent (0/%lld)", (long long)sent);
    } else {
        output_say(output,
                   "Success rate is %lld percent (%lld/%lld), round-trip min/avg/max = %.3f/%.3f/%.3f ms",
                   percent, (long long)answered, (long long)sent, ms_of(result, "least_us"),
                   ms_of(result, "mean_us"), ms_of(result, "most_us"));
    }
}

/* Asks, with what the listing gave closed in any case; Ctrl-C stops the probes, which the error says. */
static int ask(struct shell_call *call, const char *method, json_t *params,
               void (*take)(void *arg, json_t *progress), void *arg, json_t **result, struct error *err)
{
    struct error cause = {0};

    if (context_ask(call, method, params, take, arg, result, &cause) == 0)
        return 0;
    if (cause.code == ERROR_BUSY && strcmp(cause.message, "interrupted") == 0)
        error_hint(&cause, "no more probes are sent");
    *err = cause;
    return -1;
}

static void add_number(const struct shell_call *call, json_t *params, const char *argument, const char *name)
{
    const char *text = shell_arg(call, argument);

    if (text != NULL)
        json_object_set_new(params, name, json_integer(strtol(text, NULL, 10)));
}

static int run_ping(struct shell_call *call, struct error *err)
{
    struct ping ping = {.output = shell_output(call)};
    json_t *params = json_pack("{s:s}", "host", shell_arg(call, "host"));
    json_t *result = NULL;
    int failed;

    add_number(call, params, "pings", "count");
    add_number(call, params, "ping_bytes", "bytes");
    failed = ask(call, "network.ping", params, take_ping, &ping, &result, err);
    if (ping.begun)
        output_end(ping.output);
    if (failed == 0) {
        print_summary(ping.output, result);
        if (number_of(result, "answered") == 0)
            failed = error_set(err, ERROR_TIMEOUT, "%s does not answer", shell_arg(call, "host"));
    }
    json_decref(result);
    return failed;
}

/* ---- traceroute ---- */

enum { HOP_TEXT, HOP_NUMBER, HOP_FROM, HOP_REACHED };
static const struct shell_column hop_columns[] = {
    [HOP_TEXT] = {.name = "text"},
    [HOP_NUMBER] = {.name = "hop", .kind = SHELL_NUMBER},
    [HOP_FROM] = {.name = "from"},
    [HOP_REACHED] = {.name = "answer"},
};
static const struct shell_listing hop_listing = {
    .name = "hops", .form = SHELL_LINES, SHELL_COLUMNS(hop_columns), .line = "{text}"};

struct trace {
    struct shell_output *output;
    bool begun;
};

/* " 1  10.0.0.1  0.045 ms  0.040 ms  *" */
static void print_hop(struct shell_output *output, json_t *hop)
{
    const char *from = "", *what = "none";
    struct text text = {0};
    json_t *answer;
    size_t i;

    text_format(&text, "%2lld", (long long)number_of(hop, "hop"));
    json_array_foreach(json_object_get(hop, "answers"), i, answer)
    {
        const char *now = text_of(answer, "answer");

        if (strcmp(now, "none") == 0) {
            text_add_string(&text, "  *");
            continue;
        }
        if (strcmp(from, text_of(answer, "from")) != 0)
            text_format(&text, "  %s", text_of(answer, "from"));
        from = text_of(answer, "from");
        what = now;
        text_format(&text, "  %.3f ms%s", ms_of(answer, "us"),
                    strcmp(now, "unreachable") == 0 ? " (unreachable)" : "");
    }
    output_text(output, HOP_TEXT, text.data, text.length);
    output_number(output, HOP_NUMBER, number_of(hop, "hop"));
    output_string(output, HOP_FROM, from);
    output_string(output, HOP_REACHED, what);
    output_row_end(output);
    output_flush(output);
    text_free(&text);
}

static void take_hop(void *arg, json_t *progress)
{
    struct trace *trace = arg;

    if (trace->begun) {
        print_hop(trace->output, progress);
        return;
    }
    output_say(trace->output, "Tracing the route to %s, %lld hops at most:", text_of(progress, "address"),
               (long long)number_of(progress, "hops"));
    output_begin(trace->output, &hop_listing);
    output_flush(trace->output);
    trace->begun = true;
}

static int run_trace(struct shell_call *call, struct error *err)
{
    struct trace trace = {.output = shell_output(call)};
    json_t *params = json_pack("{s:s}", "host", shell_arg(call, "host"));
    json_t *result = NULL;
    int failed = ask(call, "network.trace", params, take_hop, &trace, &result, err);

    if (trace.begun)
        output_end(trace.output);
    if (failed == 0 && !json_is_true(json_object_get(result, "reached")))
        failed = error_set(err, ERROR_TIMEOUT, "the route to %s was not found to its end",
                           shell_arg(call, "host"));
    json_decref(result);
    return failed;
}

/* ---- nslookup ---- */

enum { LOOKUP_NAME, LOOKUP_ADDRESS };
static const struct shell_column lookup_columns[] = {
    [LOOKUP_NAME] = {.name = "name"},
    [LOOKUP_ADDRESS] = {.name = "address"},
};
static const struct shell_listing lookup_listing = {.name = "answers",
                                                    .form = SHELL_LINES,
                                                    SHELL_COLUMNS(lookup_columns),
                                                    .line = "Name:    {name}\nAddress: {address}"};

static int run_lookup(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *params = json_pack("{s:s}", "host", shell_arg(call, "host"));
    json_t *result = NULL;
    json_t *row;
    size_t i;

    if (context_ask(call, "network.lookup", params, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &lookup_listing);
    json_array_foreach(json_object_get(result, "rows"), i, row)
    {
        output_string(output, LOOKUP_NAME, text_of(row, "name"));
        output_string(output, LOOKUP_ADDRESS, text_of(row, "address"));
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ping <host> [pingcount <pings>] [packetsize <ping_bytes>]",
     .help = "See whether a machine answers",
     .run = run_ping,
     .needs = NEED_DAEMON,
     .manual = "ICMP echo requests, one a second, where the kernel lets the node's user send them "
               "(net.ipv4.ping_group_range); otherwise datagrams to a port that nobody listens on, which a "
               "machine answers unless a filter keeps it from that. Ctrl-C stops."},
    {.grammar = "traceroute <host>",
     .help = "See over which routers a machine is reached",
     .run = run_trace,
     .needs = NEED_DAEMON,
     .manual = "Three datagrams for each router, 30 routers at most. Ctrl-C stops."},
    {.grammar = "nslookup <host>",
     .help = "The addresses of a name, or the name of an address",
     .run = run_lookup,
     .needs = NEED_DAEMON,
     .manual = "As the node itself finds them: from the machine's hosts file and its name servers."},
};
const struct shell_branch network_branch = SHELL_BRANCH(commands);
