#include "daemon/verify.h"

#include "base/clock.h"
#include "daemon/report.h"
#include "net/probe.h"
#include "store/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERIFY_TASK_TEXT_MAX 32
#define DAY_MS (24LL * 3600 * 1000)

struct verification {
    struct request *request;
    struct trust_request *hosts;
    size_t count;
    json_t **rows; /* finished, waiting for those before them */
    size_t sent;
    size_t mismatches;
    size_t refused; /* mismatches apart */
    size_t unreachable;
    atomic_bool cancel;
};

void verify_report(struct request *request, const struct trust_request *trust,
                   const struct trust_verdict *verdict)
{
    char thread[VERIFY_TASK_TEXT_MAX];

    snprintf(thread, sizeof(thread), "seqtaskexecutor-%u", request->number);
    report_verdict(request->node->application_report, thread, trust, verdict);
}

/* What a match is worth saying: nothing, or how long it will last. */
static void say_validity(const struct trust_verdict *verdict, char *out, size_t size)
{
    int64_t left_ms = verdict->not_after_ms - clock_wall_ms();

    if (left_ms < 0)
        snprintf(out, size, "expired");
    else if (left_ms < EXPIRY_NOTICE_DAYS * DAY_MS)
        snprintf(out, size, "expires in %d days", (int)(left_ms / DAY_MS));
    else if (verdict->not_before_ms > clock_wall_ms())
        snprintf(out, size, "not yet valid");
    else
        snprintf(out, size, "match");
}

static void say_verdict(const struct trust_verdict *verdict, char *out, size_t size)
{
    switch (verdict->outcome) {
    case TRUST_MATCH:
    case TRUST_FIRST_USE:
        say_validity(verdict, out, size);
        break;
    default:
        snprintf(out, size, "%s", trust_outcome_name(verdict->outcome));
    }
}

/* One line of a table: the two fingerprints are for showcert, where they stand side by side. */
static void say_detail(const struct trust_verdict *verdict, char *out, size_t size)
{
    char since[CLOCK_TEXT_MAX];

    clock_format(verdict->pinned_since_ms, since);
    if (verdict->outcome == TRUST_MISMATCH)
        snprintf(out, size, "another certificate than the one pinned since %s", since);
    else
        snprintf(out, size, "%s", verdict->error.message);
}

static json_t *make_row(const struct trust_request *trust, const struct probe_result *result)
{
    char host[HOST_PORT_TEXT_MAX];
    char verdict[64] = "unreachable";
    char sha256[FINGERPRINT_TEXT_MAX];
    char detail[ERROR_TEXT_MAX];

    host_port_format(&trust->host, host);
    if (result->state == PROBE_FAILED)
        return json_pack("{s:s, s:s, s:s}", "host", host, "verdict", verdict, "detail",
                         result->error.message);
    say_verdict(&result->verdict, verdict, sizeof(verdict));
    say_detail(&result->verdict, detail, sizeof(detail));
    fingerprint_format(result->verdict.shown_sha256, sha256);
    return json_pack("{s:s, s:s, s:s, s:s}", "host", host, "verdict", verdict, "sha256", sha256, "detail",
                     detail);
}

static void count_refusal(struct verification *verification, enum trust_outcome outcome)
{
    if (outcome == TRUST_MISMATCH)
        verification->mismatches++;
    else if (!trust_is_accepted(outcome) && outcome != TRUST_NO_PIN)
        verification->refused++;
}

static void take_result(void *arg, size_t index, const struct probe_result *result)
{
    struct verification *verification = arg;
    struct trust_request *trust = &verification->hosts[index];

    if (result->state == PROBE_FAILED) {
        verification->unreachable++;
    } else {
        count_refusal(verification, result->verdict.outcome);
        verify_report(verification->request, trust, &result->verdict);
    }
    verification->rows[index] = make_row(trust, result);
    while (verification->sent < verification->count && verification->rows[verification->sent] != NULL) {
        json_t *row = verification->rows[verification->sent];

        verification->rows[verification->sent] = json_null();
        verification->sent++;
        control_progress(verification->request->job,
                         json_pack("{s:o, s:I, s:I}", "row", row, "total", (json_int_t)verification->count,
                                   "percent", (json_int_t)(100 * verification->sent / verification->count)));
    }
    if (control_job_abandoned(verification->request->job) || verification->request->node->stopping)
        atomic_store(&verification->cancel, true);
}

static int run(struct verification *verification, json_t **result, struct error *err)
{
    struct probe_options options = {.cancel = &verification->cancel};
    int failed = 0;

    verification->rows = calloc(verification->count + 1, sizeof(*verification->rows));
    if (verification->rows == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (verification->count > 0)
        failed = probe_run(verification->request->node->store, verification->hosts, verification->count,
                           &options, take_result, verification, err);
    free(verification->rows);
    if (failed != 0)
        return -1;
    *result = json_pack("{s:I, s:I, s:I, s:I}", "checked", (json_int_t)verification->count, "mismatches",
                        (json_int_t)verification->mismatches, "refused", (json_int_t)verification->refused,
                        "unreachable", (json_int_t)verification->unreachable);
    return 0;
}

static int add_host(struct verification *verification, size_t *capacity, const struct pin *pin,
                    struct error *err)
{
    struct trust_request *host;

    if (verification->count == *capacity) {
        size_t more = *capacity == 0 ? 64 : 2 * *capacity;
        struct trust_request *grown = realloc(verification->hosts, more * sizeof(*grown));

        if (grown == NULL)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        verification->hosts = grown;
        *capacity = more;
    }
    host = &verification->hosts[verification->count];
    *host = (struct trust_request){
        .zone = pin->zone, .mode = TRUST_OBSERVE, .task = verification->request->who.user};
    if (host_port_parse(pin->host, &host->host, err) != 0)
        return -1;
    host->is_self = node_is_self(verification->request->node, &host->host);
    verification->count++;
    return 0;
}

static int collect(struct verification *verification, struct store_txn *txn, struct error *err)
{
    struct pin_cursor *cursor = pin_cursor_open(txn, err);
    bool standby = !store_is_active(txn);
    size_t capacity = 0;
    struct pin_row row;
    struct pin pin;
    int got;

    if (cursor == NULL)
        return -1;
    while ((got = pin_cursor_next(cursor, &row, err)) == 1) {
        if (row.from_peer && standby)
            continue;
        if (pin_decode(txn, &row, &pin, err) != 0 || add_host(verification, &capacity, &pin, err) != 0) {
            got = -1;
            break;
        }
    }
    pin_cursor_close(cursor);
    return got;
}

int verify_all(struct request *request, json_t **result, struct error *err)
{
    struct verification verification = {.request = request};
    struct store_txn *txn = store_read(request->node->store, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = collect(&verification, txn, err);
    store_end(txn);
    if (failed == 0)
        failed = run(&verification, result, err);
    free(verification.hosts);
    return failed;
}

int verify_one(struct request *request, const struct host_port *host, json_t **result, struct error *err)
{
    struct trust_request one = {.host = *host,
                                .zone = TRUST_ZONE_SYSTEM,
                                .mode = TRUST_OBSERVE,
                                .task = request->who.user,
                                .is_self = node_is_self(request->node, host)};
    struct verification verification = {.request = request, .hosts = &one, .count = 1};
    struct store_txn *txn = store_read(request->node->store, err);
    char text[HOST_PORT_TEXT_MAX];
    struct pin pin;

    if (txn == NULL)
        return -1;
    host_port_format(host, text);
    if (pin_get(txn, text, &pin, NULL) == 0)
        one.zone = pin.zone;
    store_end(txn);
    return run(&verification, result, err);
}
