/* The pair's state machine: every row, and every short life of two nodes. */
#include "ha/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- the table, as ha.md and the appliance have it: written down a second time on purpose ---- */

struct expected {
    const char *from;
    enum ha_event event;
    const char *to;
};

static const struct expected rows[] = {
    {"HA not Configured", HA_REGISTER, "HA Initializing"},
    {"HA Initializing", HA_REGISTERED_PRIMARY, "Primary Active"},
    {"HA Initializing", HA_REGISTERED_SECONDARY, "Secondary Syncing"},
    {"HA Initializing", HA_REGISTER_FAILED, "HA not Configured"},
    {"HA Initializing", HA_RESTARTED, "HA not Configured"},
    {"Primary Active", HA_PEER_LOST, "Primary Lost Secondary"},
    {"Primary Lost Secondary", HA_IN_SYNC, "Primary Active"},
    {"Primary Active", HA_RESTARTED, "Primary Uncertain"},
    {"Primary Lost Secondary", HA_RESTARTED, "Primary Uncertain"},
    {"Primary Alone", HA_RESTARTED, "Primary Uncertain"},
    {"Primary Uncertain", HA_RESTARTED, "Primary Uncertain"},
    {"Primary Uncertain", HA_NO_ANSWER, "Primary Alone"},
    {"Primary Uncertain", HA_PEER_IS_STANDBY, "Primary Lost Secondary"},
    {"Primary Uncertain", HA_HIGHER_EPOCH, "Primary Preparing for Failback"},
    {"Primary Alone", HA_IN_SYNC, "Primary Active"},
    {"Primary Alone", HA_HIGHER_EPOCH, "Primary Preparing for Failback"},
    {"Primary Active", HA_HIGHER_EPOCH, "Primary Preparing for Failback"},
    {"Primary Lost Secondary", HA_HIGHER_EPOCH, "Primary Preparing for Failback"},
    {"Primary Active", HA_HAND_OVER, "Primary Failover"},
    {"Primary Failover", HA_HIGHER_EPOCH, "Primary Preparing for Failback"},
    {"Primary Failover", HA_GIVEN_UP, "Primary Active"},
    {"Primary Failover", HA_HANDED_OVER, "Primary Uncertain"},
    {"Primary Failover", HA_PEER_LOST, "Primary Lost Secondary"},
    {"Primary Failover", HA_RESTARTED, "Primary Uncertain"},
    {"Primary Preparing for Failback", HA_IN_SYNC, "Primary Syncing"},
    {"Primary Preparing for Failback", HA_RESTARTED, "Primary Preparing for Failback"},
    {"Primary Syncing", HA_PEER_LOST, "Primary Preparing for Failback"},
    {"Primary Syncing", HA_RESTARTED, "Primary Preparing for Failback"},
    {"Primary Syncing", HA_FAILBACK, "Primary Failback"},
    {"Primary Failback", HA_PROMOTED, "Primary Active"},
    {"Primary Failback", HA_GIVEN_UP, "Primary Preparing for Failback"},
    {"Primary Failback", HA_HIGHER_EPOCH, "Primary Preparing for Failback"},
    {"Primary Failback", HA_PEER_LOST, "Primary Preparing for Failback"},
    {"Primary Failback", HA_RESTARTED, "Primary Preparing for Failback"},
    {"Secondary Syncing", HA_PEER_LOST, "Secondary Lost Primary"},
    {"Secondary Syncing", HA_RESTARTED, "Secondary Alone"},
    {"Secondary Syncing", HA_FAILOVER, "Secondary Failover"},
    {"Secondary Lost Primary", HA_IN_SYNC, "Secondary Syncing"},
    {"Secondary Lost Primary", HA_RESTARTED, "Secondary Alone"},
    {"Secondary Lost Primary", HA_FAILOVER, "Secondary Failover"},
    {"Secondary Alone", HA_IN_SYNC, "Secondary Syncing"},
    {"Secondary Alone", HA_RESTARTED, "Secondary Alone"},
    {"Secondary Alone", HA_PEER_LOST, "Secondary Lost Primary"},
    {"Secondary Alone", HA_FAILOVER, "Secondary Failover"},
    {"Secondary Failover", HA_PROMOTED, "Secondary Active"},
    {"Secondary Failover", HA_GIVEN_UP, "Secondary Lost Primary"},
    {"Secondary Failover", HA_RESTARTED, "Secondary Alone"},
    {"Secondary Active", HA_HIGHER_EPOCH, "Secondary Syncing"},
    {"Secondary Active", HA_FAILBACK, "Secondary Failback"},
    {"Secondary Active", HA_RESTARTED, "Secondary Uncertain"},
    {"Secondary Uncertain", HA_NO_ANSWER, "Secondary Active"},
    {"Secondary Uncertain", HA_PEER_IS_STANDBY, "Secondary Active"},
    {"Secondary Uncertain", HA_HIGHER_EPOCH, "Secondary Syncing"},
    {"Secondary Uncertain", HA_RESTARTED, "Secondary Uncertain"},
    {"Secondary Failback", HA_HANDED_OVER, "Secondary Post Failback"},
    {"Secondary Failback", HA_GIVEN_UP, "Secondary Active"},
    {"Secondary Failback", HA_HIGHER_EPOCH, "Secondary Syncing"},
    {"Secondary Failback", HA_PEER_LOST, "Secondary Active"},
    {"Secondary Failback", HA_RESTARTED, "Secondary Uncertain"},
    {"Secondary Post Failback", HA_HIGHER_EPOCH, "Secondary Syncing"},
    {"Secondary Post Failback", HA_PEER_LOST, "Secondary Uncertain"},
    {"Secondary Post Failback", HA_GIVEN_UP, "Secondary Uncertain"},
    {"Secondary Post Failback", HA_RESTARTED, "Secondary Uncertain"},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct expected *find(enum ha_state state, enum ha_event event)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].event == event && strcmp(rows[i].from, ha_state_facts(state)->name) == 0)
            return &rows[i];
    }
    return NULL;
}

