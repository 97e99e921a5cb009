/* The thread that keeps what runs in step with the state: who follows whom, the gate, the virtual address. */
#include "base/clock.h"
#include "daemon/pair_private.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MOST_MS 500 /* between two looks, when nothing happens */
#define LOOK_LEAST_MS 20
#define FAILBACK_MOST_MS 30000          /* that a primary waits to be told that it may take over again */
#define UNFOLLOWED_MOST_MS PAIR_STEP_MS /* that a standby may take to follow, or to follow again */

/* ---- following ---- */

static bool receiver_wanted(struct pair *pair, bool *fresh)
{
    bool wanted;

    pthread_mutex_lock(&pair->lock);
    *fresh = pair->copying;
    /* on its way to become active it ends what it follows by itself, when it has everything */
    wanted = pair->copying || ha_state_facts(pair->state)->is_standby;
    pthread_mutex_unlock(&pair->lock);
    return wanted;
}

static void keep_receiver(struct pair *pair)
{
    struct error err = {0};
    bool fresh;
    bool wanted = receiver_wanted(pair, &fresh);

    bool runs = pair_receiver_runs(pair);

    if (!wanted && runs)
        pair_receiver_end(pair);
    else if (wanted && !runs && ha_state_facts(pair->state)->is_settled != fresh &&
             pair_receiver_start(pair, fresh, &err) != 0)
        pair_log(pair, LOG_LEVEL_ERROR, "cannot follow the active server: %s", err.message);
}

/* The secondary of a registration: the records are in place, and with them the record of the pair. */
static void take_up(struct pair *pair)
{
    struct store_txn *txn;
    struct pair_record record;
    bool taken = false;

    pthread_mutex_lock(&pair->transition);
    txn = store_read(pair->node->store, NULL);
    if (txn != NULL) {
        taken = pair_record_get(txn, &record, NULL) == 0 && record.state[0] != '\0';
        store_end(txn);
    }
    pthread_mutex_lock(&pair->lock);
    if (taken && pair->imported) {
        pair->record = record;
        ha_state_parse(record.state, &pair->state);
        pair->self.is_primary = false;
        pair->copying = pair->imported = false;
        pair->has_trial_key = false;
        pair->registration.percent[1] = 100;
        pair->serial++;
    }
    pthread_mutex_unlock(&pair->lock);
    if (taken)
        pair_set_active(pair, false, &record);
    pthread_mutex_unlock(&pair->transition);
    if (taken)
        pair_log(pair, LOG_LEVEL_INFO, "HA Initializing -> %s (registered): %s", record.state, record.reason);
}

/* ---- being followed ---- */

static void on_gate_lost(void *arg)
{
    struct pair *pair = arg;

    pthread_mutex_lock(&pair->lock);
    pair->gate = pair->in_sync = false;
    pair->gate_lost = true;
    pair->poked = true;
    pthread_cond_broadcast(&pair->changed);
    pthread_mutex_unlock(&pair->lock);
}

static void open_gate(struct pair *pair)
{
    struct error err = {0};

    pthread_mutex_lock(&pair->lock);
    pair->gate = true;
    pthread_mutex_unlock(&pair->lock);
    if (store_gate_open(pair->node->store, STORE_GATE_TIMEOUT_MS, on_gate_lost, pair, &err) != 0)
        pair_log(pair, LOG_LEVEL_ERROR, "cannot wait for the standby: %s", err.message);
}

static void close_gate(struct pair *pair)
{
    pthread_mutex_lock(&pair->lock);
    pair->gate = pair->in_sync = false;
    pthread_mutex_unlock(&pair->lock);
    store_gate_close(pair->node->store);
}

static bool peer_answers(struct pair *pair, char why[ERROR_TEXT_MAX])
{
    bool answers;

    pthread_mutex_lock(&pair->lock);
    answers = pair->peer.answers;
    memcpy(why, pair->peer.why, ERROR_TEXT_MAX);
    pthread_mutex_unlock(&pair->lock);
    return answers;
}

/* True: it has not followed for longer than a break of its stream takes. */
static bool stays_away(struct pair *pair, bool follows)
{
    int64_t now_ms = clock_monotonic_ms();

    if (follows || pair->followed_ms == 0)
        pair->followed_ms = now_ms;
    return now_ms - pair->followed_ms > UNFOLLOWED_MOST_MS;
}

/* The state goes first: once the gate is closed, changes are called done that are on this node only. */
static void lose_standby(struct pair *pair, const char *reason)
{
    pair_apply(pair, HA_PEER_LOST, reason, NULL, NULL, NULL);
    close_gate(pair);
}

static void begin_to_wait(struct pair *pair)
{
    struct ha_sender_state sent = {0};

    open_gate(pair);
    pair_sent(pair, &sent); /* up to here changes were called done without the standby */
    pair->owed = sent.revision;
    pair_poke(pair);
}

static void tell_in_sync(struct pair *pair, enum ha_state state)
{
    pthread_mutex_lock(&pair->lock);
    pair->in_sync = pair->gate;
    pthread_mutex_unlock(&pair->lock);
    if (ha_next(state, HA_IN_SYNC).known)
        pair_apply(pair, HA_IN_SYNC, "the standby has all changes", NULL, NULL, NULL);
}

/*
 * Active: a standby that follows closely and answers is waited for, and is in sync once it has confirmed what
 * was there when waiting began. A short break of its stream changes nothing: changes wait for it. One that
 * did not confirm in time is waited for again when it has what it owes.
 */
