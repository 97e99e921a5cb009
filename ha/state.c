#include "ha/state.h"

#include <stddef.h>
#include <string.h>

static const struct ha_state_facts facts[HA_STATES] = {
    /* name, role, active, standby, settled */
    [HA_NOT_CONFIGURED] = {"HA not Configured", HA_STANDALONE, true, false, true},
    [HA_INITIALIZING] = {"HA Initializing", HA_STANDALONE, true, false, false},
    [HA_PRIMARY_ACTIVE] = {"Primary Active", HA_PRIMARY, true, false, true},
    [HA_PRIMARY_ALONE] = {"Primary Alone", HA_PRIMARY, true, false, true},
    [HA_PRIMARY_LOST_SECONDARY] = {"Primary Lost Secondary", HA_PRIMARY, true, false, true},
    [HA_PRIMARY_FAILOVER] = {"Primary Failover", HA_PRIMARY, false, false, false},
    [HA_PRIMARY_PREPARING_FOR_FAILBACK] = {"Primary Preparing for Failback", HA_PRIMARY, false, true, true},
    [HA_PRIMARY_SYNCING] = {"Primary Syncing", HA_PRIMARY, false, true, true},
    [HA_PRIMARY_FAILBACK] = {"Primary Failback", HA_PRIMARY, false, true, false},
    [HA_PRIMARY_UNCERTAIN] = {"Primary Uncertain", HA_PRIMARY, false, false, true},
    [HA_SECONDARY_SYNCING] = {"Secondary Syncing", HA_SECONDARY, false, true, true},
    [HA_SECONDARY_ALONE] = {"Secondary Alone", HA_SECONDARY, false, true, true},
    [HA_SECONDARY_LOST_PRIMARY] = {"Secondary Lost Primary", HA_SECONDARY, false, true, true},
    [HA_SECONDARY_FAILOVER] = {"Secondary Failover", HA_SECONDARY, false, true, false},
    [HA_SECONDARY_ACTIVE] = {"Secondary Active", HA_SECONDARY, true, false, true},
    [HA_SECONDARY_FAILBACK] = {"Secondary Failback", HA_SECONDARY, false, false, false},
    [HA_SECONDARY_POST_FAILBACK] = {"Secondary Post Failback", HA_SECONDARY, false, false, false},
    [HA_SECONDARY_UNCERTAIN] = {"Secondary Uncertain", HA_SECONDARY, false, false, true},
};

static const char *const event_names[HA_EVENTS] = {
    [HA_REGISTER] = "registration begins",
    [HA_REGISTER_FAILED] = "registration failed",
    [HA_REGISTERED_PRIMARY] = "registered",
    [HA_REGISTERED_SECONDARY] = "registered",
    [HA_RESTARTED] = "services started",
    [HA_NO_ANSWER] = "no answer from the peer",
    [HA_PEER_LOST] = "peer lost",
    [HA_PEER_IS_STANDBY] = "peer is standby",
    [HA_IN_SYNC] = "in sync",
    [HA_HIGHER_EPOCH] = "peer is active in a later epoch",
    [HA_FAILOVER] = "failover",
    [HA_HAND_OVER] = "handing over",
    [HA_FAILBACK] = "failback",
    [HA_HANDED_OVER] = "handed over",
    [HA_PROMOTED] = "promoted",
    [HA_GIVEN_UP] = "given up",
    [HA_REMOVED] = "removed",
};

struct row {
    enum ha_state from;
    enum ha_event event;
    enum ha_state to;
    unsigned actions;
};

#define NOTICE HA_ACT_NOTICE
#define DOWN (HA_ACT_STEP_DOWN | HA_ACT_NOTICE)
#define FORGET (HA_ACT_FORGET | HA_ACT_NOTICE)

