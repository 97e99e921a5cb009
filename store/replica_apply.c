#include "store/feed.h"
#include "store/replica_private.h"
#include "store/upgrade.h"

#include <stdio.h>

struct apply {
    const struct seal *seal;
    const struct replica_change *changes;
    size_t count;
};

static int apply_one(struct store_txn *txn, const struct seal *seal, const struct replica_change *change,
                     struct error *err)
{
    txn->change_count = 0;
    for (size_t i = 0; i < change->row_count; i++) {
        if (replica_put(txn, seal, &change->rows[i], err) != 0)
            return -1;
    }
    feed_write_as(txn, change->revision, change->when_ms);
    txn->applied_to = change->revision;
    txn->applied_count++;
    return record_status(txn, err);
}

static int apply_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct apply *apply = arg;

    txn->active_name = NULL; /* this is how a standby's pair records do change */
    txn->applied = true;
    txn->applied_to = upgrade_revision(txn);
    for (size_t i = 0; i < apply->count; i++) {
        const struct replica_change *change = &apply->changes[i];

        if (change->revision <= txn->applied_to)
            continue;
        if (change->revision != txn->applied_to + 1)
            return error_set(err, ERROR_CONFLICT,
                             "revision %llu cannot follow revision %llu: what is between them is missing",
                             (unsigned long long)change->revision, (unsigned long long)txn->applied_to);
        if (apply_one(txn, apply->seal, change, err) != 0)
            return -1;
    }
    return record_status(txn, err);
}

int replica_apply(struct store *store, const struct seal *seal, const struct replica_change *changes,
                  size_t count, struct error *err)
{
    struct apply apply = {seal, changes, count};

    /* a change waits at the active node: no thread is woken for it that need not be */
    return store_run_here(store, apply_job, &apply, err);
}

static int follow_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct replica_state *active = arg;
    struct replica_state state;

    if (replica_state_get(txn, &state, err) != 0)
        return -1;
    snprintf(state.line, sizeof(state.line), "%s", active->line);
    state.epoch_count = active->epoch_count;
    for (size_t i = 0; i < active->epoch_count; i++)
        state.epochs[i] = active->epochs[i];
    state.standby = true;
    replica_state_put(txn, &state);
    return record_status(txn, err);
}

int replica_follow(struct store *store, const struct replica_state *active, struct error *err)
{
    return store_run(store, follow_job, (void *)(uintptr_t)active, err);
}