static void does_what_the_table_says_and_nothing_else(void **none)
{
    (void)none;
    for (unsigned s = 0; s < HA_STATES; s++) {
        for (unsigned e = 0; e < HA_EVENTS; e++) {
            struct ha_step step = ha_next((enum ha_state)s, (enum ha_event)e);
            const struct expected *row = find((enum ha_state)s, (enum ha_event)e);

            if (e == HA_REMOVED) {
                assert_int_equal(step.known, s != HA_NOT_CONFIGURED);
                assert_int_equal(step.state, HA_NOT_CONFIGURED);
                continue;
            }
            assert_int_equal(step.known, row != NULL);
            assert_string_equal(ha_state_facts(step.state)->name,
                                row != NULL ? row->to : ha_state_facts((enum ha_state)s)->name);
        }
    }
}

static void every_state_has_a_name_a_way_in_and_a_way_out(void **none)
{
    (void)none;
    for (unsigned s = 0; s < HA_STATES; s++) {
        enum ha_state parsed;
        bool in = false, out = false;

        assert_true(ha_state_parse(ha_state_facts((enum ha_state)s)->name, &parsed));
        assert_int_equal(parsed, s);
        for (unsigned from = 0; from < HA_STATES; from++) {
            for (unsigned e = 0; e < HA_EVENTS; e++) {
                struct ha_step step = ha_next((enum ha_state)from, (enum ha_event)e);

                in = in || (step.known && from != s && step.state == s);
                /* leaving the pair is always possible, and does not count */
                out = out || (step.known && from == s && step.state != s && (e != HA_REMOVED));
            }
        }
        assert_true(in);
        assert_true(out);
        assert_false(ha_state_facts((enum ha_state)s)->is_active &&
                     ha_state_facts((enum ha_state)s)->is_standby);
    }
}

/* ---- two nodes, and everything that can happen to them in so many steps ---- */

#define DEPTH 9
#define EPOCH_MAX 6

struct side {
    enum ha_state state;
    int epoch;     /* known to it */
    bool alive;    /* its services run */
    bool released; /* it was told, durably, that it may begin its epoch: by the node that steps back */
    bool asks;     /* silence does not let it go on */
};

struct world {
    struct side side[2]; /* primary, secondary */
    bool cut;            /* they do not hear each other */
};

/* Nobody takes over but from who handed over: no failover while the other one is lost. */
static bool planned_only;

