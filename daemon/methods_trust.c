/* The methods about trust zones: policies, CA certificates, OCSP responders; and what our own server accepts.
 */
#include "base/tls_versions.h"
#include "daemon/ca_update.h"
#include "daemon/daily.h"
#include "daemon/place.h"
#include "daemon/request.h"
#include "store/ca.h"
#include "store/setting.h"
#include "trust/trust.h"
#include "x509/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_zone(const struct request *request, enum trust_zone *zone, struct error *err)
{
    const char *name = request_text(request, "zone", err);

    return name == NULL ? -1 : trust_zone_parse(name, zone, err);
}

struct policy_change {
    enum trust_zone zone;
    enum trust_policy policy;
};

static int set_policy(struct store_txn *txn, void *arg, struct error *err)
{
    const struct policy_change *change = arg;

    return trust_set_policy(txn, change->zone, change->policy, err);
}

/* {"cas", "pins"}: what the zone holds. */
static json_t *holdings(struct store *store, enum trust_zone zone)
{
    struct store_txn *txn = store_read(store, NULL);
    struct trust_holdings held = {0};

    if (txn == NULL)
        return NULL;
    trust_count_holdings(txn, zone, &held, NULL);
    store_end(txn);
    return json_pack("{s:I, s:I}", "cas", (json_int_t)held.cas, "pins", (json_int_t)held.pins);
}

static int policy_set_one(struct request *request, json_t **result, struct error *err)
{
    struct policy_change change;
    const char *policy = request_text(request, "policy", err);

    if (policy == NULL || read_zone(request, &change.zone, err) != 0 ||
        trust_policy_parse(policy, &change.policy, err) != 0 ||
        request_change(request, set_policy, &change, err) != 0)
        return -1;
    *result = change.policy == TRUST_POLICY_ENABLE ? holdings(request->node->store, change.zone) : NULL;
    return 0;
}

struct ca_change {
    enum trust_zone zone;
    const char *alias;
    bool enable;
    STACK_OF(X509) * bundle;
    struct trust_ca_count count;
    bool auto_update;
};

static json_t *pack_count(const struct ca_change *change)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:b}", "added", (json_int_t)change->count.added, "known",
                     (json_int_t)change->count.known, "removed", (json_int_t)change->count.removed, "skipped",
                     (json_int_t)change->count.skipped, "auto_update", change->auto_update);
}

static int import_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct ca_change *change = arg;

    return trust_ca_add(txn, change->zone, change->alias, change->bundle, &change->count, err);
}

/* What is in the file, named in the sentence where it cannot be used. */
static STACK_OF(X509) * read_file(const struct request *request, struct error *err)
{
    const char *repository = request_text(request, "repository", err);
    const char *file = repository == NULL ? NULL : request_text(request, "file", err);
    STACK_OF(X509) * bundle;
    struct error cause = {0};
    char *data = NULL;
    size_t length;

    if (file == NULL ||
        place_read_file(request, repository, file, X509_BUNDLE_FILE_MAX, &data, &length, err) != 0)
        return NULL;
    bundle = x509_read_bundle(data, length, &cause);
    if (bundle == NULL)
        error_set(err, cause.code, "no CA certificate was imported from %s: %s", file, cause.message);
    /* It may have been a private key. */
    explicit_bzero(data, length);
    free(data);
    return bundle;
}

static int ca_import(struct request *request, json_t **result, struct error *err)
{
    struct ca_change change = {.alias = request_text(request, "alias", err)};
    int failed;

    if (change.alias == NULL || read_zone(request, &change.zone, err) != 0)
        return -1;
    change.bundle = read_file(request, err);
    if (change.bundle == NULL)
        return -1;
    failed = request_change(request, import_job, &change, err);
    x509_bundle_free(change.bundle);
    if (failed != 0)
        return -1;
    *result = pack_count(&change);
    daily_wake(request->node->daily);
    return 0;
}

static int delete_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct ca_change *change = arg;

    return ca_delete(txn, change->zone, change->alias, err);
}

static int ca_delete_one(struct request *request, json_t **result, struct error *err)
{
    struct ca_change change = {.alias = request_text(request, "alias", err)};

    (void)result;
    if (change.alias == NULL || read_zone(request, &change.zone, err) != 0)
        return -1;
    return request_change(request, delete_job, &change, err);
}

static int clear_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct ca_change *change = arg;
    struct ca_state state;

    if (trust_ca_clear(txn, change->zone, &change->count, err) != 0 ||
        ca_state_get(txn, change->zone, &state, err) != 0)
        return -1;
    change->auto_update = state.auto_update;
    return 0;
}

