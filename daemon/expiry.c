#include "daemon/expiry.h"

#include "base/clock.h"
#include "base/text.h"
#include "daemon/notice.h"
#include "store/expiry.h"
#include "store/setting.h"

#include <stdio.h>
#include <string.h>

#define SETTING_NAME "expiry-checked"
#define DAY_MS (24 * 3600 * 1000LL)
#define KEPT_MS DAY_MS /* without a notice the time of the last run is written this often */
#define NOTICE_MAX 768

struct run {
    struct node *node;
    int64_t last_ms;
    int64_t now_ms;
    size_t notices;
    struct text lines; /* of the mail */
};

static void give(struct run *run, const char *text)
{
    notice_give(run->node, "DailyTask", text);
    text_format(&run->lines, "%s\n", text);
}

/* One mail, however many certificates there are. */
static void send_mail(struct run *run)
{
    char subject[128];

    snprintf(subject, sizeof(subject), "%zu certificate%s to %s end", run->notices,
             run->notices == 1 ? " comes" : "s come", run->notices == 1 ? "its" : "their");
    text_add_string(&run->lines, "\nAll of them: show cert expiry\n");
    if (!run->lines.failed)
        notice_mail(run->node, subject, run->lines.data);
}

static void say(struct run *run, const struct expiry *expiry)
{
    static const char *const what[EXPIRY_KINDS] = {
        [EXPIRY_OWN] = "this node's own certificate",
        [EXPIRY_ISSUER] = "the CA certificate of this node's own chain",
        [EXPIRY_CA] = "the CA certificate",
        [EXPIRY_PINNED] = "the pinned certificate of",
        [EXPIRY_PURPOSE] = "this node's own certificate for",
        [EXPIRY_TRUST] = "the trusted certificate",
    };
    int64_t left_ms = expiry->not_after_ms - run->now_ms;
    char when[CLOCK_TEXT_MAX];
    char text[NOTICE_MAX];
    char left[64] = "expired";

    clock_format(expiry->not_after_ms, when);
    if (left_ms > 0)
        snprintf(left, sizeof(left), "expires in %lld days", (long long)(left_ms / DAY_MS));
    snprintf(text, sizeof(text), "%s%s%s (%.300s) %s, on %s", what[expiry->kind],
             expiry->kind == EXPIRY_OWN ? "" : " ", expiry->kind == EXPIRY_OWN ? "" : expiry->name,
             expiry->subject_slash, left, when);
    give(run, text);
}

static int look(void *arg, const struct expiry *expiry)
{
    struct run *run = arg;
    /* What came here after the last run has missed its earlier notices. */
    int64_t after_ms = expiry->since_ms > run->last_ms ? 0 : run->last_ms;

    if (expiry_passed(expiry->not_after_ms, after_ms, run->now_ms) >= 0 &&
        ++run->notices <= EXPIRY_NOTICES_MAX)
        say(run, expiry);
    return run->node->stopping;
}

static int read_last(struct store_txn *txn, int64_t *last_ms)
{
    struct error cause = {0};
    const uint8_t *value;
    size_t length;

    *last_ms = 0;
    if (setting_get(txn, SETTING_NAME, &value, &length, &cause) != 0)
        return cause.code == ERROR_NOT_FOUND ? 0 : -1;
    if (length == sizeof(*last_ms))
        memcpy(last_ms, value, sizeof(*last_ms));
    return 0;
}

static int write_last(struct store_txn *txn, void *arg, struct error *err)
{
    return setting_set(txn, SETTING_NAME, STORE_SCOPE_NODE, arg, sizeof(int64_t), err);
}

void expiry_run(struct node *node)
{
    struct run run = {.node = node, .now_ms = clock_wall_ms()};
    struct store_txn *txn = store_read(node->store, NULL);
    struct error err = {0};
    int failed;

    if (txn == NULL)
        return;
    failed = read_last(txn, &run.last_ms);
    if (failed == 0)
        failed = expiry_each(txn, look, &run, &err);
    store_end(txn);
    if (node->stopping) {
        text_free(&run.lines);
        return;
    }
    if (run.notices > EXPIRY_NOTICES_MAX) {
        char text[128];

        snprintf(text, sizeof(text), "%zu more certificates come to their end: show cert expiry",
                 run.notices - EXPIRY_NOTICES_MAX);
        give(&run, text);
    }
    if (failed == 0 && run.notices > 0)
        send_mail(&run);
    if (failed == 0 && (run.notices > 0 || run.now_ms - run.last_ms >= KEPT_MS || run.last_ms > run.now_ms))
        failed = store_run(node->store, write_last, &run.now_ms, &err);
    if (failed != 0)
        log_write(node->application_log, LOG_LEVEL_ERROR,
                  "[system] [DailyTask] the ends of the certificates could not be looked up: %s",
                  err.message);
    text_free(&run.lines);
}
