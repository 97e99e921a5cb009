/* What the nodes tell each other every interval, and what follows from it. */
#include "base/clock.h"
#include "daemon/pair_private.h"
#include "daemon/services.h"

#include <stdio.h>
#include <string.h>

/* ---- what is said ---- */

void pair_own_place(struct pair *pair, struct ha_standing *own)
{
    struct store_txn *txn = store_read(pair->node->store, NULL);
    struct replica_state replica;

    own->of_epoch = own->revision = 0;
    if (txn != NULL && replica_state_get(txn, &replica, NULL) == 0) {
        own->of_epoch = replica.epoch;
        own->revision = replica.revision;
    }
    store_end(txn);
}

static json_t *describe_self(struct pair *pair, bool asks)
{
    struct ha_receiver_state received = {0};
    struct ha_standing own;
    struct pair_record record;
    enum ha_state state;
    bool in_sync;

    pair_received(pair, &received);
    pthread_mutex_lock(&pair->lock);
    record = pair->record;
    state = pair->state;
    in_sync = pair->in_sync;
    if (asks)
        pair->said_serial = pair->serial;
    pthread_mutex_unlock(&pair->lock);
    own = (struct ha_standing){.state = state, .epoch = record.epoch};
    pair_own_place(pair, &own);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "node", pair->self.node, "line", record.line,
                     "state", ha_state_facts(state)->name, "epoch", (json_int_t)own.epoch, "of_epoch",
                     (json_int_t)own.of_epoch, "revision", (json_int_t)own.revision, "following",
                     received.following, "in_sync", in_sync);
}

static json_t *say(void *arg)
{
    return describe_self(arg, true);
}

/* ---- what is heard ---- */

static bool read_standing(json_t *said, struct ha_standing *standing)
{
    const char *state = json_string_value(json_object_get(said, "state"));

    if (state == NULL || !ha_state_parse(state, &standing->state))
        return false;
    standing->epoch = (unsigned long long)json_integer_value(json_object_get(said, "epoch"));
    /* a node of an earlier version does not say it */
    standing->of_epoch = (unsigned long long)json_integer_value(json_object_get(said, "of_epoch"));
    standing->revision = (unsigned long long)json_integer_value(json_object_get(said, "revision"));
    return true;
}

static void follow_epoch(struct pair *pair, const struct ha_standing *standing)
{
    pthread_mutex_lock(&pair->lock);
    if (pair->record.epoch < standing->epoch)
        pair->record.epoch = standing->epoch;
    pthread_mutex_unlock(&pair->lock);
}

/* What the other one says of itself. asked: as an answer to what this node said of itself as it is. */
static void hear(struct pair *pair, json_t *said, bool asked)
{
    struct ha_receiver_state received = {0};
    struct ha_standing own, standing;
    struct pair_record record;
    enum ha_event event;
    char reason[PAIR_REASON_SIZE];

    if (!read_standing(said, &standing))
        return;
    pair_own_place(pair, &own);
    pair_received(pair, &received);
    pthread_mutex_lock(&pair->lock);
    pair->peer.standing = standing;
    /* it calls no change done that is not here too; a break of the stream does not change that */
    pair->was_in_sync = standing.state == HA_PRIMARY_ACTIVE &&
                        json_is_true(json_object_get(said, "in_sync")) &&
                        (pair->was_in_sync || (received.following && !received.importing));
    pair->poked = true;
    pthread_cond_broadcast(&pair->changed);
    own.state = pair->state;
    own.epoch = pair->record.epoch;
    record = pair->record;
    pthread_mutex_unlock(&pair->lock);
    /* whether all is in sync the engine finds out, who sees replication */
    if (!ha_hear(&own, &standing, &event) || event == HA_IN_SYNC)
        return;
    /* a call may be from before this node let go, and the other one active since: only an answer is of now */
    if (event == HA_PEER_IS_STANDBY && !asked)
        return;
    snprintf(reason, sizeof(reason), "%s is %s in epoch %llu", record.peer_name,
             ha_state_facts(standing.state)->name, standing.epoch);
    if (event == HA_HIGHER_EPOCH)
        follow_epoch(pair, &standing);
    pair_apply(pair, event, reason, NULL, NULL, NULL);
}