static bool is_active(const struct side *side)
{
    return side->alive && ha_state_facts(side->state)->is_active;
}

static bool apply(struct side *side, enum ha_event event)
{
    struct ha_step step = ha_next(side->state, event);

    if (!side->alive || !step.known)
        return false;
    side->asks = ha_must_ask(side->asks, event, step);
    side->state = step.state;
    return true;
}

/* What one heartbeat between both tells `me`. */
static bool hear(struct world *world, int me)
{
    struct side *own = &world->side[me];
    const struct side *peer = &world->side[1 - me];
    const struct ha_standing mine = {.state = own->state, .epoch = (unsigned long long)own->epoch};
    const struct ha_standing said = {.state = peer->state, .epoch = (unsigned long long)peer->epoch};
    enum ha_event event;

    if (world->cut || !own->alive || !peer->alive || !ha_hear(&mine, &said, &event))
        return false;
    if (event == HA_HIGHER_EPOCH) {
        own->epoch = peer->epoch;
        own->released = false;
        apply(own, event);
        return true;
    }
    if (event == HA_GIVEN_UP)
        own->released = false;
    return apply(own, event);
}

/* What may happen. False: it makes no difference here. */
enum {
    MOVE_CUT,
    MOVE_JOIN,
    MOVE_KILL,
    MOVE_START,
    MOVE_HEAR,
    MOVE_LOSE,
    MOVE_FAILOVER,
    MOVE_PROMOTE,
    MOVE_HAND_OVER,
    MOVE_FAILBACK,
    MOVE_GIVE_UP,
    MOVES
};

static bool lose(struct world *world, int me)
{
    struct side *own = &world->side[me];

    if (!world->cut && world->side[1 - me].alive)
        return false;
    own->released = false;
    return apply(own, HA_PEER_LOST) || (!own->asks && apply(own, HA_NO_ANSWER));
}

static bool promote(struct world *world, int me)
{
    struct side *own = &world->side[me];

    /* failover may be forced while the other is gone; failback only once the other one let go */
    if ((own->state == HA_PRIMARY_FAILBACK || planned_only) && !own->released)
        return false;
    if (own->epoch >= EPOCH_MAX || !apply(own, HA_PROMOTED))
        return false;
    own->epoch++;
    own->released = false;
    return true;
}

static bool hand_over(struct world *world, int me)
{
    struct side *own = &world->side[me];
    struct side *peer = &world->side[1 - me];

    if (world->cut || !peer->alive || !own->alive || peer->epoch != own->epoch)
        return false;
    if (own->state == HA_PRIMARY_ACTIVE && peer->state == HA_SECONDARY_FAILOVER)
        return apply(own, HA_HAND_OVER);
    if ((own->state == HA_PRIMARY_FAILOVER && peer->state == HA_SECONDARY_FAILOVER) ||
        (own->state == HA_SECONDARY_FAILBACK && peer->state == HA_PRIMARY_FAILBACK)) {
        peer->released = true;
        return apply(own, HA_HANDED_OVER);
    }
    return false;
}

static bool fail_back(struct world *world, int me)
{
    if (me != 1 || world->cut || !world->side[0].alive || world->side[0].state != HA_PRIMARY_SYNCING ||
        world->side[0].epoch != world->side[1].epoch || !apply(&world->side[1], HA_FAILBACK))
        return false;
    return apply(&world->side[0], HA_FAILBACK);
}

static bool kill_or_start(struct world *world, int me, bool start)
{
    struct side *own = &world->side[me];

    if (own->alive == start)
        return false;
    own->alive = start;
    own->released = false;
    if (start)
        apply(own, HA_RESTARTED);
    return true;
}

static bool move(struct world *world, int what, int me)
{
    switch (what) {
    case MOVE_CUT:
    case MOVE_JOIN:
        if (me == 1 || world->cut == (what == MOVE_CUT))
            return false;
        world->cut = what == MOVE_CUT;
        return true;
    case MOVE_KILL:
    case MOVE_START:
        return kill_or_start(world, me, what == MOVE_START);
    case MOVE_HEAR:
        return hear(world, me);
    case MOVE_LOSE:
        return lose(world, me);
    case MOVE_FAILOVER:
        return me == 1 && apply(&world->side[1], HA_FAILOVER);
    case MOVE_PROMOTE:
        return promote(world, me);
    case MOVE_HAND_OVER:
        return hand_over(world, me);
    case MOVE_FAILBACK:
        return fail_back(world, me);
    default:
        /* only what has not let go yet, and was not let go for, may give up */
        if (world->side[me].released)
            return false;
        return apply(&world->side[me], HA_GIVEN_UP);
    }
}