static const struct row table[] = {
    /* registration */
    {HA_NOT_CONFIGURED, HA_REGISTER, HA_INITIALIZING, 0},
    {HA_INITIALIZING, HA_REGISTER_FAILED, HA_NOT_CONFIGURED, HA_ACT_FORGET},
    {HA_INITIALIZING, HA_RESTARTED, HA_NOT_CONFIGURED, HA_ACT_FORGET},
    {HA_INITIALIZING, HA_REGISTERED_PRIMARY, HA_PRIMARY_ACTIVE, NOTICE},
    {HA_INITIALIZING, HA_REGISTERED_SECONDARY, HA_SECONDARY_SYNCING, NOTICE},

    /* the primary is active */
    {HA_PRIMARY_ACTIVE, HA_PEER_LOST, HA_PRIMARY_LOST_SECONDARY, NOTICE},
    {HA_PRIMARY_ACTIVE, HA_HIGHER_EPOCH, HA_PRIMARY_PREPARING_FOR_FAILBACK, DOWN},
    {HA_PRIMARY_ACTIVE, HA_HAND_OVER, HA_PRIMARY_FAILOVER, NOTICE},
    {HA_PRIMARY_ACTIVE, HA_RESTARTED, HA_PRIMARY_UNCERTAIN, 0},
    {HA_PRIMARY_LOST_SECONDARY, HA_IN_SYNC, HA_PRIMARY_ACTIVE, NOTICE},
    {HA_PRIMARY_LOST_SECONDARY, HA_HIGHER_EPOCH, HA_PRIMARY_PREPARING_FOR_FAILBACK, DOWN},
    {HA_PRIMARY_LOST_SECONDARY, HA_RESTARTED, HA_PRIMARY_UNCERTAIN, 0},
    {HA_PRIMARY_ALONE, HA_IN_SYNC, HA_PRIMARY_ACTIVE, NOTICE},
    {HA_PRIMARY_ALONE, HA_HIGHER_EPOCH, HA_PRIMARY_PREPARING_FOR_FAILBACK, DOWN},
    {HA_PRIMARY_ALONE, HA_RESTARTED, HA_PRIMARY_UNCERTAIN, 0},
    {HA_PRIMARY_UNCERTAIN, HA_NO_ANSWER, HA_PRIMARY_ALONE, NOTICE},
    {HA_PRIMARY_UNCERTAIN, HA_PEER_IS_STANDBY, HA_PRIMARY_LOST_SECONDARY, 0},
    {HA_PRIMARY_UNCERTAIN, HA_HIGHER_EPOCH, HA_PRIMARY_PREPARING_FOR_FAILBACK, DOWN},
    {HA_PRIMARY_UNCERTAIN, HA_RESTARTED, HA_PRIMARY_UNCERTAIN, 0},

    /* it hands over: before it let go it may take back; after it, it must hear first what the other became */
    {HA_PRIMARY_FAILOVER, HA_HIGHER_EPOCH, HA_PRIMARY_PREPARING_FOR_FAILBACK, DOWN},
    {HA_PRIMARY_FAILOVER, HA_GIVEN_UP, HA_PRIMARY_ACTIVE, NOTICE},
    {HA_PRIMARY_FAILOVER, HA_HANDED_OVER, HA_PRIMARY_UNCERTAIN, 0},
    {HA_PRIMARY_FAILOVER, HA_PEER_LOST, HA_PRIMARY_LOST_SECONDARY, NOTICE},
    {HA_PRIMARY_FAILOVER, HA_RESTARTED, HA_PRIMARY_UNCERTAIN, 0},

    /* the primary is the standby */
    {HA_PRIMARY_PREPARING_FOR_FAILBACK, HA_IN_SYNC, HA_PRIMARY_SYNCING, NOTICE},
    {HA_PRIMARY_PREPARING_FOR_FAILBACK, HA_RESTARTED, HA_PRIMARY_PREPARING_FOR_FAILBACK, 0},
    {HA_PRIMARY_SYNCING, HA_PEER_LOST, HA_PRIMARY_PREPARING_FOR_FAILBACK, NOTICE},
    {HA_PRIMARY_SYNCING, HA_RESTARTED, HA_PRIMARY_PREPARING_FOR_FAILBACK, 0},
    {HA_PRIMARY_SYNCING, HA_FAILBACK, HA_PRIMARY_FAILBACK, NOTICE},
    {HA_PRIMARY_FAILBACK, HA_PROMOTED, HA_PRIMARY_ACTIVE, NOTICE},
    {HA_PRIMARY_FAILBACK, HA_GIVEN_UP, HA_PRIMARY_PREPARING_FOR_FAILBACK, NOTICE},
    {HA_PRIMARY_FAILBACK, HA_HIGHER_EPOCH, HA_PRIMARY_PREPARING_FOR_FAILBACK, NOTICE},
    {HA_PRIMARY_FAILBACK, HA_PEER_LOST, HA_PRIMARY_PREPARING_FOR_FAILBACK, NOTICE},
    {HA_PRIMARY_FAILBACK, HA_RESTARTED, HA_PRIMARY_PREPARING_FOR_FAILBACK, 0},

    /* the secondary is the standby */
    {HA_SECONDARY_SYNCING, HA_PEER_LOST, HA_SECONDARY_LOST_PRIMARY, NOTICE},
    {HA_SECONDARY_SYNCING, HA_RESTARTED, HA_SECONDARY_ALONE, 0},
    {HA_SECONDARY_SYNCING, HA_FAILOVER, HA_SECONDARY_FAILOVER, NOTICE},
    {HA_SECONDARY_LOST_PRIMARY, HA_IN_SYNC, HA_SECONDARY_SYNCING, NOTICE},
    {HA_SECONDARY_LOST_PRIMARY, HA_RESTARTED, HA_SECONDARY_ALONE, 0},
    {HA_SECONDARY_LOST_PRIMARY, HA_FAILOVER, HA_SECONDARY_FAILOVER, NOTICE},
    {HA_SECONDARY_ALONE, HA_IN_SYNC, HA_SECONDARY_SYNCING, NOTICE},
    {HA_SECONDARY_ALONE, HA_RESTARTED, HA_SECONDARY_ALONE, 0},
    {HA_SECONDARY_ALONE, HA_PEER_LOST, HA_SECONDARY_LOST_PRIMARY, NOTICE},
    {HA_SECONDARY_ALONE, HA_FAILOVER, HA_SECONDARY_FAILOVER, NOTICE},
    {HA_SECONDARY_FAILOVER, HA_PROMOTED, HA_SECONDARY_ACTIVE, NOTICE},
    {HA_SECONDARY_FAILOVER, HA_GIVEN_UP, HA_SECONDARY_LOST_PRIMARY, NOTICE},
    {HA_SECONDARY_FAILOVER, HA_RESTARTED, HA_SECONDARY_ALONE, 0},

    /* the secondary is active */
    {HA_SECONDARY_ACTIVE, HA_HIGHER_EPOCH, HA_SECONDARY_SYNCING, DOWN},
    {HA_SECONDARY_ACTIVE, HA_FAILBACK, HA_SECONDARY_FAILBACK, NOTICE},
    {HA_SECONDARY_ACTIVE, HA_RESTARTED, HA_SECONDARY_UNCERTAIN, 0},
    {HA_SECONDARY_UNCERTAIN, HA_NO_ANSWER, HA_SECONDARY_ACTIVE, NOTICE},
    {HA_SECONDARY_UNCERTAIN, HA_PEER_IS_STANDBY, HA_SECONDARY_ACTIVE, 0},
    {HA_SECONDARY_UNCERTAIN, HA_HIGHER_EPOCH, HA_SECONDARY_SYNCING, DOWN},
    {HA_SECONDARY_UNCERTAIN, HA_RESTARTED, HA_SECONDARY_UNCERTAIN, 0},

    /* it hands back */
    {HA_SECONDARY_FAILBACK, HA_HANDED_OVER, HA_SECONDARY_POST_FAILBACK, NOTICE},
    {HA_SECONDARY_FAILBACK, HA_GIVEN_UP, HA_SECONDARY_ACTIVE, NOTICE},
    {HA_SECONDARY_FAILBACK, HA_HIGHER_EPOCH, HA_SECONDARY_SYNCING, DOWN},
    {HA_SECONDARY_FAILBACK, HA_PEER_LOST, HA_SECONDARY_ACTIVE, NOTICE},
    {HA_SECONDARY_FAILBACK, HA_RESTARTED, HA_SECONDARY_UNCERTAIN, 0},
    {HA_SECONDARY_POST_FAILBACK, HA_HIGHER_EPOCH, HA_SECONDARY_SYNCING, DOWN},
    {HA_SECONDARY_POST_FAILBACK, HA_PEER_LOST, HA_SECONDARY_UNCERTAIN, NOTICE},
    {HA_SECONDARY_POST_FAILBACK, HA_GIVEN_UP, HA_SECONDARY_UNCERTAIN, NOTICE},
    {HA_SECONDARY_POST_FAILBACK, HA_RESTARTED, HA_SECONDARY_UNCERTAIN, 0},
};
#define ROWS (sizeof(table) / sizeof(table[0]))