static void keep_gate(struct pair *pair)
{
    struct ha_sender_state sent = {0};
    char why[ERROR_TEXT_MAX];
    enum ha_state state;
    bool lost, close_by, answers;

    pair_record_of(pair, &state);
    pair_sent(pair, &sent);
    answers = peer_answers(pair, why);
    close_by = sent.streaming && sent.unreplicated <= PAIR_LAG_MOST && sent.acknowledged >= pair->owed;
    pthread_mutex_lock(&pair->lock);
    lost = pair->gate_lost;
    pair->gate_lost = false;
    pthread_mutex_unlock(&pair->lock);
    if (!ha_state_facts(state)->is_active || ha_state_facts(state)->role == HA_STANDALONE) {
        if (pair->gate)
            close_gate(pair);
        pair->owed = 0;
        pair->followed_ms = 0;
    } else if (lost) {
        pair->owed = sent.revision;
        pair_apply(pair, HA_PEER_LOST, "the standby did not confirm a change in time", NULL, NULL, NULL);
    } else if (pair->gate && !answers) {
        lose_standby(pair, why);
    } else if (stays_away(pair, pair->gate && sent.streaming)) {
        lose_standby(pair, sent.streaming ? "the standby lags behind" : "the standby does not follow");
        pair->followed_ms = 0;
    } else if (!pair->gate && close_by && answers) {
        begin_to_wait(pair);
    } else if (pair->gate && sent.acknowledged >= pair->owed) {
        tell_in_sync(pair, state);
    }
}

/* Standby: it follows, and the other one is active in the same epoch. */
static void keep_standby(struct pair *pair)
{
    struct ha_receiver_state received = {0};
    const struct ha_state_facts *said;
    enum ha_state state;
    bool active;

    pair_received(pair, &received);
    pthread_mutex_lock(&pair->lock);
    state = pair->state;
    said = ha_state_facts(pair->peer.standing.state);
    active = pair->peer.answers && said->is_active && said->role != HA_STANDALONE &&
             pair->peer.standing.epoch >= pair->record.epoch;
    pthread_mutex_unlock(&pair->lock);
    if (ha_state_facts(state)->is_standby && active && received.following && !received.importing)
        pair_apply(pair, HA_IN_SYNC, "the changes of the active server come in", NULL, NULL, NULL);
}

/* ---- what does not end by itself ---- */

static void give_up_waiting(struct pair *pair)
{
    enum ha_state state;
    bool silent, late;

    pthread_mutex_lock(&pair->lock);
    state = pair->state;
    late = clock_monotonic_ms() - pair->entered_ms > FAILBACK_MOST_MS;
    pthread_mutex_unlock(&pair->lock);
    if (state == HA_PRIMARY_FAILBACK && late)
        pair_apply(pair, HA_GIVEN_UP, "the secondary did not finish the failback", NULL, NULL, NULL);
    pthread_mutex_lock(&pair->lock);
    silent = pair->copying && !pair->imported && clock_monotonic_ms() - pair->coming_ms > PAIR_SILENCE_MS;
    silent = silent || (state == HA_INITIALIZING && pair->coming_ms > 0 &&
                        clock_monotonic_ms() - pair->coming_ms > PAIR_SILENCE_MS);
    if (silent)
        pair->copying = false;
    pthread_mutex_unlock(&pair->lock);
    if (!silent)
        return;
    pair_receiver_end(pair);
    pair_apply(pair, HA_REGISTER_FAILED, "the primary of the registration is silent", NULL, NULL, NULL);
}

static void look(struct pair *pair)
{
    struct error err = {0};
    bool imported;

    pthread_mutex_lock(&pair->lock);
    imported = pair->imported;
    pthread_mutex_unlock(&pair->lock);
    if (imported)
        take_up(pair);
    give_up_waiting(pair);
    if (pair_is_configured(pair)) {
        if (pair_sender_start(pair, &err) != 0 || pair_heartbeat_start(pair, &err) != 0)
            pair_log(pair, LOG_LEVEL_ERROR, "%s", err.message);
    }
    keep_receiver(pair);
    keep_standby(pair);
    keep_gate(pair);
    pair_address_follow(pair);
    pair_failover_by_itself(pair);
    if (!pair_is_configured(pair) && pair->state == HA_NOT_CONFIGURED) {
        pair_heartbeat_end(pair);
        pair_sender_end(pair);
    }
}

static int pause_ms(struct pair *pair)
{
    unsigned interval_ms, misses;

    pair_timing(pair, &interval_ms, &misses);
    if (interval_ms / 2 > LOOK_MOST_MS)
        return LOOK_MOST_MS;
    return interval_ms / 2 < LOOK_LEAST_MS ? LOOK_LEAST_MS : (int)interval_ms / 2;
}

static void *run(void *arg)
{
    struct pair *pair = arg;
    bool stopping = false;

    while (!stopping) {
        struct timespec until;

        look(pair);
        until = clock_deadline(pause_ms(pair));
        pthread_mutex_lock(&pair->lock);
        while (!pair->stopping && !pair->poked &&
               pthread_cond_timedwait(&pair->changed, &pair->lock, &until) == 0)
            ;
        pair->poked = false;
        stopping = pair->stopping;
        pthread_mutex_unlock(&pair->lock);
    }
    return NULL;
}

int pair_engine_start(struct pair *pair, struct error *err)
{
    int failed;

    pair->owed = 0;
    pair->followed_ms = 0;
    failed = pthread_create(&pair->engine, NULL, run, pair);
    if (failed != 0)
        return error_set_errno(err, failed, "cannot start what keeps the pair");
    pair->engine_runs = true;
    return 0;
}

void pair_engine_stop(struct pair *pair)
{
    if (!pair->engine_runs)
        return;
    pthread_join(pair->engine, NULL);
    pair->engine_runs = false;
    close_gate(pair);
    pair_address_end(pair);
}