/* The secondary knows from the first heartbeat that its primary stands by the registration. */
static void confirm(struct pair *pair)
{
    struct pair_record record;
    bool is_new;

    pthread_mutex_lock(&pair->transition);
    pthread_mutex_lock(&pair->lock);
    is_new = !pair->record.confirmed && ha_state_facts(pair->state)->role != HA_STANDALONE;
    pair->record.confirmed = true;
    if (is_new) { /* what is left of the registration is the primary's to do */
        for (size_t i = 0; i < PAIR_MILESTONES; i++)
            pair->registration.percent[i] = 100;
        pair->registration.ended_ms = clock_wall_ms();
    }
    record = pair->record;
    pthread_mutex_unlock(&pair->lock);
    if (is_new)
        store_run(pair->node->store, pair_record_write, &record, NULL);
    pthread_mutex_unlock(&pair->transition);
}

static void on_heard(void *arg, json_t *reply)
{
    struct pair *pair = arg;
    bool stale;

    pthread_mutex_lock(&pair->lock);
    pair->peer.answers = true;
    pair->peer.lost = false;
    pair->peer.refused = false;
    pair->peer.why[0] = pair->peer.hint[0] = '\0';
    pair->peer.heard_ms = clock_wall_ms();
    /* what was said before this node changed is no answer to what it is now */
    stale = pair->said_serial != pair->serial;
    pthread_mutex_unlock(&pair->lock);
    if (!pair_record_of(pair, NULL).confirmed)
        confirm(pair);
    if (stale)
        return;
    hear(pair, reply, true);
    pair_look_whether_it_waits(pair);
}

/* A registration that the primary never finished, and knows nothing of any more. */
static bool left_alone(struct pair *pair, const struct error *err)
{
    if (pair_record_of(pair, NULL).confirmed)
        return false;
    pair_log(pair, LOG_LEVEL_WARNING, "the registration did not finish: %s", err->message);
    return pair_apply(pair, HA_REMOVED, "the primary did not finish the registration", NULL, NULL, NULL) == 0;
}

static void on_missed(void *arg, bool lost, const struct error *err)
{
    struct pair *pair = arg;
    bool was_lost;

    pthread_mutex_lock(&pair->lock);
    was_lost = pair->peer.lost;
    pair->peer.lost = pair->peer.lost || lost;
    snprintf(pair->peer.why, sizeof(pair->peer.why), "%s", err->message);
    snprintf(pair->peer.hint, sizeof(pair->peer.hint), "%s", err->hint);
    pair->peer.refused = err->code == ERROR_PIN_MISMATCH || err->code == ERROR_UNTRUSTED ||
                         err->code == ERROR_DENIED || err->code == ERROR_CONFLICT;
    if (lost)
        pair->peer.answers = false;
    pthread_mutex_unlock(&pair->lock);
    if (!lost)
        return;
    if (err->code == ERROR_CONFLICT && left_alone(pair, err))
        return;
    if (!was_lost)
        pair_log(pair, LOG_LEVEL_WARNING, "%s: %s%s%s",
                 err->code == ERROR_UNREACHABLE || err->code == ERROR_TIMEOUT ? "the peer does not answer"
                                                                              : "the peer is not heard",
                 err->message, err->hint[0] != '\0' ? ". " : "", err->hint);
    if (pair_apply(pair, HA_PEER_LOST, err->message, NULL, NULL, NULL) == 1 &&
        !pair_record_of(pair, NULL).must_ask)
        pair_apply(pair, HA_NO_ANSWER, err->message, NULL, NULL, NULL);
    pair_look_whether_it_waits(pair);
    pair_poke(pair);
}

static void on_timing(void *arg, unsigned *interval_ms, unsigned *misses)
{
    pair_timing(arg, interval_ms, misses);
}

