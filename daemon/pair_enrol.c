/* Registration as the secondary sees it: what the primary asks of it. */
#include "base/clock.h"
#include "daemon/configuration.h"
#include "daemon/pair_private.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* Ends the registration that is under way here; 1: there is none, or the records are in place already. */
static int give_up(struct pair *pair, const char *reason, struct error *err)
{
    pthread_mutex_lock(&pair->lock);
    pair->copying = false;
    pthread_mutex_unlock(&pair->lock);
    pair_receiver_end(pair);
    return pair_apply(pair, HA_REGISTER_FAILED, reason, NULL, NULL, err);
}

/* A primary that died in the middle of its registration need not wait for this node to notice. */
static bool is_begun_by(struct pair *pair, const struct link_caller *caller)
{
    enum ha_state state;

    pair_record_of(pair, &state);
    return state == HA_INITIALIZING && pair_is_coming(pair, caller);
}

static int check_stands_alone(struct pair *pair, const struct link_caller *caller, struct error *err)
{
    enum ha_state state;

    if (is_begun_by(pair, caller) && give_up(pair, "the primary begins anew", err) < 0)
        return -1;
    pair_record_of(pair, &state);
    if (state == HA_NOT_CONFIGURED)
        return 0;
    error_set(err, ERROR_CONFLICT, "%s stands not alone: it is %s", pair->self.address,
              ha_state_facts(state)->name);
    return error_hint(err, "take that pair apart on %s: ncs ha remove", pair->self.address);
}

/* The other direction: this node's way to the primary, its certificate there, and the key. */
static int reach_back(struct pair *pair, const char *address, struct error *err)
{
    struct error why = {0};
    struct link *link = pair_connect(pair, address, "Registration", PAIR_STEP_MS, &why);

    if (link != NULL) {
        link_close(link);
        return 0;
    }
    error_set(err, why.code, "%s cannot connect to %s: %s", pair->self.address, address, why.message);
    return why.hint[0] != '\0' ? error_hint(err, "on %s, %s", pair->self.address, why.hint) : -1;
}

static int note_coming(struct pair *pair, const struct link_caller *caller, json_t *params, struct error *err)
{
    struct pair_record coming = {.since_ms = clock_wall_ms(), .confirmed = false};
    uint8_t key[PAIR_KEY_SIZE];
    const char *name = json_string_value(json_object_get(params, "name"));

    if (!proof_unhex(json_string_value(json_object_get(params, "key")), key, PAIR_KEY_SIZE) ||
        host_parse(name != NULL ? name : "", &(enum host_kind){0}, coming.peer_name, err) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a registration needs \"name\" and \"key\"");
    snprintf(coming.state, sizeof(coming.state), "%s", ha_state_facts(HA_SECONDARY_SYNCING)->name);
    snprintf(coming.reason, sizeof(coming.reason), "registered by %s", caller->address);
    snprintf(coming.peer_address, sizeof(coming.peer_address), "%s", caller->address);
    snprintf(coming.peer_node, sizeof(coming.peer_node), "%s", caller->node);
    pair_form_read(json_object_get(params, "form"), &coming.form);
    pthread_mutex_lock(&pair->lock);
    pair->coming = coming;
    memcpy(pair->coming_key, key, PAIR_KEY_SIZE);
    pair->coming_ms = clock_monotonic_ms();
    pair->registration = (struct pair_registration){.started_ms = coming.since_ms};
    memcpy(pair->registration.peer, coming.peer_address, sizeof(pair->registration.peer));
    pthread_mutex_unlock(&pair->lock);
    OPENSSL_cleanse(key, sizeof(key));
    return 0;
}

static int run_begin(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                     struct error *err)
{
    struct pair *pair = arg;
    char hostname[HOST_TEXT_MAX];
    char reason[PAIR_REASON_SIZE];

    if (check_stands_alone(pair, caller, err) != 0 || reach_back(pair, caller->address, err) != 0 ||
        note_coming(pair, caller, params, err) != 0)
        return -1;
    snprintf(reason, sizeof(reason), "%s registers it as its secondary", caller->address);
    if (pair_apply(pair, HA_REGISTER, reason, NULL, NULL, err) != 0)
        return error_set(err, ERROR_BUSY, "another registration began here meanwhile");
    configuration_hostname(pair->node, hostname);
    *result = json_pack("{s:s}", "name", hostname);
    return 0;
}

/* ERROR_CONFLICT: it is not this caller that registers this node. */
static int check_registering(struct pair *pair, const struct link_caller *caller, struct error *err)
{
    if (!pair_is_coming(pair, caller))
        return error_set(err, ERROR_CONFLICT, "%s is not being registered by %s", pair->self.address,
                         caller->address);
    pthread_mutex_lock(&pair->lock);
    pair->coming_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&pair->lock);
    return 0;
}

static int run_copy(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                    struct error *err)
{
    struct pair *pair = arg;
    const char *line = json_string_value(json_object_get(params, "line"));

    (void)result;
    if (check_registering(pair, caller, err) != 0)
        return -1;
    if (!proof_is_node(line))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a registration needs \"line\"");
    pthread_mutex_lock(&pair->lock);
    snprintf(pair->coming.line, sizeof(pair->coming.line), "%s", line);
    pair->coming.epoch = (uint64_t)json_integer_value(json_object_get(params, "epoch"));
    pair->imported = false;
    pair->copying = pair->state == HA_INITIALIZING;
    pthread_mutex_unlock(&pair->lock);
    /* what would be changed here from now on would be gone with the copy */
    store_set_active(pair->node->store, false, caller->address);
    pair_poke(pair);
    return 0;
}

static int run_status(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                      struct error *err)
{
    struct pair *pair = arg;
    enum ha_state state;
    unsigned percent;

    (void)params;
    pair_record_of(pair, &state);
    if (check_registering(pair, caller, err) != 0)
        return -1;
    pthread_mutex_lock(&pair->lock);
    percent = pair->registration.percent[1];
    pthread_mutex_unlock(&pair->lock);
    *result = json_pack("{s:s, s:i}", "state", ha_state_facts(state)->name, "percent", (int)percent);
    return 0;
}

static int run_abort(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                     struct error *err)
{
    struct pair *pair = arg;

    (void)params;
    (void)result;
    if (check_registering(pair, caller, err) != 0)
        return -1;
    if (give_up(pair, "the primary gave the registration up", err) <= 0)
        return 0;
    /* the records were in place already */
    return pair_apply(pair, HA_REMOVED, "the primary gave the registration up", NULL, NULL, err) < 0 ? -1 : 0;
}

size_t pair_register_routes_fill(struct pair *pair, struct link_route *routes)
{
    const struct link_route all[] = {
        {.method = "POST", .path = "/ha/v1/register/begin", .run = run_begin, .arg = pair},
        {.method = "POST", .path = "/ha/v1/register/copy", .run = run_copy, .arg = pair},
        {.method = "POST", .path = "/ha/v1/register/status", .run = run_status, .arg = pair},
        {.method = "POST", .path = "/ha/v1/register/abort", .run = run_abort, .arg = pair},
    };

    memcpy(routes, all, sizeof(all));
    return sizeof(all) / sizeof(all[0]);
}
