/* Failover, planned or not, failback, and the end of a pair. */
#include "base/clock.h"
#include "daemon/pair_private.h"
#include "ha/witness.h"

#include <stdio.h>
#include <string.h>

#define WITNESS_MS 1000      /* to reach it */
#define ITSELF_RETRY_MS 5000 /* between two thoughts of a failover by itself */

/* ---- becoming active ---- */

struct promotion {
    uint64_t epoch;
};

static int begin_epoch(struct store_txn *txn, void *arg, struct error *err)
{
    const struct promotion *promotion = arg;

    return replica_begin_epoch(txn, promotion->epoch, err);
}

static void set_epoch(struct pair *pair, uint64_t epoch)
{
    pthread_mutex_lock(&pair->lock);
    pair->record.epoch = epoch;
    pthread_mutex_unlock(&pair->lock);
}

int pair_promote(struct pair *pair, const char *reason, struct error *err)
{
    struct pair_record record = pair_record_of(pair, NULL);
    struct promotion promotion;
    int result;

    pthread_mutex_lock(&pair->lock);
    promotion.epoch = record.epoch;
    if (promotion.epoch < pair->peer.standing.epoch)
        promotion.epoch = pair->peer.standing.epoch;
    pthread_mutex_unlock(&pair->lock);
    promotion.epoch++;
    pair_receiver_end(pair); /* what was received whole is applied */
    set_epoch(pair, promotion.epoch);
    result = pair_apply(pair, HA_PROMOTED, reason, begin_epoch, &promotion, err);
    if (result == 0) {
        pthread_mutex_lock(&pair->lock);
        if (pair->heartbeat != NULL)
            ha_heartbeat_hurry(pair->heartbeat); /* the other one shall know at once */
        pthread_mutex_unlock(&pair->lock);
        return 0;
    }
    set_epoch(pair, record.epoch);
    if (result > 0)
        error_set(err, ERROR_CONFLICT, "this server stopped waiting to become active meanwhile");
    return -1;
}

/* ---- handing over: the side that lets go ---- */

static bool all_is_sent(struct pair *pair, void *arg)
{
    struct ha_sender_state sent;

    (void)arg;
    pair_sent(pair, &sent);
    return sent.streaming && sent.acknowledged >= sent.revision;
}

static int wait_until_sent(struct pair *pair, struct error *err)
{
    if (pair_wait(pair, all_is_sent, NULL, PAIR_STEP_MS))
        return 0;
    return error_set(err, ERROR_TIMEOUT, "the standby did not confirm all changes within %d s",
                     PAIR_STEP_MS / 1000);
}

static uint64_t own_revision(struct pair *pair)
{
    struct store_stats stats = {0};

    store_stats(pair->node->store, &stats, NULL);
    return stats.revision;
}

static int check_caller(struct pair *pair, const struct link_caller *caller, enum ha_state *state,
                        struct error *err)
{
    struct pair_record record = pair_record_of(pair, state);

    if (pair_is_from(pair, &record, caller))
        return 0;
    return error_set(err, ERROR_CONFLICT, "%s is in no pair with %s", pair->self.address, caller->address);
}

/* The primary is asked by the secondary to let go. */
static int run_handover(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                        struct error *err)
{
    struct pair *pair = arg;
    char reason[PAIR_REASON_SIZE];
    int moved;

    (void)params;
    if (check_caller(pair, caller, NULL, err) != 0)
        return -1;
    snprintf(reason, sizeof(reason), "an admin on %s asked for a failover", caller->address);
    moved = pair_apply(pair, HA_HAND_OVER, reason, NULL, NULL, err);
    if (moved != 0)
        return moved < 0 ? -1
                         : error_set(err, ERROR_CONFLICT, "the primary is not %s and cannot hand over",
                                     ha_state_facts(HA_PRIMARY_ACTIVE)->name);
    if (wait_until_sent(pair, err) != 0) {
        pair_apply(pair, HA_GIVEN_UP, err->message, NULL, NULL, NULL);
        return -1;
    }
    /* from here on it may have a successor: that is on disk before the successor hears of it */
    if (pair_apply(pair, HA_HANDED_OVER, "the secondary has all changes and takes over", NULL, NULL, err) !=
        0)
        return -1;
    *result = json_pack("{s:I}", "revision", (json_int_t)own_revision(pair));
    return 0;
}

