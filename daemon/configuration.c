#include "daemon/configuration.h"

#include "base/base64.h"
#include "base/clock.h"
#include "daemon/caller.h"
#include "daemon/mailer.h"
#include "daemon/pair.h"
#include "daemon/workers.h"
#include "store/audit.h"
#include "store/config.h"
#include "store/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000 /* when the old configuration could not be put back */

/* The value in `out`, or false where it is not set or the store cannot be read. */
static bool running_value(const struct node *node, const char *name, char *out, size_t size)
{
    struct store_txn *txn = store_read(node->store, NULL);
    const char *value = txn == NULL ? NULL : config_get(txn, CONFIG_RUNNING, name, NULL);

    if (value != NULL)
        snprintf(out, size, "%s", value);
    if (txn != NULL)
        store_end(txn);
    return value != NULL;
}

void configuration_hostname(const struct node *node, char out[HOST_TEXT_MAX])
{
    if (!running_value(node, "hostname", out, HOST_TEXT_MAX))
        snprintf(out, HOST_TEXT_MAX, "%s", node->conf.hostname);
}

/* The node's four levels among syslog's eight. */
static enum log_level level_of(long number)
{
    if (number <= 3)
        return LOG_LEVEL_ERROR;
    if (number == 4)
        return LOG_LEVEL_WARNING;
    return number < 7 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

void configuration_apply(struct node *node)
{
    enum log_level level = node->conf.log_level;
    char number[8];

    if (running_value(node, "log-level", number, sizeof(number)))
        level = level_of(strtol(number, NULL, 10));
    log_set_most(node->application_log, level);
    log_set_most(node->health_log, level);
    mailer_retry(node->mailer);
}

int configuration_open_secret(const struct node *node, const char *name, const char *text, char *out,
                              size_t size, struct error *err)
{
    uint8_t sealed[STATEMENT_SECRET_MAX + SEAL_OVERHEAD + 3];
    size_t length;

    if (strlen(text) / 4 * 3 > sizeof(sealed) || !base64_decode(text, sealed, &length) ||
        length < SEAL_OVERHEAD || length - SEAL_OVERHEAD >= size)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the secret %.100s is too long", name);
    if (seal_unwrap(node->seal, name, sealed, length, out, err) != 0)
        return -1;
    out[length - SEAL_OVERHEAD] = '\0';
    return 0;
}

struct load {
    bool was_on_probation;
};

static int load(struct store_txn *txn, void *arg, struct error *err)
{
    struct load *loading = arg;
    int64_t deadline_ms;

    if (config_probation_deadline(txn, &deadline_ms, err) != 0)
        return -1;
    loading->was_on_probation = deadline_ms != 0;
    if (loading->was_on_probation)
        return config_probation_end(txn, true, err);
    return config_copy(txn, CONFIG_STARTUP, CONFIG_RUNNING, err);
}

int configuration_load(struct node *node, struct error *err)
{
    struct load loading = {false};

    /* the other node of a pair goes on with what runs: one that restarts does not take it back */
    if (!pair_is_configured(node->pair) && store_run(node->store, load, &loading, err) != 0)
        return -1;
    configuration_apply(node);
    configuration_watch(node);
    if (loading.was_on_probation)
        log_write(node->application_log, LOG_LEVEL_WARNING,
                  "[configuration] nobody confirmed the configuration before the restart: the one before it "
                  "runs again");
    return 0;
}

struct put_back {
    int64_t deadline_ms; /* still to come, if another probation began meanwhile; 0: none */
    bool done;
};

static int put_back(struct store_txn *txn, void *arg, struct error *err)
{
    struct put_back *put = arg;
    struct audit_entry entry = {.when_ms = clock_wall_ms(),
                                .user = "primed",
                                .role = account_role_name(ACCOUNT_ADMIN),
                                .origin = CALLER_LOCAL_ORIGIN,
                                .line = "configure revert",
                                .result = "ok",
                                .message = "nobody confirmed the configuration in time"};

    put->done = false;
    if (config_probation_deadline(txn, &put->deadline_ms, err) != 0)
        return -1;
    if (put->deadline_ms == 0 || put->deadline_ms > entry.when_ms)
        return 0;
    put->done = true;
    if (config_probation_end(txn, true, err) != 0)
        return -1;
    return audit_append(txn, &entry, err);
}

static void wait_ms(struct node *node, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    event_add(node->probation_timer, &wait);
}

static void end_probation(void *arg)
{
    struct node *node = arg;
    struct put_back put = {0};
    struct error err = {0};

    if (store_run(node->store, put_back, &put, &err) != 0) {
        log_write(node->application_log, LOG_LEVEL_ERROR,
                  "[configuration] the old configuration could not be put back: %s", err.message);
        wait_ms(node, RETRY_MS);
    } else if (put.done) {
        configuration_apply(node);
        log_write(node->application_log, LOG_LEVEL_WARNING,
                  "[configuration] nobody confirmed the configuration in time: the one before it runs again");
        log_write(node->audit_log, LOG_LEVEL_INFO,
                  "user=primed role=admin origin=local result=ok line=\"configure revert\"");
    } else {
        configuration_watch(node);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct node *node = arg;

    (void)fd;
    (void)what;
    if (workers_run(node->workers, end_probation, node, NULL) != 0)
        wait_ms(node, RETRY_MS);
}

/*
 * The deadline is a time of day, as the store must know it after a restart; the wait is one of the monotonic
 * clock and is looked at again at its end, so that a clock that is set meanwhile delays nothing for ever.
 */
void configuration_watch(struct node *node)
{
    struct store_txn *txn = store_read(node->store, NULL);
    int64_t deadline_ms = 0;

    if (txn != NULL) {
        config_probation_deadline(txn, &deadline_ms, NULL);
        store_end(txn);
    }
    if (deadline_ms == 0) {
        event_del(node->probation_timer);
        return;
    }
    deadline_ms -= clock_wall_ms();
    wait_ms(node, deadline_ms > 0 ? deadline_ms : 0);
}

int configuration_open(struct node *node, struct error *err)
{
    node->probation_timer = event_new(node->base, -1, 0, on_deadline, node);
    return node->probation_timer != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
}

void configuration_close(struct node *node)
{
    if (node->probation_timer != NULL)
        event_free(node->probation_timer);
    node->probation_timer = NULL;
}
