#include "daemon/ca_update.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/ca.h"
#include "x509/bundle.h"

#include <stdlib.h>

STACK_OF(X509) * ca_update_read(const struct node *node, struct error *err)
{
    STACK_OF(X509) * bundle;
    struct error cause = {0};
    char *data = NULL;
    size_t length;

    if (file_read(node->conf.ca_bundle, X509_BUNDLE_FILE_MAX, &data, &length, &cause) != 0) {
        error_set(err, cause.code, "the system's CA certificates cannot be read: %s", cause.message);
        return NULL;
    }
    bundle = x509_read_bundle(data, length, &cause);
    free(data);
    if (bundle == NULL)
        error_set(err, cause.code, "the system's CA certificates in %.200s cannot be used: %s",
                  node->conf.ca_bundle, cause.message);
    return bundle;
}

int ca_update_apply(struct store_txn *txn, enum trust_zone zone, STACK_OF(X509) * bundle,
                    struct trust_ca_count *count, struct error *err)
{
    struct ca_state state;

    if (trust_ca_follow(txn, zone, bundle, count, err) != 0 || ca_state_get(txn, zone, &state, err) != 0)
        return -1;
    state.updated_ms = clock_wall_ms();
    state.problem = "";
    return ca_state_set(txn, zone, &state, err);
}

struct update {
    enum trust_zone zone;
    STACK_OF(X509) * bundle; /* NULL: it could not be read */
    const char *problem;
    struct trust_ca_count count;
};

static int update_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct update *update = arg;
    struct ca_state state;

    if (ca_state_get(txn, update->zone, &state, err) != 0)
        return -1;
    if (!state.auto_update) /* switched off meanwhile */
        return 0;
    if (update->bundle != NULL)
        return ca_update_apply(txn, update->zone, update->bundle, &update->count, err);
    state.problem = update->problem;
    return ca_state_set(txn, update->zone, &state, err);
}

static bool is_due(struct node *node, enum trust_zone zone)
{
    struct store_txn *txn = store_read(node->store, NULL);
    int64_t now_ms = clock_wall_ms();
    struct ca_state state = {0};
    bool due;

    if (txn == NULL)
        return false;
    /* a standby gets the active node's CA certificates */
    due = store_is_active(txn) && ca_state_get(txn, zone, &state, NULL) == 0 && state.auto_update &&
          (now_ms - state.updated_ms >= CA_UPDATE_INTERVAL_MS || state.updated_ms > now_ms);
    store_end(txn);
    return due;
}

static void update_zone(struct node *node, enum trust_zone zone)
{
    struct error err = {0};
    struct update update = {.zone = zone, .bundle = ca_update_read(node, &err)};
    struct error why = err;
    bool failed = update.bundle == NULL;

    update.problem = why.message;
    if (store_run(node->store, update_job, &update, &err) != 0) {
        why = err;
        failed = true;
    }
    if (failed)
        log_write(node->application_log, LOG_LEVEL_ERROR,
                  "[%s] [DailyTask] the trust store was not brought up to date: %s", trust_zone_name(zone),
                  why.message);
    else if (update.count.added + update.count.removed > 0)
        log_write(node->application_log, LOG_LEVEL_INFO,
                  "[%s] [DailyTask] the trust store follows the system's: %zu CA certificates added, %zu "
                  "removed",
                  trust_zone_name(zone), update.count.added, update.count.removed);
    x509_bundle_free(update.bundle);
}

void ca_update_run(struct node *node)
{
    for (int zone = 0; zone < TRUST_ZONES && !node->stopping; zone++) {
        if (is_due(node, (enum trust_zone)zone))
            update_zone(node, (enum trust_zone)zone);
    }
}