struct ha_step ha_next(enum ha_state state, enum ha_event event)
{
    if (event == HA_REMOVED && state != HA_NOT_CONFIGURED)
        return (struct ha_step){true, HA_NOT_CONFIGURED, FORGET};
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].from == state && table[i].event == event)
            return (struct ha_step){true, table[i].to, table[i].actions};
    }
    return (struct ha_step){false, state, 0};
}

bool ha_must_ask(bool must_ask, enum ha_event event, struct ha_step step)
{
    const struct ha_state_facts *next = ha_state_facts(step.state);

    if (next->role == HA_STANDALONE || next->is_active || next->is_standby)
        return false;
    return must_ask || event == HA_HANDED_OVER;
}

bool ha_lacks_changes(const struct ha_standing *own, const struct ha_standing *peer)
{
    return own->of_epoch != 0 && peer->of_epoch == own->of_epoch && peer->revision > own->revision;
}

const struct ha_state_facts *ha_state_facts(enum ha_state state)
{
    return &facts[(unsigned)state < HA_STATES ? state : HA_NOT_CONFIGURED];
}

bool ha_is_uncertain(enum ha_state state)
{
    const struct ha_state_facts *of = ha_state_facts(state);

    return of->is_settled && !of->is_active && !of->is_standby;
}