/* ---- failover: the side that takes over ---- */

static bool has_revision(struct pair *pair, void *arg)
{
    const uint64_t *revision = arg;
    struct ha_receiver_state received;

    pair_received(pair, &received);
    return received.revision >= *revision;
}

static int ask_handover(struct pair *pair, struct error *err)
{
    struct pair_record record = pair_record_of(pair, NULL);
    struct link *link = pair_connect(pair, record.peer_address, "Failover", 0, err);
    json_t *reply = NULL;
    uint64_t revision;
    int failed = -1;

    if (link == NULL)
        return -1;
    if (link_request(link, "POST", "/ha/v1/handover", NULL, 2 * PAIR_STEP_MS, &reply, err) == 0) {
        revision = (uint64_t)json_integer_value(json_object_get(reply, "revision"));
        failed = pair_wait(pair, has_revision, &revision, PAIR_STEP_MS) || own_revision(pair) >= revision
                     ? 0
                     : error_set(err, ERROR_TIMEOUT, "the last changes of the primary did not arrive");
    }
    if (failed != 0 && err->code != ERROR_CONFLICT)
        error_hint(err, "if the primary has let go it waits until it can reach this server again; `ncs ha "
                        "failover` once more makes this one active now");
    json_decref(reply);
    link_close(link);
    return failed;
}

static int refuse_state(enum ha_state state, const char *what, const char *hint, struct error *err)
{
    error_set(err, ERROR_CONFLICT, "there is nothing to %s: this server is %s", what,
              ha_state_facts(state)->name);
    return error_hint(err, "%s", hint);
}

static int take_over(struct pair *pair, bool planned, const char *reason, struct error *err)
{
    int moved = pair_apply(pair, HA_FAILOVER, reason, NULL, NULL, err);

    if (moved != 0)
        return moved < 0
                   ? -1
                   : refuse_state(pair->state, "fail over",
                                  "a failover is for a secondary that stands by or lost its primary", err);
    if (planned && ask_handover(pair, err) != 0) {
        pair_apply(pair, HA_GIVEN_UP, err->message, NULL, NULL, NULL);
        return -1;
    }
    if (pair_promote(pair, reason, err) == 0)
        return 0;
    pair_apply(pair, HA_GIVEN_UP, err->message, NULL, NULL, NULL);
    return -1;
}

/* The primary waits, for it knows that this server has more: it was restored, and has nothing to hand over.
 */
static bool primary_lacks_changes(struct pair *pair)
{
    struct ha_standing own = {0}, peer;
    bool answers;

    pthread_mutex_lock(&pair->lock);
    own.epoch = pair->record.epoch;
    peer = pair->peer.standing;
    answers = pair->peer.answers;
    pthread_mutex_unlock(&pair->lock);
    pair_own_place(pair, &own);
    return answers && peer.state == HA_PRIMARY_UNCERTAIN &&
           (peer.epoch < own.epoch || ha_lacks_changes(&peer, &own));
}

int pair_failover(struct pair *pair, struct error *err)
{
    enum ha_state state;
    bool planned;
    int result;

    if (pair_begin(pair, err) != 0)
        return -1;
    pair_record_of(pair, &state);
    planned = state == HA_SECONDARY_SYNCING && !primary_lacks_changes(pair);
    result = take_over(pair, planned, "an admin asked for it", err);
    pair_end(pair);
    return result;
}

/* Lost in silence, for long enough at this moment. With the lock held. */
static bool is_silent(struct pair *pair, int64_t most_ms)
{
    return !pair->peer.refused && !pair->peer.answers &&
           clock_monotonic_ms() - pair->peer.called_monotonic_ms > most_ms;
}

/* Asking the witness took a while: the primary may be back. */
static bool still_silent(struct pair *pair, int64_t most_ms)
{
    bool silent;

    pthread_mutex_lock(&pair->lock);
    silent = is_silent(pair, most_ms);
    pthread_mutex_unlock(&pair->lock);
    return silent;
}

