/* Registration: three milestones, asked for on the primary, each reported as it goes. */
#include "base/clock.h"
#include "base/version.h"
#include "daemon/configuration.h"
#include "daemon/pair_private.h"
#include "store/config.h"
#include "store/statement.h"

#include <netdb.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 150 /* between two looks at how far the secondary has come */
#define FIRST_EPOCH 1
#define CONFIRM_MS 20000 /* for heartbeats in both directions, and the standby in sync */

enum { PRE_HA, REPLICATION, POST_HA };
static const char *const milestones[] = {"Pre-HA Registration", "Database Replication",
                                         "Post HA Registration"};

/* One registration under way, on the primary. */
struct registering {
    struct pair *pair;
    const struct pair_wish *wish;
    struct link *link;
    struct pair_record coming;
    uint8_t key[PAIR_KEY_SIZE];
    unsigned milestone;
    bool peer_knows; /* it is initializing too */
};

/* ---- progress ---- */

static int write_registration(struct store_txn *txn, void *arg, struct error *err)
{
    return pair_registration_set(txn, arg, err);
}

static void keep_registration(struct pair *pair)
{
    struct pair_registration registration;

    pthread_mutex_lock(&pair->lock);
    registration = pair->registration;
    pthread_mutex_unlock(&pair->lock);
    store_run(pair->node->store, write_registration, &registration, NULL);
}

static void show(struct registering *registering, unsigned percent)
{
    struct pair *pair = registering->pair;
    unsigned milestone = registering->milestone;
    bool is_new;

    pthread_mutex_lock(&pair->lock);
    is_new = pair->registration.percent[milestone] != percent;
    pair->registration.percent[milestone] = percent;
    pthread_mutex_unlock(&pair->lock);
    if (percent == 100)
        keep_registration(pair);
    if ((is_new || percent == 0) && registering->wish->progress != NULL)
        registering->wish->progress(registering->wish->arg, milestone, percent);
}

/* The step that failed in front of why. Returns -1. */
static int failed(struct registering *registering, struct error *err)
{
    struct error why = *err;

    error_set(err, why.code, "%s failed: %s", milestones[registering->milestone], why.message);
    if (why.hint[0] != '\0')
        error_hint(err, "%s", why.hint);
    return -1;
}

/* ---- who it is ---- */

static int resolve(const char *name, char out[HOST_TEXT_MAX], struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    enum host_kind kind;

    if (host_parse(name, &kind, out, err) != 0)
        return -1;
    if (kind != HOST_NAME)
        return 0;
    if (getaddrinfo(name, NULL, &hints, &list) != 0 ||
        getnameinfo(list->ai_addr, list->ai_addrlen, out, HOST_TEXT_MAX, NULL, 0, NI_NUMERICHOST) != 0) {
        if (list != NULL)
            freeaddrinfo(list);
        error_set(err, ERROR_UNREACHABLE, "cannot find the address of the secondary server %s", name);
        return error_hint(err, "give its address instead of its name");
    }
    freeaddrinfo(list);
    return 0;
}

int pair_wished_peer(struct pair *pair, const struct pair_wish *wish, char out[HOST_TEXT_MAX],
                     struct error *err)
{
    char name[HOST_TEXT_MAX] = "";

    if (wish->peer != NULL)
        snprintf(name, sizeof(name), "%s", wish->peer);
    else if (!pair_config(pair, "ha/secondary-server", name, sizeof(name))) {
        error_set(err, ERROR_INVALID_ARGUMENT, "no secondary server is configured");
        return error_hint(
            err, "configure it in configuration mode ha, or: ncs ha register secondary-server <host>");
    }
    if (resolve(name, out, err) != 0)
        return -1;
    if (strcmp(out, pair->self.address) == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is this server itself", name);
    return 0;
}

/* What came over the control socket is judged as a line of the configuration would be. */
static int check_form(json_t *form, struct error *err)
{
    static const char *const names[][2] = {{"failover", "ha/failover-type"},
                                           {"email", "ha/email-address"},
                                           {"ipv4", "ha/virtual-ipv4"},
                                           {"ipv6", "ha/virtual-ipv6"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = json_string_value(json_object_get(form, names[i][0]));
        char kept[STATEMENT_VALUE_MAX];

        if (value != NULL && statement_check(names[i][1], value, kept, err) != 0)
            return -1;
    }
    return 0;
}

static void read_form(json_t *form, struct pair_form *out)
{
    const char *failover = json_string_value(json_object_get(form, "failover"));
    const char *email = json_string_value(json_object_get(form, "email"));
    const char *ipv4 = json_string_value(json_object_get(form, "ipv4"));
    const char *ipv6 = json_string_value(json_object_get(form, "ipv6"));

    if (failover != NULL)
        out->automatic = strcmp(failover, "automatic") == 0;
    if (email != NULL)
        snprintf(out->email, sizeof(out->email), "%s", email);
    if (ipv4 != NULL)
        snprintf(out->ipv4, sizeof(out->ipv4), "%s", ipv4);
    if (ipv6 != NULL)
        snprintf(out->ipv6, sizeof(out->ipv6), "%s", ipv6);
}

static json_t *write_form(const struct pair_form *form)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "failover", form->automatic ? "automatic" : "manual", "email",
                     form->email, "ipv4", form->ipv4, "ipv6", form->ipv6);
}