int pair_heartbeat_start(struct pair *pair, struct error *err)
{
    struct ha_heartbeat_options options = {.self = &pair->self,
                                           .key = pair_key,
                                           .timing = on_timing,
                                           .say = say,
                                           .heard = on_heard,
                                           .missed = on_missed,
                                           .arg = pair};
    struct pair_record record = pair_record_of(pair, NULL);
    struct ha_heartbeat *started;

    if (pair->heartbeat != NULL)
        return 0;
    options.peer.port = pair->self.port;
    if (host_parse(record.peer_address, &options.peer.kind, options.peer.host, err) != 0)
        return -1;
    started = ha_heartbeat_start(&options, err);
    pthread_mutex_lock(&pair->lock);
    pair->heartbeat = started;
    pthread_mutex_unlock(&pair->lock);
    return started != NULL ? 0 : -1;
}

void pair_heartbeat_end(struct pair *pair)
{
    struct ha_heartbeat *heartbeat;

    pthread_mutex_lock(&pair->lock);
    heartbeat = pair->heartbeat;
    pair->heartbeat = NULL;
    pthread_mutex_unlock(&pair->lock);
    ha_heartbeat_stop(heartbeat);
}

json_t *pair_check(struct pair *pair)
{
    char host[HOST_PORT_TEXT_MAX];
    json_t *check = NULL;

    if (!pair_is_configured(pair))
        return NULL;
    pthread_mutex_lock(&pair->lock);
    snprintf(host, sizeof(host), "%.253s_%u", pair->record.peer_address, pair->self.port);
    check = json_pack("{s:s, s:s, s:s, s:I, s:s}", "kind", "Heartbeat", "host", host, "state",
                      pair->peer.answers          ? (pair->peer.why[0] == '\0' ? "match" : "missed")
                      : pair->peer.why[0] == '\0' ? "pending"
                      : pair->peer.refused        ? "MISMATCH"
                                                  : "unreachable",
                      "checked_ms", (json_int_t)pair->peer.heard_ms, "message", pair->peer.why);
    pthread_mutex_unlock(&pair->lock);
    return check;
}

/* ---- the route ---- */

/* ERROR_CONFLICT: the caller is not the other one of this node's pair. */
static int check_peer(struct pair *pair, const struct link_caller *caller, json_t *params, struct error *err)
{
    const char *line = json_string_value(json_object_get(params, "line"));
    enum ha_state state;
    struct pair_record record = pair_record_of(pair, &state);

    if (state == HA_INITIALIZING && pair_is_coming(pair, caller))
        return error_set(err, ERROR_BUSY, "%s is finishing the registration", pair->self.address);
    if (record.peer_node[0] == '\0')
        error_set(err, ERROR_CONFLICT, "%s is in no pair", pair->self.address);
    else if (!pair_is_from(pair, &record, caller))
        error_set(err, ERROR_CONFLICT, "%s is in a pair with another server, %s", pair->self.address,
                  record.peer_address);
    else if (line != NULL && strcmp(record.line, line) != 0)
        error_set(err, ERROR_CONFLICT, "%s was registered in another pair since", pair->self.address);
    else
        return 0;
    return error_hint(err, "take the pair apart here with `ncs ha remove` and register it anew");
}

static int run_heartbeat(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                         struct error *err)
{
    struct pair *pair = arg;

    if (check_peer(pair, caller, params, err) != 0)
        return -1;
    pthread_mutex_lock(&pair->lock);
    pair->peer.called_ms = clock_wall_ms();
    pair->peer.called_monotonic_ms = clock_monotonic_ms();
    pair->poked = true;
    pthread_cond_broadcast(&pair->changed);
    pthread_mutex_unlock(&pair->lock);
    hear(pair, params, false);
    *result = describe_self(pair, false);
    return 0;
}

size_t pair_heartbeat_routes_fill(struct pair *pair, struct link_route *routes)
{
    routes[0] =
        (struct link_route){.method = "POST", .path = "/ha/v1/heartbeat", .run = run_heartbeat, .arg = pair};
    return 1;
}