static unsigned long walked;

#define SEEN_SIZE (1u << 22)
static uint8_t seen[SEEN_SIZE]; /* the depth that was left when a world was last met; 0: never */

static uint32_t number_of(const struct world *world)
{
    uint32_t number = world->cut;

    for (int i = 0; i < 2; i++) {
        const struct side *side = &world->side[i];

        number = number * HA_STATES + side->state;
        number = number * (EPOCH_MAX + 1) + (uint32_t)side->epoch;
        number = number * 8 + (side->asks ? 4u : 0u) + (side->alive ? 2u : 0u) + (side->released ? 1u : 0u);
    }
    return number;
}

static void check(const struct world *world)
{
    const struct side *one = &world->side[0], *two = &world->side[1];

    walked++;
    if (is_active(one) && is_active(two) && one->epoch == two->epoch)
        fail_msg("two active nodes in epoch %d: %s and %s", one->epoch, ha_state_facts(one->state)->name,
                 ha_state_facts(two->state)->name);
    if (planned_only && is_active(one) && is_active(two))
        fail_msg("two active nodes, in epochs %d and %d, without a failover that nobody handed over for: %s "
                 "and %s",
                 one->epoch, two->epoch, ha_state_facts(one->state)->name, ha_state_facts(two->state)->name);
}

static void walk(const struct world *world, unsigned depth)
{
    uint32_t number = number_of(world);

    assert_true(number < SEEN_SIZE);
    if (seen[number] >= depth)
        return;
    seen[number] = (uint8_t)depth;
    check(world);
    for (int what = 0; what < MOVES && depth > 1; what++) {
        for (int me = 0; me < 2; me++) {
            struct world next = *world;

            if (move(&next, what, me))
                walk(&next, depth - 1);
        }
    }
}

static const struct world registered = {.side = {{.state = HA_PRIMARY_ACTIVE, .epoch = 1, .alive = true},
                                                 {.state = HA_SECONDARY_SYNCING, .epoch = 1, .alive = true}}};

/* Whatever is cut off, killed and started: a node that gave its role away does not take it back by itself. */
static void never_two_active_where_all_was_handed_over(void **none)
{
    (void)none;
    memset(seen, 0, sizeof(seen));
    walked = 0;
    planned_only = true;
    walk(&registered, DEPTH + 16);
    planned_only = false;
    print_message("%lu worlds\n", walked);
    assert_true(walked > 500);
}

static void never_two_active_in_one_epoch(void **none)
{
    (void)none;
    memset(seen, 0, sizeof(seen));
    walked = 0;
    walk(&registered, DEPTH + 16);
    print_message("%lu worlds\n", walked);
    assert_true(walked > 500);
}

/* From wherever a pair can get to, once both run, hear each other and nobody does anything, one of them is
 * active and the other one follows it. */
static void heals_by_itself(void **none)
{
    unsigned healed = 0;

    (void)none;
    for (uint32_t number = 0; number < SEEN_SIZE; number++) {
        struct world world = {0};
        uint32_t rest = number;

        if (seen[number] == 0)
            continue;
        for (int i = 1; i >= 0; i--) {
            world.side[i].released = rest % 2;
            world.side[i].alive = rest / 2 % 2;
            world.side[i].asks = rest / 4 % 2;
            rest /= 8;
            world.side[i].epoch = (int)(rest % (EPOCH_MAX + 1));
            rest /= EPOCH_MAX + 1;
            world.side[i].state = (enum ha_state)(rest % HA_STATES);
            rest /= HA_STATES;
        }
        for (int i = 0; i < 2; i++)
            kill_or_start(&world, i, true);
        for (int round = 0; round < 8; round++) {
            for (int i = 0; i < 2; i++) {
                hear(&world, i);
                /* what is under way ends, one way or the other */
                if (!ha_state_facts(world.side[i].state)->is_settled && round % 2 == 1) {
                    if (!world.side[i].released || !promote(&world, i))
                        apply(&world.side[i], HA_GIVEN_UP);
                }
            }
        }
        if (is_active(&world.side[0]) == is_active(&world.side[1]))
            fail_msg("world %u ends as %s and %s, epochs %d and %d", number,
                     ha_state_facts(world.side[0].state)->name, ha_state_facts(world.side[1].state)->name,
                     world.side[0].epoch, world.side[1].epoch);
        healed++;
    }
    assert_true(healed > 500);
}