/* ---- the key that was typed counts while it is tried, and is kept once the pair stands ---- */

int pair_try_key(struct pair *pair, const char *authkey, struct error *err)
{
    struct proof_key key;

    if (authkey == NULL)
        return 0;
    if (proof_authkey_check(authkey, err) != 0 || proof_key_derive(authkey, &key, err) != 0)
        return -1;
    pthread_mutex_lock(&pair->lock);
    pair->trial_key = key;
    pair->has_trial_key = true;
    pthread_mutex_unlock(&pair->lock);
    OPENSSL_cleanse(&key, sizeof(key));
    return 0;
}

void pair_forget_tried_key(struct pair *pair)
{
    pthread_mutex_lock(&pair->lock);
    pair->has_trial_key = false;
    OPENSSL_cleanse(&pair->trial_key, sizeof(pair->trial_key));
    pthread_mutex_unlock(&pair->lock);
}

/* ---- Pre-HA Registration ---- */

static int check_version(struct registering *registering, struct error *err)
{
    const char *other = link_peer_version(registering->link);

    if (strcmp(other, PRODUCT_VERSION) == 0)
        return 0;
    error_set(err, ERROR_CONFLICT, "the secondary runs version %s, and this server %s", other,
              PRODUCT_VERSION);
    return error_hint(err, "bring both to the same version");
}

/* On a loopback that both share there can be none: a lab's registration goes on without it, and says so. */
static int check_address(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    struct error why = {0};

    if (pair_address_check(pair, &registering->coming, &why) == 0)
        return 0;
    if (host_is_loopback(pair->self.address)) {
        pair_log(pair, LOG_LEVEL_WARNING, "registering without a virtual address: %s", why.message);
        return 0;
    }
    *err = why;
    return -1;
}

static int introduce(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    char hostname[HOST_TEXT_MAX], key[2 * PAIR_KEY_SIZE + 1];
    json_t *body, *reply = NULL;
    int result;

    configuration_hostname(pair->node, hostname);
    proof_hex(registering->key, PAIR_KEY_SIZE, key);
    body = json_pack("{s:s, s:s, s:s, s:o}", "name", hostname, "address", pair->self.address, "key", key,
                     "form", write_form(&registering->coming.form));
    OPENSSL_cleanse(key, sizeof(key));
    result =
        link_request(registering->link, "POST", "/ha/v1/register/begin", body, 2 * PAIR_STEP_MS, &reply, err);
    json_decref(body);
    if (result == 0) {
        const char *name = json_string_value(json_object_get(reply, "name"));

        registering->peer_knows = true;
        host_parse(name != NULL ? name : "", &(enum host_kind){0}, registering->coming.peer_name, NULL);
        if (registering->coming.peer_name[0] == '\0')
            memcpy(registering->coming.peer_name, registering->coming.peer_address, HOST_TEXT_MAX);
    }
    json_decref(reply);
    return result;
}

