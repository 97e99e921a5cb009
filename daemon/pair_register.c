/* Registration: three milestones, asked for on the primary, each reported as it goes. */
#include "base/clock.h"
#include "base/version.h"
#include "daemon/configuration.h"
#include "daemon/pair_private.h"
#include "store/config.h"
#include "store/statement.h"

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
                     "form", pair_form_write(&registering->coming.form));
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
        return pair_refusal_hint(pair, registering->coming.peer_address, err);
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

static int begin_line(struct store_txn *txn, void *arg, struct error *err)
{
    struct registering *registering = arg;
    struct replica_state replica;

    if (pair_form_configure(txn, registering->wish, err) != 0 ||
        replica_begin_line(txn, FIRST_EPOCH, err) != 0 || replica_state_get(txn, &replica, err) != 0)
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
    pair_form_read(registering->wish->form, &registering->coming.form);
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

    return pair_form_configure(txn, registering->wish, err) != 0
               ? -1
               : pair_record_set(txn, &registering->coming, err);
}

/* The form of a pair that stands already, as it was given this time. */
static int keep_form(struct registering *registering, struct error *err)
{
    struct pair *pair = registering->pair;
    struct pair_record record;
    int result;

    pthread_mutex_lock(&pair->transition);
    record = pair_record_of(pair, NULL);
    pair_form_read(registering->wish->form, &record.form);
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
    if (registering->link == NULL) {
        pair_refusal_hint(pair, address, err);
        return failed(registering, err);
    }
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

    if (pair_form_check(wish->form, err) != 0 || pair_begin(pair, err) != 0)
        return -1;
    result = renew(&registering, err);
    if (result == 0)
        result = register_pair(&registering, err);
    link_close(registering.link);
    pair_forget_tried_key(pair);
    OPENSSL_cleanse(&registering, sizeof(registering));
    pair_end(pair);
    return result;
}
