/* What there is to say of the pair: for `ncs ha status`, `ncs status` and the services' state. */
#include "daemon/pair_private.h"

#include <stdio.h>

static const char *const milestone_names[PAIR_MILESTONES] = {"pre_ha", "replication", "post_ha"};

static json_t *registration_of(const struct pair_registration *registration)
{
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:s, s:s}", "peer", registration->peer, "started_ms",
                  (json_int_t)registration->started_ms, "ended_ms", (json_int_t)registration->ended_ms,
                  "error", registration->error, "hint", registration->hint);

    for (size_t i = 0; i < PAIR_MILESTONES; i++)
        json_object_set_new(object, milestone_names[i], json_integer(registration->percent[i]));
    return object;
}

static json_t *peer_of(const struct pair_record *record, const struct pair_peer *peer)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:s, s:s}", "address", record->peer_address,
                     "name", record->peer_name, "node", record->peer_node, "answers", peer->answers, "state",
                     peer->answers ? ha_state_facts(peer->standing.state)->name : "", "epoch",
                     (json_int_t)peer->standing.epoch, "heard_ms", (json_int_t)peer->heard_ms, "called_ms",
                     (json_int_t)peer->called_ms, "problem", peer->why, "hint", peer->hint);
}

/* Why this server stays uncertain, and who can end that. */
static void explain_waiting(struct pair *pair, const struct pair_record *record, const struct pair_peer *peer,
                            json_t *peer_status)
{
    struct pair_waiting waiting;

    if (!pair_waits(pair, record, peer, &waiting))
        return;
    json_object_set_new(peer_status, "problem", json_string(waiting.problem));
    json_object_set_new(peer_status, "hint", json_string(waiting.hint));
}

static void add_replication(struct pair *pair, const struct ha_state_facts *facts, json_t *status)
{
    struct ha_sender_state sent;
    struct ha_receiver_state received;
    struct store_stats stats = {0};
    uint64_t behind = 0;

    pair_sent(pair, &sent);
    pair_received(pair, &received);
    store_stats(pair->node->store, &stats, NULL);
    if (facts->is_active)
        behind = sent.unreplicated;
    else if (received.known > stats.revision)
        behind = received.known - stats.revision;
    json_object_set_new(status, "revision", json_integer((json_int_t)stats.revision));
    json_object_set_new(status, "lag", json_integer((json_int_t)behind));
    json_object_set_new(status, "following",
                        json_boolean(facts->is_active ? sent.streaming : received.following));
    json_object_set_new(status, "unreplicated",
                        json_integer(facts->is_active ? (json_int_t)sent.unreplicated : 0));
    if (received.importing)
        json_object_set_new(status, "snapshot_percent", json_integer(received.percent));
}

/* Where the virtual address is: this node sees its own interfaces, and knows whether the other one is active.
 */
static void add_address(struct pair *pair, const struct pair_record *record, const struct pair_peer *peer,
                        json_t *status)
{
    json_t *address = pair_address_state(pair);
    char name[2 * HOST_TEXT_MAX + 4];
    const char *problem;

    if (address == NULL)
        return;
    json_object_set_new(status, "virtual_address", address);
    if (json_is_true(json_object_get(address, "here")))
        pair_own_name(pair, name, sizeof(name));
    else if (peer->answers && ha_state_facts(peer->standing.state)->is_active)
        pair_peer_name(record, name, sizeof(name));
    else
        snprintf(name, sizeof(name), "no server");
    problem = json_string_value(json_object_get(address, "problem"));
    json_object_set_new(status, "virtual_address_at",
                        problem != NULL && problem[0] != '\0' ? json_sprintf("%s: %s", name, problem)
                                                              : json_string(name));
}

json_t *pair_status(struct pair *pair)
{
    const struct ha_state_facts *facts;
    struct pair_registration registration;
    struct pair_record record;
    struct pair_peer peer;
    struct pair_form form;
    enum ha_state state;
    json_t *status;
    bool gate;

    pair_form_now(pair, &form);
    pthread_mutex_lock(&pair->lock);
    record = pair->record;
    state = pair->state;
    peer = pair->peer;
    registration = pair->registration;
    gate = pair->gate;
    pthread_mutex_unlock(&pair->lock);
    facts = ha_state_facts(state);
    status = json_pack("{s:s, s:s, s:b, s:b, s:s, s:I, s:s, s:I, s:s, s:s, s:s}", "role",
                       ha_role_name(facts->role), "state", facts->name, "configured",
                       facts->role != HA_STANDALONE, "active", facts->is_active, "failover_type",
                       form.automatic ? "Automatic" : "Manual", "since_ms", (json_int_t)record.since_ms,
                       "reason", record.reason, "epoch", (json_int_t)record.epoch, "virtual_ipv4", form.ipv4,
                       "virtual_ipv6", form.ipv6, "email", form.email);
    json_object_set_new(status, "waits_for_standby", json_boolean(gate));
    if (facts->role != HA_STANDALONE) {
        json_object_set_new(status, "peer", peer_of(&record, &peer));
        if (ha_is_uncertain(state))
            explain_waiting(pair, &record, &peer, json_object_get(status, "peer"));
        add_replication(pair, facts, status);
    }
    if (facts->role != HA_STANDALONE && form.ipv4[0] != '\0')
        add_address(pair, &record, &peer, status);
    if (registration.started_ms != 0)
        json_object_set_new(status, "registration", registration_of(&registration));
    return status;
}
