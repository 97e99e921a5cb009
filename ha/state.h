/*
 * The states of a node of a pair and what leads from one to the next: one constant table, and a pure function
 * over it. What the states are and who enters them when: docs/ha.md.
 */
#pragma once

#include <stdbool.h>

enum ha_role { HA_STANDALONE, HA_PRIMARY, HA_SECONDARY };

enum ha_state {
    HA_NOT_CONFIGURED,
    HA_INITIALIZING, /* being registered */
    HA_PRIMARY_ACTIVE,
    HA_PRIMARY_ALONE,
    HA_PRIMARY_LOST_SECONDARY,
    HA_PRIMARY_FAILOVER, /* handing over */
    HA_PRIMARY_PREPARING_FOR_FAILBACK,
    HA_PRIMARY_SYNCING,
    HA_PRIMARY_FAILBACK,
    HA_PRIMARY_UNCERTAIN, /* was active and must know first what the other one is */
    HA_SECONDARY_SYNCING,
    HA_SECONDARY_ALONE,
    HA_SECONDARY_LOST_PRIMARY,
    HA_SECONDARY_FAILOVER,
    HA_SECONDARY_ACTIVE,
    HA_SECONDARY_FAILBACK, /* handing back */
    HA_SECONDARY_POST_FAILBACK,
    HA_SECONDARY_UNCERTAIN,
    HA_STATES
};

enum ha_event {
    HA_REGISTER,             /* a registration begins */
    HA_REGISTER_FAILED,      /* it failed, or a node died in it */
    HA_REGISTERED_PRIMARY,   /* it is done: this is the primary */
    HA_REGISTERED_SECONDARY, /* the same on the other node, with the records in place */
    HA_RESTARTED,            /* the services start, and this state was left behind */
    HA_NO_ANSWER,            /* after a restart: the peer is silent */
    HA_PEER_LOST,            /* so many heartbeats were missed, or its certificate is refused */
    HA_PEER_IS_STANDBY,      /* it answers, is not active, and knows of no later epoch */
    HA_IN_SYNC,              /* active: the standby has everything. Standby: it follows the active node */
    HA_HIGHER_EPOCH,         /* the peer is active in a later epoch */
    HA_FAILOVER,             /* an admin, or the secondary itself, decides so */
    HA_HAND_OVER,            /* the active primary is asked to */
    HA_FAILBACK,             /* an admin decides so */
    HA_HANDED_OVER,          /* the other one has everything; it may begin its epoch */
    HA_PROMOTED,             /* this node's own new epoch is on disk */
    HA_GIVEN_UP,             /* failover or failback went wrong before another epoch began */
    HA_REMOVED,
    HA_EVENTS
};

/* What goes with a transition, beside entering the state. */
enum {
    HA_ACT_STEP_DOWN = 1 << 0, /* what this node has beyond the other's epoch is to be kept aside */
    HA_ACT_FORGET = 1 << 1,    /* the pair's record goes */
    HA_ACT_NOTICE = 1 << 2     /* people are told */
};

struct ha_step {
    bool known; /* false: nothing happens, in this state the event means nothing */
    enum ha_state state;
    unsigned actions;
};

/* The whole of the machine. */
struct ha_step ha_next(enum ha_state state, enum ha_event event);

/*
 * Whether silence of the peer lets a node that is uncertain go on: not where it must ask, for it gave its
 * role away, or was restored from a backup; then only the peer's word or an admin helps. ha_must_ask()
 * carries that through a transition; it is to be on disk with it.
 */
bool ha_must_ask(bool must_ask, enum ha_event event, struct ha_step step);

/* What a node knows of one of both, itself included. */
struct ha_standing {
    enum ha_state state;
    unsigned long long epoch;    /* the latest one it knows of */
    unsigned long long of_epoch; /* its last change was made in; 0: not known */
    unsigned long long revision; /* of that change */
};

/*
 * True: the peer has changes of the very epoch in which this node was active, that this node has not. So it
 * lost them, or was restored from a backup, and must not go on as it is.
 */
bool ha_lacks_changes(const struct ha_standing *own, const struct ha_standing *peer);

/*
 * What follows for a node from hearing how the other one is; false: nothing. HA_IN_SYNC says only that it may
 * be so: whether it is, replication knows.
 */
bool ha_hear(const struct ha_standing *own, const struct ha_standing *peer, enum ha_event *event);

/* What a state is like. */
struct ha_state_facts {
    const char *name; /* "Primary Active": as shown, mailed and stored */
    enum ha_role role;
    bool is_active;  /* accepts changes to the pair's records */
    bool is_standby; /* follows the other one's changes, or tries to */
    bool is_settled; /* neither registering nor on the way from one role to another */
};
const struct ha_state_facts *ha_state_facts(enum ha_state state);

/* Neither active nor standby nor on the way to either: it waits to hear what the other one is. */
bool ha_is_uncertain(enum ha_state state);

const char *ha_event_name(enum ha_event event); /* "peer lost": for the history */
const char *ha_role_name(enum ha_role role);    /* "Primary", "Secondary", "Standalone" */

/* The state of a name; false if there is none of it. */
bool ha_state_parse(const char *name, enum ha_state *out);
