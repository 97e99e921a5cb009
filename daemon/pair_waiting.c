/* A node that stays uncertain: why, who can end that, and telling people so. */
#include "daemon/notice.h"
#include "daemon/pair_private.h"

#include <stdio.h>

#define TELL_AFTER 2 /* heartbeats: a state between two others is nobody's business */

bool pair_waits(struct pair *pair, const struct pair_record *record, const struct pair_peer *peer,
                struct pair_waiting *out)
{
    struct ha_standing own = {.epoch = record->epoch};
    char name[2 * HOST_TEXT_MAX + 4];

    pair_own_place(pair, &own);
    pair_peer_name(record, name, sizeof(name));
    if (peer->answers && (peer->standing.epoch > own.epoch || ha_lacks_changes(&own, &peer->standing))) {
        snprintf(out->problem, sizeof(out->problem),
                 "%s has changes that this server lacks: this one was restored from a backup, or lost them",
                 name);
        snprintf(out->hint, sizeof(out->hint),
                 "`ncs ha failover` on the other server makes it the active one, and this one follows it. To "
                 "go on with what is here instead: `ncs ha remove force` here, then register again");
        return true;
    }
    if (peer->answers || !record->must_ask)
        return false;
    snprintf(out->problem, sizeof(out->problem),
             "this server handed over, or was restored from a backup, and does not become active before it "
             "hears from the other one, %s",
             name);
    snprintf(out->hint, sizeof(out->hint),
             "bring the other server back; if it is gone for good: `ncs ha remove force` here");
    return true;
}

static void tell(struct pair *pair, enum ha_state state, const struct pair_waiting *waiting)
{
    char what[128];
    const struct notice_change change = {
        .what = what, .reason = waiting->problem, .next_command = waiting->hint};

    snprintf(what, sizeof(what), "the pair waits for an admin: %s", ha_state_facts(state)->name);
    pair_log(pair, LOG_LEVEL_WARNING, "%s: %s", waiting->problem, waiting->hint);
    notice_change(pair->node, &change);
}

void pair_look_whether_it_waits(struct pair *pair)
{
    struct pair_waiting waiting;
    struct pair_record record;
    struct pair_peer peer;
    enum ha_state state;
    unsigned serial;

    pthread_mutex_lock(&pair->lock);
    record = pair->record;
    state = pair->state;
    peer = pair->peer;
    serial = pair->serial;
    pthread_mutex_unlock(&pair->lock);
    if (!ha_is_uncertain(state) || serial != pair->waiting_serial)
        pair->waiting_beats = 0;
    pair->waiting_serial = serial;
    if (!ha_is_uncertain(state) || pair->waiting_beats >= TELL_AFTER)
        return;
    if (!pair_waits(pair, &record, &peer, &waiting))
        pair->waiting_beats = 0;
    else if (++pair->waiting_beats == TELL_AFTER)
        tell(pair, state, &waiting);
}