/* Lost in silence for long enough, with everything received, and not the one that is cut off. */
void pair_failover_by_itself(struct pair *pair)
{
    struct pair_form form;
    struct pair_record record;
    unsigned interval_ms, misses;
    enum ha_state state;
    struct error err = {0};
    char witness[HOST_TEXT_MAX] = "";
    int64_t now_ms = clock_monotonic_ms();
    bool may, in_sync;

    record = pair_record_of(pair, &state);
    if (state != HA_SECONDARY_LOST_PRIMARY)
        return;
    pair_form_now(pair, &form);
    pair_timing(pair, &interval_ms, &misses);
    pthread_mutex_lock(&pair->lock);
    in_sync = pair->was_in_sync;
    may = form.automatic && is_silent(pair, (int64_t)interval_ms * misses) &&
          now_ms >= pair->thought_ms + ITSELF_RETRY_MS;
    if (may)
        pair->thought_ms = now_ms;
    pthread_mutex_unlock(&pair->lock);
    if (!may || pthread_mutex_trylock(&pair->operation) != 0)
        return;
    pair_config(pair, "ha/witness", witness, sizeof(witness));
    if (!in_sync)
        pair_log(pair, LOG_LEVEL_WARNING,
                 "%s is lost, but this server stays as it is: it had not all changes when it was last heard",
                 record.peer_address);
    else if (!ha_witness_answers(witness, WITNESS_MS, &err))
        pair_log(pair, LOG_LEVEL_WARNING, "%s is lost, but this server stays as it is: %s",
                 record.peer_address, err.message);
    else if (!still_silent(pair, (int64_t)interval_ms * misses))
        pair_log(pair, LOG_LEVEL_INFO, "%s is back: this server stays as it is", record.peer_address);
    else if (take_over(pair, false, "the primary is lost, and this server had all changes", &err) != 0)
        pair_log(pair, LOG_LEVEL_ERROR, "the failover failed: %s", err.message);
    else
        pair->thought_ms = 0; /* the next loss is another matter */
    pthread_mutex_unlock(&pair->operation);
}

/* ---- failback ---- */

/* The primary is asked to get ready. */
static int run_failback_begin(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                              struct error *err)
{
    struct pair *pair = arg;
    enum ha_state state;
    int moved;

    (void)params;
    (void)result;
    if (check_caller(pair, caller, &state, err) != 0)
        return -1;
    moved = pair_apply(pair, HA_FAILBACK, "an admin asked for it", NULL, NULL, err);
    if (moved <= 0)
        return moved;
    error_set(err, ERROR_CONFLICT, "the primary is %s and cannot take over", ha_state_facts(state)->name);
    return error_hint(err, "wait until it is %s", ha_state_facts(HA_PRIMARY_SYNCING)->name);
}

/* The secondary let go: the primary may begin its epoch. */
static int run_failback_finish(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                               struct error *err)
{
    struct pair *pair = arg;
    uint64_t revision = (uint64_t)json_integer_value(json_object_get(params, "revision"));

    if (check_caller(pair, caller, NULL, err) != 0)
        return -1;
    if (!pair_wait(pair, has_revision, &revision, PAIR_STEP_MS) && own_revision(pair) < revision)
        return error_set(err, ERROR_TIMEOUT, "the last changes of the secondary did not arrive");
    if (pair_promote(pair, "failback: the secondary handed over", err) != 0)
        return -1;
    *result = json_pack("{s:I}", "epoch", (json_int_t)pair_record_of(pair, NULL).epoch);
    return 0;
}

/* Everything up to the moment from which the primary may be active. */
static int prepare_failback(struct pair *pair, struct link *link, struct error *err)
{
    if (link_request(link, "POST", "/ha/v1/failback/begin", NULL, PAIR_STEP_MS, NULL, err) != 0 ||
        wait_until_sent(pair, err) != 0)
        return -1;
    return pair_apply(pair, HA_HANDED_OVER, "the primary has all changes and takes over", NULL, NULL, err);
}

