/* The pair's virtual address goes with the active role. */
#include "base/clock.h"
#include "daemon/pair_private.h"
#include "daemon/virtual_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 5000 /* after keepalived could not be started */

/* What was last asked of the privileged half. Only the engine's thread changes it. */
struct pair_address {
    bool started;
    bool active;
    uint64_t epoch;
    struct virtual_address wanted;
    int64_t retry_ms; /* monotonic: not before */
    struct error problem;
};

/* False where the pair has no virtual address. */
static bool plan(struct pair *pair, const struct pair_record *record, const struct pair_form *form,
                 struct virtual_address *out)
{
    unsigned interval_ms, misses;

    if (form->ipv4[0] == '\0')
        return false;
    pair_timing(pair, &interval_ms, &misses);
    *out = (struct virtual_address){.router_id = virtual_address_router_id(record->line),
                                    .heartbeat_ms = interval_ms};
    snprintf(out->own, sizeof(out->own), "%s", pair->self.address);
    snprintf(out->peer, sizeof(out->peer), "%s", record->peer_address);
    snprintf(out->ipv4, sizeof(out->ipv4), "%.*s", (int)sizeof(out->ipv4) - 1, form->ipv4);
    snprintf(out->ipv6, sizeof(out->ipv6), "%.*s", (int)sizeof(out->ipv6) - 1, form->ipv6);
    return true;
}

int pair_address_check(struct pair *pair, const struct pair_record *record, struct error *err)
{
    struct virtual_address wanted;

    return plan(pair, record, &record->form, &wanted) ? virtual_address_check(pair->node, &wanted, err) : 0;
}

static struct pair_address *address_of(struct pair *pair)
{
    if (pair->address == NULL)
        pair->address = calloc(1, sizeof(*pair->address));
    return pair->address;
}

/* For those who ask, on whatever thread. */
static void show_problem(struct pair *pair, const char *message)
{
    pthread_mutex_lock(&pair->lock);
    snprintf(pair->address_problem, sizeof(pair->address_problem), "%s", message);
    pthread_mutex_unlock(&pair->lock);
}

/* Tells the log once of the same trouble. */
static void fail(struct pair *pair, struct pair_address *address, const struct error *err)
{
    if (strcmp(address->problem.message, err->message) != 0)
        pair_log(pair, LOG_LEVEL_ERROR, "the virtual address: %s%s%s", err->message,
                 err->hint[0] != '\0' ? "; " : "", err->hint);
    address->problem = *err;
    show_problem(pair, err->message);
    address->retry_ms = clock_monotonic_ms() + RETRY_MS;
}

static int keep_started(struct pair *pair, struct pair_address *address, const struct virtual_address *wanted)
{
    struct error err = {0};

    if (address->started && memcmp(wanted, &address->wanted, sizeof(*wanted)) == 0)
        return 0;
    if (clock_monotonic_ms() < address->retry_ms)
        return -1;
    if (virtual_address_start(pair->node, wanted, &err) != 0) {
        fail(pair, address, &err);
        return -1;
    }
    address->wanted = *wanted;
    address->started = true;
    address->problem = (struct error){0};
    show_problem(pair, "");
    return 0;
}

void pair_address_follow(struct pair *pair)
{
    struct pair_address *address = address_of(pair);
    struct virtual_address wanted;
    struct pair_form form;
    struct pair_record record;
    struct error err = {0};
    enum ha_state state;
    bool active;

    if (address == NULL)
        return;
    record = pair_record_of(pair, &state);
    pair_form_now(pair, &form);
    if (ha_state_facts(state)->role == HA_STANDALONE || !plan(pair, &record, &form, &wanted)) {
        pair_address_end(pair);
        return;
    }
    if (keep_started(pair, address, &wanted) != 0)
        return;
    active = ha_state_facts(state)->is_active;
    if (active == address->active && record.epoch == address->epoch)
        return;
    if (virtual_address_set_active(pair->node, active, record.epoch, &err) != 0) {
        fail(pair, address, &err);
        return;
    }
    address->active = active;
    address->epoch = record.epoch;
}

void pair_address_end(struct pair *pair)
{
    if (pair->address != NULL && pair->address->started)
        virtual_address_stop(pair->node);
    free(pair->address);
    pair->address = NULL;
}

json_t *pair_address_state(struct pair *pair)
{
    struct virtual_address_state now = {0};
    struct pair_form form;
    struct error err = {0};

    pair_form_now(pair, &form);
    if (form.ipv4[0] == '\0')
        return NULL;
    if (virtual_address_state(pair->node, &now, &err) != 0)
        snprintf(now.problem, sizeof(now.problem), "%.200s", err.message);
    pthread_mutex_lock(&pair->lock);
    if (now.problem[0] == '\0')
        snprintf(now.problem, sizeof(now.problem), "%.*s", (int)sizeof(now.problem) - 1,
                 pair->address_problem);
    pthread_mutex_unlock(&pair->lock);
    return json_pack("{s:s, s:s, s:b, s:b, s:i, s:s}", "ipv4", form.ipv4, "ipv6", form.ipv6, "here", now.held,
                     "keepalived", now.running, "restarts", (int)now.restarts, "problem", now.problem);
}