const char *ha_event_name(enum ha_event event)
{
    return (unsigned)event < HA_EVENTS ? event_names[event] : "";
}

const char *ha_role_name(enum ha_role role)
{
    static const char *const names[] = {"Standalone", "Primary", "Secondary"};

    return names[role];
}

bool ha_state_parse(const char *name, enum ha_state *out)
{
    for (unsigned i = 0; i < HA_STATES; i++) {
        if (strcmp(facts[i].name, name) == 0) {
            *out = (enum ha_state)i;
            return true;
        }
    }
    return false;
}

bool ha_hear(const struct ha_standing *own, const struct ha_standing *peer, enum ha_event *event)
{
    const struct ha_state_facts *mine = ha_state_facts(own->state);
    const struct ha_state_facts *said = ha_state_facts(peer->state);
    /* on its way from one role to another it may be active, in an epoch of its own, the next moment */
    bool is_behind = said->is_standby && said->is_settled && peer->epoch <= own->epoch;

    if (mine->role == HA_STANDALONE || said->role == HA_STANDALONE)
        return false;
    if (peer->epoch > own->epoch && said->is_active)
        *event = HA_HIGHER_EPOCH;
    else if (mine->is_standby && said->is_active && peer->epoch == own->epoch)
        *event = HA_IN_SYNC;
    else if (mine->is_active && is_behind)
        *event = HA_IN_SYNC;
    else if (own->state == HA_PRIMARY_FAILBACK && peer->state == HA_SECONDARY_UNCERTAIN)
        *event = HA_GIVEN_UP; /* it restarted in the middle, and waits to hear that nobody took over */
    else if (ha_is_uncertain(own->state) && ha_lacks_changes(own, peer))
        return false;
    else if (is_behind || peer->epoch < own->epoch)
        *event = HA_PEER_IS_STANDBY;
    else
        return false;
    return true;
}
