/* How a node of a pair goes from one state to the next, and who is told. */
#include "base/clock.h"
#include "daemon/daily.h"
#include "daemon/notice.h"
#include "daemon/pair_private.h"
#include "daemon/services.h"

#include <stdio.h>

int pair_record_write(struct store_txn *txn, void *record, struct error *err)
{
    return pair_record_set(txn, record, err);
}

struct transition {
    struct pair *pair;
    struct ha_step step;
    enum ha_event event;
    struct pair_record record; /* as it will be */
    const char *from;
    store_job more;
    void *arg;
};

static int forget(struct store_txn *txn, struct error *err)
{
    struct replica_state replica;

    if (replica_state_get(txn, &replica, err) != 0 || pair_record_delete(txn, err) != 0 ||
        pair_key_delete(txn, PAIR_KEY_PAIR, err) != 0)
        return -1;
    return replica.line[0] != '\0' ? replica_leave(txn, err) : 0;
}

static int write_transition(struct store_txn *txn, void *arg, struct error *err)
{
    const struct transition *transition = arg;
    const struct pair_event event = {.when_ms = transition->record.since_ms,
                                     .from = transition->from,
                                     .to = transition->record.state,
                                     .event = ha_event_name(transition->event),
                                     .reason = transition->record.reason,
                                     .epoch = transition->record.epoch};

    if ((transition->step.actions & HA_ACT_FORGET) != 0 ? forget(txn, err) != 0
                                                        : pair_record_set(txn, &transition->record, err) != 0)
        return -1;
    if ((transition->step.actions & HA_ACT_STEP_DOWN) != 0 && replica_set_standby(txn, true, err) != 0)
        return -1;
    if (transition->more != NULL && transition->more(txn, transition->arg, err) != 0)
        return -1;
    return pair_event_append(txn, &event, err);
}

/* The command that an admin would look for next. */
static const char *next_command(enum ha_state state)
{
    switch (state) {
    case HA_PRIMARY_LOST_SECONDARY:
    case HA_PRIMARY_ALONE:
        return "ncs ha check-readiness";
    case HA_SECONDARY_LOST_PRIMARY:
    case HA_SECONDARY_ALONE:
        return "ncs ha failover";
    case HA_SECONDARY_ACTIVE:
        return "ncs ha failback";
    default:
        return "ncs ha status";
    }
}

static void tell_people(struct pair *pair, const char *old, const struct pair_record *record,
                        enum ha_state state)
{
    char own[2 * HOST_TEXT_MAX + 4];
    char peer[2 * HOST_TEXT_MAX + 4];
    const struct notice_state change = {.old_state = old,
                                        .new_state = record->state,
                                        .own = own,
                                        .peer = record->peer_address[0] != '\0' ? peer : "",
                                        .reason = record->reason,
                                        .further = record->form.email,
                                        .next_command = next_command(state)};

    pair_own_name(pair, own, sizeof(own));
    pair_peer_name(record, peer, sizeof(peer));
    notice_state_change(pair->node, &change);
}

void pair_set_active(struct pair *pair, bool active, const struct pair_record *record)
{
    char name[2 * HOST_TEXT_MAX + 4] = "";

    if (!active)
        pair_peer_name(record, name, sizeof(name));
    store_set_active(pair->node->store, active, name);
}

static void enter(struct pair *pair, const struct transition *transition)
{
    bool forgotten = (transition->step.actions & HA_ACT_FORGET) != 0;

    pthread_mutex_lock(&pair->lock);
    pair->state = transition->step.state;
    pair->record = transition->record;
    if (forgotten) {
        pair->record = (struct pair_record){0};
        pair->peer = (struct pair_peer){0};
        pair->copying = pair->imported = false;
    }
    pair->self.is_primary = ha_state_facts(pair->state)->role != HA_SECONDARY;
    pair->entered_ms = clock_monotonic_ms();
    pair->serial++;
    pair->poked = true;
    pthread_cond_broadcast(&pair->changed);
    if (pair->heartbeat != NULL)
        ha_heartbeat_hurry(pair->heartbeat); /* the other one is to know at once */
    pthread_mutex_unlock(&pair->lock);
}

static int run_transition(struct pair *pair, struct transition *transition, struct error *err)
{
    bool was_active = ha_state_facts(pair->state)->is_active;
    bool is_active = ha_state_facts(transition->step.state)->is_active;

    /* whoever stops serving stops now, not when it is written down */
    if (was_active && !is_active)
        pair_set_active(pair, false, &transition->record);
    if (store_run(pair->node->store, write_transition, transition, err) != 0) {
        pair_log(pair, LOG_LEVEL_ERROR, "cannot go from %s to %s: %s", transition->from,
                 transition->record.state, err->message);
        if (was_active && !is_active && (transition->step.actions & HA_ACT_STEP_DOWN) == 0)
            pair_set_active(pair, true, &transition->record);
        return -1;
    }
    pair_log(pair, LOG_LEVEL_INFO, "%s -> %s (%s): %s", transition->from, transition->record.state,
             ha_event_name(transition->event), transition->record.reason);
    if ((transition->step.actions & HA_ACT_NOTICE) != 0)
        tell_people(pair, transition->from, &transition->record, transition->step.state);
    enter(pair, transition);
    if (is_active)
        pair_set_active(pair, true, &transition->record);
    if (is_active && !was_active) { /* what only an active node does, and is due */
        daily_wake(pair->node->daily);
        services_wake_watch(pair->node->services);
    }
    return 0;
}

int pair_apply(struct pair *pair, enum ha_event event, const char *reason, store_job more, void *arg,
               struct error *err)
{
    struct transition transition = {.pair = pair, .event = event, .more = more, .arg = arg};
    struct error why = {0};
    int result = 1;

    pthread_mutex_lock(&pair->transition);
    transition.step = ha_next(pair->state, event);
    if (transition.step.known) {
        transition.record = pair_record_of(pair, NULL);
        transition.from = ha_state_facts(pair->state)->name;
        transition.record.must_ask = ha_must_ask(transition.record.must_ask, event, transition.step);
        snprintf(transition.record.state, sizeof(transition.record.state), "%s",
                 ha_state_facts(transition.step.state)->name);
        transition.record.since_ms = clock_wall_ms();
        snprintf(transition.record.reason, sizeof(transition.record.reason), "%.500s", reason);
        result = run_transition(pair, &transition, &why);
    }
    pthread_mutex_unlock(&pair->transition);
    if (result < 0 && err != NULL)
        *err = why;
    return result;
}