static int finish_failback(struct pair *pair, struct link *link, struct error *err)
{
    json_t *body = json_pack("{s:I}", "revision", (json_int_t)own_revision(pair));
    json_t *reply = NULL;
    int failed = link_request(link, "POST", "/ha/v1/failback/finish", body, 2 * PAIR_STEP_MS, &reply, err);

    json_decref(body);
    if (failed == 0) {
        set_epoch(pair, (uint64_t)json_integer_value(json_object_get(reply, "epoch")));
        pair_apply(pair, HA_HIGHER_EPOCH, "the primary is active again", NULL, NULL, err);
    } else {
        /* whether it took over the next heartbeat tells */
        pair_apply(pair, HA_GIVEN_UP, err->message, NULL, NULL, NULL);
    }
    json_decref(reply);
    return failed;
}

static int hand_back(struct pair *pair, struct error *err)
{
    struct pair_record record = pair_record_of(pair, NULL);
    struct link *link = pair_connect(pair, record.peer_address, "Failback", 0, err);
    int moved;

    if (link == NULL)
        return -1;
    moved = pair_apply(pair, HA_FAILBACK, "an admin asked for it", NULL, NULL, err);
    if (moved > 0)
        refuse_state(pair->state, "fail back", "a failback is for a secondary that is active", err);
    if (moved == 0 && prepare_failback(pair, link, err) != 0) {
        pair_apply(pair, HA_GIVEN_UP, err->message, NULL, NULL, NULL);
        moved = -1;
    }
    if (moved == 0)
        moved = finish_failback(pair, link, err);
    link_close(link);
    return moved == 0 ? 0 : -1;
}

int pair_failback(struct pair *pair, struct error *err)
{
    enum ha_state state;
    int result;

    if (pair_begin(pair, err) != 0)
        return -1;
    pair_record_of(pair, &state);
    result = state == HA_SECONDARY_ACTIVE
                 ? hand_back(pair, err)
                 : refuse_state(state, "fail back", "a failback is for a secondary that is active", err);
    pair_end(pair);
    return result;
}

/* ---- the end of a pair ---- */

static int take_apart(struct pair *pair, const char *reason, struct error *err)
{
    int moved;

    pair_receiver_end(pair);
    moved = pair_apply(pair, HA_REMOVED, reason, NULL, NULL, err);
    if (moved < 0)
        return -1;
    /* after this nothing of the pair may still be on its way */
    pair_receiver_end(pair);
    return 0;
}

static int run_remove(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                      struct error *err)
{
    struct pair *pair = arg;
    struct pair_record record = pair_record_of(pair, NULL);
    char reason[PAIR_REASON_SIZE];

    (void)params;
    (void)result;
    if (!pair_is_from(pair, &record, caller))
        return 0; /* it has forgotten already */
    snprintf(reason, sizeof(reason), "an admin on %s took the pair apart", caller->address);
    return take_apart(pair, reason, err);
}

int pair_remove(struct pair *pair, struct error *alone, struct error *err)
{
    struct pair_record record;
    struct link *link;
    enum ha_state state;
    int result;

    if (pair_begin(pair, err) != 0)
        return -1;
    record = pair_record_of(pair, &state);
    if (ha_state_facts(state)->role == HA_STANDALONE) {
        pair_end(pair);
        error_set(err, ERROR_NOT_FOUND, "this server is in no pair");
        return -1;
    }
    link = pair_connect(pair, record.peer_address, "Remove", 3000, alone);
    if (link != NULL)
        link_request(link, "POST", "/ha/v1/remove", NULL, PAIR_STEP_MS, NULL, alone);
    link_close(link);
    result = take_apart(pair, "an admin took the pair apart", err);
    pair_end(pair);
    return result;
}

size_t pair_failover_routes_fill(struct pair *pair, struct link_route *routes)
{
    const struct link_route all[] = {
        {.method = "POST", .path = "/ha/v1/handover", .run = run_handover, .arg = pair},
        {.method = "POST", .path = "/ha/v1/failback/begin", .run = run_failback_begin, .arg = pair},
        {.method = "POST", .path = "/ha/v1/failback/finish", .run = run_failback_finish, .arg = pair},
        {.method = "POST", .path = "/ha/v1/remove", .run = run_remove, .arg = pair},
    };

    memcpy(routes, all, sizeof(all));
    return sizeof(all) / sizeof(all[0]);
}
