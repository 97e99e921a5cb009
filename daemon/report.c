#include "daemon/report.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED_MAX 1024 /* hosts; the one written longest ago makes room */

struct remembered {
    char host[HOST_PORT_TEXT_MAX];
    uint8_t sha256[FINGERPRINT_SIZE];
    enum trust_outcome outcome;
    int64_t written_ms; /* monotonic */
    unsigned long unwritten;
};

struct report {
    pthread_mutex_t lock;
    struct log *log;
    struct remembered *items;
    size_t count;
};

struct report *report_new(struct log *log, struct error *err)
{
    struct report *report = calloc(1, sizeof(*report));

    if (report == NULL || (report->items = calloc(REMEMBERED_MAX, sizeof(*report->items))) == NULL) {
        free(report);
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&report->lock, NULL);
    report->log = log;
    return report;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    pthread_mutex_destroy(&report->lock);
    free(report->items);
    free(report);
}

static struct remembered *find(struct report *report, const char *host)
{
    struct remembered *oldest = &report->items[0];

    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->items[i].host, host) == 0)
            return &report->items[i];
        if (report->items[i].written_ms < oldest->written_ms)
            oldest = &report->items[i];
    }
    if (report->count < REMEMBERED_MAX)
        oldest = &report->items[report->count++];
    *oldest = (struct remembered){0};
    snprintf(oldest->host, sizeof(oldest->host), "%s", host);
    return oldest;
}

/* True if it is to be written now; then *unwritten is how often it was not since the last time. */
static bool is_due(struct report *report, const char *host, const struct trust_verdict *verdict,
                   unsigned long *unwritten)
{
    int64_t now = clock_monotonic_ms();
    struct remembered *item;
    bool due;
    bool same;

    pthread_mutex_lock(&report->lock);
    item = find(report, host);
    same = item->outcome == verdict->outcome &&
           memcmp(item->sha256, verdict->shown_sha256, FINGERPRINT_SIZE) == 0;
    due = item->written_ms == 0 || now - item->written_ms >= REPORT_REPEAT_MS || !same;
    if (due) {
        *unwritten = same ? item->unwritten : 0;
        item->unwritten = 0;
        item->written_ms = now;
        item->outcome = verdict->outcome;
        memcpy(item->sha256, verdict->shown_sha256, FINGERPRINT_SIZE);
    } else {
        item->unwritten++;
    }
    pthread_mutex_unlock(&report->lock);
    return due;
}

/* The wording is the original appliance's, its grammar included: admins and scripts search for it. */
#define MISMATCH "Current certificate of the remote host is different from what was used earlier"

static void write_mismatch(struct log *log, const char *thread, const char *zone,
                           const struct trust_verdict *verdict)
{
    log_write(log, LOG_LEVEL_ERROR,
              "[%s] [%s] TOFU failed. Check local trust Trust-on-first-use is configure for this "
              "connection. " MISMATCH " - %s",
              zone, thread, verdict->subject_reversed);
    log_write(
        log, LOG_LEVEL_ERROR,
        "javax.net.ssl.SSLHandshakeException: java.security.cert.CertificateException: Trust-on-first-use is "
        "configure for this connection. " MISMATCH " - CN=%s",
        verdict->common_name);
}

void report_verdict(struct report *report, const char *thread, const struct trust_request *request,
                    const struct trust_verdict *verdict)
{
    const char *zone = trust_zone_name(request->zone);
    char host[HOST_PORT_TEXT_MAX];
    unsigned long unwritten = 0;

    bool is_accepted = trust_is_accepted(verdict->outcome);

    if ((is_accepted && verdict->error.code == ERROR_NONE) || verdict->outcome == TRUST_NO_PIN)
        return;
    host_port_format(&request->host, host);
    if (!is_due(report, host, verdict, &unwritten))
        return;
    if (verdict->outcome == TRUST_MISMATCH)
        write_mismatch(report->log, thread, zone, verdict);
    log_write(report->log, is_accepted ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "[%s] [%s] %s%s%s", zone,
              thread, verdict->error.message, verdict->error.hint[0] != '\0' ? ". " : "",
              verdict->error.hint);
    if (unwritten > 0 && !is_accepted)
        log_write(report->log, LOG_LEVEL_ERROR,
                  "[%s] [%s] the same certificate of %s was refused %lu more times since "
                  "this was last written",
                  zone, thread, host, unwritten);
}