static int pre_ha(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;

    show(registering, 0);
    registering->link = pair_connect(pair, registering->coming.peer_address, "Registration", 0, err);
    if (registering->link == NULL)
        return -1;
    snprintf(registering->coming.peer_node, sizeof(registering->coming.peer_node), "%s",
             link_peer_node(registering->link));
    if (strcmp(registering->coming.peer_node, pair->self.node) == 0)
        return error_set(err, ERROR_CONFLICT, "what answers on %s is this server itself, or a copy of it",
                         registering->coming.peer_address);
    show(registering, 40);
    if (check_version(registering, err) != 0 || check_address(registering, err) != 0)
        return -1;
    show(registering, 50);
    if (RAND_bytes(registering->key, PAIR_KEY_SIZE) != 1)
        return error_set(err, ERROR_INTERNAL, "OpenSSL has no randomness");
    if (introduce(registering, err) != 0)
        return -1;
    show(registering, 100);
    return 0;
}

/* ---- Database Replication ---- */

/* What was given on the line counts as configured. */
static int configure(struct store_txn *txn, const struct registering *registering, struct error *err)
{
    static const struct {
        const char *name;
        const char *setting;
    } given[] = {{"failover", "ha/failover-type"},
                 {"email", "ha/email-address"},
                 {"ipv4", "ha/virtual-ipv4"},
                 {"ipv6", "ha/virtual-ipv6"}};
    const struct pair_wish *wish = registering->wish;

    if (wish->peer != NULL && config_set(txn, CONFIG_RUNNING, "ha/secondary-server", wish->peer, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        const char *value = json_string_value(json_object_get(wish->form, given[i].name));

        if (value != NULL && config_set(txn, CONFIG_RUNNING, given[i].setting, value, err) != 0)
            return -1;
    }
    return 0;
}

static int begin_line(struct store_txn *txn, void *arg, struct error *err)
{
    struct registering *registering = arg;
    struct replica_state replica;

    if (configure(txn, registering, err) != 0 || replica_begin_line(txn, FIRST_EPOCH, err) != 0 ||
        replica_state_get(txn, &replica, err) != 0)
        return -1;
    snprintf(registering->coming.line, sizeof(registering->coming.line), "%s", replica.line);
    return pair_key_set(txn, registering->pair->node->seal, PAIR_KEY_PAIR, registering->key, err);
}

static int poll_secondary(struct registering *registering, bool *done, struct error *err)
{
    json_t *reply = NULL;
    const char *state;
    int result = 0;

    if (link_request(registering->link, "POST", "/ha/v1/register/status", NULL, PAIR_STEP_MS, &reply, err) !=
        0)
        return -1;
    state = json_string_value(json_object_get(reply, "state"));
    *done = state != NULL && strcmp(state, ha_state_facts(HA_SECONDARY_SYNCING)->name) == 0;
    if (*done)
        show(registering, 100);
    else if (state == NULL || strcmp(state, ha_state_facts(HA_INITIALIZING)->name) != 0)
        result =
            error_set(err, ERROR_CONFLICT, "the secondary gave up: it is %s", state != NULL ? state : "");
    else
        show(registering, (unsigned)json_integer_value(json_object_get(reply, "percent")) % 100);
    json_decref(reply);
    return result;
}

static int replicate(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    bool done = false;
    json_t *body;
    int result;

    registering->milestone = REPLICATION;
    show(registering, 0);
    if (store_run(pair->node->store, begin_line, registering, err) != 0)
        return -1;
    registering->coming.epoch = FIRST_EPOCH;
    pthread_mutex_lock(&pair->lock);
    pair->coming = registering->coming;
    pthread_mutex_unlock(&pair->lock);
    pair_sender_end(pair); /* of an earlier pair, with its key */
    if (pair_sender_start(pair, err) != 0)
        return -1;
    body = json_pack("{s:s, s:I}", "line", registering->coming.line, "epoch", (json_int_t)FIRST_EPOCH);
    result = link_request(registering->link, "POST", "/ha/v1/register/copy", body, PAIR_STEP_MS, NULL, err);
    json_decref(body);
    while (result == 0 && !done) {
        usleep(POLL_MS * 1000);
        if (pair->stopping)
            return error_set(err, ERROR_BUSY, "the services of this server are being stopped");
        result = poll_secondary(registering, &done, err);
    }
    return result;
}

/* ---- Post HA Registration ---- */

static int keep_key(struct store_txn *txn, void *arg, struct error *err)
{
    struct pair *pair = arg;

    if (!pair->has_trial_key)
        return 0;
    return pair_key_set(txn, pair->node->seal, PAIR_KEY_AUTHENTICATION, pair->trial_key.bytes, err);
}

static bool both_were_heard(struct pair *pair, void *arg)
{
    bool heard;

    (void)arg;
    pthread_mutex_lock(&pair->lock);
    heard = pair->peer.answers && pair->peer.called_ms != 0;
    pthread_mutex_unlock(&pair->lock);
    return heard;
}

static bool is_in_sync(struct pair *pair, void *arg)
{
    bool in_sync;

    (void)arg;
    pthread_mutex_lock(&pair->lock);
    in_sync = pair->gate && pair->state == HA_PRIMARY_ACTIVE;
    pthread_mutex_unlock(&pair->lock);
    return in_sync;
}

static int confirm(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;

    if (!pair_wait(pair, both_were_heard, NULL, CONFIRM_MS)) {
        error_set(err, ERROR_TIMEOUT, "no heartbeat %s",
                  pair->peer.answers ? "came from the secondary" : "reached the secondary");
        return error_hint(err, "%s", pair->peer.why);
    }
    show(registering, 70);
    if (!pair_wait(pair, is_in_sync, NULL, CONFIRM_MS))
        return error_set(err, ERROR_TIMEOUT, "the secondary does not follow the changes");
    show(registering, 100);
    return 0;
}

static int post_ha(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    char reason[PAIR_REASON_SIZE];

    registering->milestone = POST_HA;
    show(registering, 0);
    registering->coming.confirmed = true;
    snprintf(reason, sizeof(reason), "registered with %s", registering->coming.peer_address);
    pthread_mutex_lock(&pair->lock);
    pair->record = registering->coming;
    pair->peer = (struct pair_peer){0};
    pthread_mutex_unlock(&pair->lock);
    if (pair_apply(pair, HA_REGISTERED_PRIMARY, reason, keep_key, pair, err) != 0)
        return -1;
    show(registering, 30);
    return confirm(registering, err);
}

/* ---- all of it ---- */

/* Both go back to where they were. */
static void undo(struct registering *registering, const struct error *why)
{
    struct pair *pair = registering->pair;
    const char *path = registering->milestone == POST_HA ? "/ha/v1/remove" : "/ha/v1/register/abort";

    if (registering->peer_knows && registering->link != NULL)
        link_request(registering->link, "POST", path, NULL, PAIR_STEP_MS, NULL, NULL);
    if (pair_apply(pair, HA_REGISTER_FAILED, why->message, NULL, NULL, NULL) > 0)
        pair_apply(pair, HA_REMOVED, why->message, NULL, NULL, NULL);
}

static void end_registration(struct pair *pair, const struct error *why)
{
    pthread_mutex_lock(&pair->lock);
    pair->registration.ended_ms = clock_wall_ms();
    if (why != NULL) {
        snprintf(pair->registration.error, sizeof(pair->registration.error), "%s", why->message);
        snprintf(pair->registration.hint, sizeof(pair->registration.hint), "%s", why->hint);
    }
    pair->coming = (struct pair_record){0};
    pthread_mutex_unlock(&pair->lock);
    keep_registration(pair);
}

static void begin_registration(struct registering *registering)
{
    struct pair *pair = registering->pair;

    pthread_mutex_lock(&pair->lock);
    pair->registration = (struct pair_registration){.started_ms = clock_wall_ms()};
    snprintf(pair->registration.peer, sizeof(pair->registration.peer), "%s",
             registering->coming.peer_address);
    pair->coming_ms = 0;
    pthread_mutex_unlock(&pair->lock);
    keep_registration(pair);
}

static int register_pair(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    enum ha_state state;
    int moved;

    if (pair_wished_peer(pair, registering->wish, registering->coming.peer_address, err) != 0 ||
        pair_try_key(pair, registering->wish->authkey, err) != 0)
        return -1;
    pair_form_now(pair, &registering->coming.form);
    read_form(registering->wish->form, &registering->coming.form);
    pair_record_of(pair, &state);
    moved = pair_apply(pair, HA_REGISTER, "an admin asked for it", NULL, NULL, err);
    if (moved > 0) {
        error_set(err, ERROR_CONFLICT, "this server is %s already", ha_state_facts(state)->name);
        return error_hint(err, "take the pair apart first: ncs ha remove");
    }
    if (moved < 0)
        return -1;
    begin_registration(registering);
    if (pre_ha(registering, err) == 0 && replicate(registering, err) == 0 && post_ha(registering, err) == 0) {
        end_registration(pair, NULL);
        return 0;
    }
    failed(registering, err);
    undo(registering, err);
    end_registration(pair, err);
    return -1;
}

static int write_form_again(struct store_txn *txn, void *arg, struct error *err)
{
    const struct registering *registering = arg;

    return configure(txn, registering, err) != 0 ? -1 : pair_record_set(txn, &registering->coming, err);
}

/* The form of a pair that stands already, as it was given this time. */
static int keep_form(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    struct pair_record record;
    int result;

    pthread_mutex_lock(&pair->transition);
    record = pair_record_of(pair, NULL);
    read_form(registering->wish->form, &record.form);
    registering->coming = record;
    result = store_run(pair->node->store, write_form_again, registering, err);
    pthread_mutex_lock(&pair->lock);
    if (result == 0)
        pair->record.form = record.form;
    pthread_mutex_unlock(&pair->lock);
    pthread_mutex_unlock(&pair->transition);
    for (registering->milestone = PRE_HA; result == 0 && registering->milestone <= POST_HA;
         registering->milestone++)
        registering->wish->progress(registering->wish->arg, registering->milestone, 100);
    return result;
}

/*
 * The published cure of a pair that lost its trust is to register it again: what is left of it goes first,
 * but only once the other one can be reached again. 1: it stands, and nothing is left to do.
 */
static int renew(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    char address[HOST_TEXT_MAX];
    struct pair_record record;
    enum ha_state state;
    int result;

    record = pair_record_of(pair, &state);
    if (ha_state_facts(state)->role != HA_PRIMARY || !ha_state_facts(state)->is_active)
        return 0;
    if (pair_wished_peer(pair, registering->wish, address, err) != 0 ||
        pair_try_key(pair, registering->wish->authkey, err) != 0)
        return -1;
    if (strcmp(address, record.peer_address) != 0)
        return 0;
    registering->link = pair_connect(pair, address, "Registration", 0, err);
    if (registering->link == NULL)
        return failed(registering, err);
    if (state == HA_PRIMARY_ACTIVE)
        return keep_form(registering, err) == 0 ? 1 : -1;
    result = link_request(registering->link, "POST", "/ha/v1/remove", NULL, PAIR_STEP_MS, NULL, err);
    link_close(registering->link);
    registering->link = NULL;
    if (result != 0)
        return failed(registering, err);
    return pair_apply(pair, HA_REMOVED, "an admin registers the pair anew", NULL, NULL, err) < 0 ? -1 : 0;
}

int pair_register(struct pair *pair, const struct pair_wish *wish, struct error *err)
{
    struct registering registering = {.pair = pair, .wish = wish};
    int result;

    if (check_form(wish->form, err) != 0 || pair_begin(pair, err) != 0)
        return -1;
    result = renew(&registering, err);
    if (result == 0)
        result = register_pair(&registering, err);
    link_close(registering.link);
    pair_forget_tried_key(pair);
    OPENSSL_cleanse(&registering, sizeof(registering));
    pair_end(pair);
    return result < 0 ? -1 : 0;
}

/* ---- the secondary's side ---- */

static int check_stands_alone(struct pair *pair, struct error *err)
{
    enum ha_state state;

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
    coming.standby = true;
    snprintf(coming.reason, sizeof(coming.reason), "registered by %s", caller->address);
    snprintf(coming.peer_address, sizeof(coming.peer_address), "%s", caller->address);
    snprintf(coming.peer_node, sizeof(coming.peer_node), "%s", caller->node);
    read_form(json_object_get(params, "form"), &coming.form);
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

    if (check_stands_alone(pair, err) != 0 || reach_back(pair, caller->address, err) != 0 ||
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
    bool is_so;

    pthread_mutex_lock(&pair->lock);
    is_so = strcmp(pair->coming.peer_node, caller->node) == 0;
    if (is_so)
        pair->coming_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&pair->lock);
    return is_so ? 0
                 : error_set(err, ERROR_CONFLICT, "%s is not being registered by %s", pair->self.address,
                             caller->address);
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
    percent = pair->registration.percent[REPLICATION];
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
    pthread_mutex_lock(&pair->lock);
    pair->copying = false;
    pthread_mutex_unlock(&pair->lock);
    pair_receiver_end(pair);
    if (pair_apply(pair, HA_REGISTER_FAILED, "the primary gave the registration up", NULL, NULL, err) <= 0)
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