static int ca_clear(struct request *request, json_t **result, struct error *err)
{
    struct ca_change change = {0};

    if (read_zone(request, &change.zone, err) != 0 || request_change(request, clear_job, &change, err) != 0)
        return -1;
    *result = pack_count(&change);
    return 0;
}

static int auto_update_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct ca_change *change = arg;
    struct ca_state state;

    if (ca_state_get(txn, change->zone, &state, err) != 0)
        return -1;
    state.auto_update = change->enable;
    if (ca_state_set(txn, change->zone, &state, err) != 0)
        return -1;
    return change->enable ? ca_update_apply(txn, change->zone, change->bundle, &change->count, err) : 0;
}

static int ca_auto_update(struct request *request, json_t **result, struct error *err)
{
    struct ca_change change = {.enable = json_is_true(json_object_get(request->params, "enable"))};
    int failed;

    if (read_zone(request, &change.zone, err) != 0)
        return -1;
    if (change.enable && (change.bundle = ca_update_read(request->node, err)) == NULL)
        return -1;
    failed = request_change(request, auto_update_job, &change, err);
    x509_bundle_free(change.bundle);
    if (failed == 0)
        *result = pack_count(&change);
    return failed;
}

/* A change of one thing about OCSP; the rest stays. */
struct ocsp_change {
    const char *what; /* "custom", "failure", "url1", "url2" */
    const char *value;
    struct ocsp_setting setting;
};

static int apply_ocsp(struct ocsp_change *change, struct error *err)
{
    struct ocsp_setting *setting = &change->setting;

    if (strcmp(change->what, "custom") == 0) {
        setting->custom = strcmp(change->value, "enable") == 0;
    } else if (strcmp(change->what, "failure") == 0) {
        setting->hard = strcmp(change->value, "hard") == 0;
    } else if (strcmp(change->what, "url1") == 0 || strcmp(change->what, "url2") == 0) {
        if (change->value[0] != '\0' && trust_check_responder(change->value, err) != 0)
            return -1;
        snprintf(setting->urls[change->what[3] - '1'], OCSP_URL_MAX, "%s", change->value);
    } else {
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "there is nothing called \"%.40s\" to be set about OCSP", change->what);
    }
    return 0;
}

static int ocsp_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct ocsp_change *change = arg;

    if (ocsp_setting_get(txn, &change->setting, err) != 0 || apply_ocsp(change, err) != 0)
        return -1;
    return ocsp_setting_set(txn, &change->setting, err);
}

static int ocsp_set(struct request *request, json_t **result, struct error *err)
{
    struct ocsp_change change = {.what = request_text(request, "what", err)};
    const struct ocsp_setting *setting = &change.setting;

    if (change.what == NULL || (change.value = request_text(request, "value", err)) == NULL ||
        request_change(request, ocsp_job, &change, err) != 0)
        return -1;
    *result = json_pack("{s:b, s:b, s:s, s:s}", "custom", setting->custom, "hard", setting->hard, "url1",
                        setting->urls[0], "url2", setting->urls[1]);
    return 0;
}

static int versions_job(struct store_txn *txn, void *arg, struct error *err)
{
    char text[TLS_VERSIONS_TEXT_MAX];

    tls_versions_format(arg, ' ', text);
    return setting_set(txn, TLS_VERSIONS_SETTING, STORE_SCOPE_PAIR, text, strlen(text), err);
}

static int set_versions(struct request *request, json_t **result, struct error *err)
{
    const char *text = request_text(request, "versions", err);
    struct tls_versions versions;

    (void)result;
    if (text == NULL || tls_versions_parse(text, &versions, err) != 0)
        return -1;
    return request_change(request, versions_job, &versions, err);
}

const struct method trust_methods[] = {
    {"policy.set", ACCOUNT_ADMIN, METHOD_CHANGES, policy_set_one},
    {"ca.import", ACCOUNT_ADMIN, METHOD_CHANGES, ca_import},
    {"ca.delete", ACCOUNT_ADMIN, METHOD_CHANGES, ca_delete_one},
    {"ca.clear", ACCOUNT_ADMIN, METHOD_CHANGES, ca_clear},
    {"ca.auto_update", ACCOUNT_ADMIN, METHOD_CHANGES, ca_auto_update},
    {"ocsp.set", ACCOUNT_ADMIN, METHOD_CHANGES, ocsp_set},
    {"tls.set_versions", ACCOUNT_ADMIN, METHOD_CHANGES, set_versions},
};
const size_t trust_method_count = sizeof(trust_methods) / sizeof(trust_methods[0]);