/* ---- a node that was restored from a backup ---- */

static void does_not_go_on_without_changes_that_the_other_one_has(void **none)
{
    struct ha_standing own = {.state = HA_PRIMARY_UNCERTAIN, .epoch = 1, .of_epoch = 1, .revision = 100};
    struct ha_standing peer = {.state = HA_SECONDARY_ALONE, .epoch = 1, .of_epoch = 1, .revision = 101};
    enum ha_event event;

    (void)none;
    assert_false(ha_hear(&own, &peer, &event));
    for (peer.revision = 99; peer.revision <= 100; peer.revision++) {
        assert_true(ha_hear(&own, &peer, &event));
        assert_int_equal(event, HA_PEER_IS_STANDBY);
    }
    peer.of_epoch = 0; /* of a version that does not say it */
    assert_true(ha_hear(&own, &peer, &event));
    /* it took over meanwhile: then this node follows it */
    peer = (struct ha_standing){.state = HA_SECONDARY_ACTIVE, .epoch = 2, .of_epoch = 2, .revision = 500};
    assert_true(ha_hear(&own, &peer, &event));
    assert_int_equal(event, HA_HIGHER_EPOCH);
    /* what the other one did in an epoch before this node's is no more than diverged */
    own = (struct ha_standing){.state = HA_SECONDARY_UNCERTAIN, .epoch = 2, .of_epoch = 2, .revision = 105};
    peer = (struct ha_standing){
        .state = HA_PRIMARY_PREPARING_FOR_FAILBACK, .epoch = 2, .of_epoch = 1, .revision = 120};
    assert_true(ha_hear(&own, &peer, &event));
    assert_int_equal(event, HA_PEER_IS_STANDBY);
}

static void asks_until_it_serves_or_follows(void **none)
{
    (void)none;
    assert_true(ha_must_ask(false, HA_HANDED_OVER, ha_next(HA_PRIMARY_FAILOVER, HA_HANDED_OVER)));
    assert_true(ha_must_ask(false, HA_HANDED_OVER, ha_next(HA_SECONDARY_FAILBACK, HA_HANDED_OVER)));
    assert_true(ha_must_ask(true, HA_PEER_LOST, ha_next(HA_SECONDARY_POST_FAILBACK, HA_PEER_LOST)));
    assert_true(ha_must_ask(true, HA_RESTARTED, ha_next(HA_PRIMARY_UNCERTAIN, HA_RESTARTED)));
    assert_true(ha_must_ask(true, HA_RESTARTED, ha_next(HA_PRIMARY_ACTIVE, HA_RESTARTED))); /* restored */
    assert_false(ha_must_ask(false, HA_RESTARTED, ha_next(HA_PRIMARY_ACTIVE, HA_RESTARTED)));
    assert_false(ha_must_ask(true, HA_PEER_IS_STANDBY, ha_next(HA_PRIMARY_UNCERTAIN, HA_PEER_IS_STANDBY)));
    assert_false(ha_must_ask(true, HA_HIGHER_EPOCH, ha_next(HA_PRIMARY_UNCERTAIN, HA_HIGHER_EPOCH)));
    assert_false(ha_must_ask(true, HA_REMOVED, ha_next(HA_PRIMARY_UNCERTAIN, HA_REMOVED)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_what_the_table_says_and_nothing_else),
        cmocka_unit_test(every_state_has_a_name_a_way_in_and_a_way_out),
        cmocka_unit_test(does_not_go_on_without_changes_that_the_other_one_has),
        cmocka_unit_test(asks_until_it_serves_or_follows),
        cmocka_unit_test(never_two_active_where_all_was_handed_over),
        cmocka_unit_test(never_two_active_in_one_epoch),
        cmocka_unit_test(heals_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
