/* Lines and epochs: whose history a store's revisions are. */
#include "store/pin_adopt.h"
#include "store/replica_private.h"
#include "store/upgrade.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define REPLICA_KEY "replica"

bool replica_state_read(const Record__Replica *record, struct replica_state *out)
{
    *out = (struct replica_state){.standby = record->standby};
    if (strlen(record->line) >= REPLICA_LINE_SIZE || record->n_epochs > REPLICA_EPOCHS_MOST)
        return false;
    snprintf(out->line, sizeof(out->line), "%s", record->line);
    for (size_t i = 0; i < record->n_epochs; i++) {
        const Record__Epoch *epoch = record->epochs[i];

        if (epoch->epoch <= out->epoch || (i > 0 && epoch->revision < out->epochs[i - 1].revision))
            return false;
        out->epochs[out->epoch_count++] = (struct replica_epoch){epoch->epoch, epoch->revision};
        out->epoch = epoch->epoch;
    }
    return (out->line[0] == '\0') == (out->epoch_count == 0);
}

void replica_state_pack(const struct replica_state *state, struct replica_packed *out)
{
    record__replica__init(&out->record);
    for (size_t i = 0; i < state->epoch_count; i++) {
        record__epoch__init(&out->epochs[i]);
        out->epochs[i].epoch = state->epochs[i].epoch;
        out->epochs[i].revision = state->epochs[i].revision;
        out->list[i] = &out->epochs[i];
    }
    out->record.line = (char *)(uintptr_t)state->line;
    out->record.epochs = out->list;
    out->record.n_epochs = state->epoch_count;
    out->record.standby = state->standby;
}

int replica_state_get(struct store_txn *txn, struct replica_state *out, struct error *err)
{
    const Record__Replica *record;
    struct arena scratch = {0};
    bool read = true;
    MDB_val value;

    *out = (struct replica_state){.line = ""};
    if (record_get(txn, DATABASE_META, record_key_text(REPLICA_KEY), &value)) {
        record = record_unpack(&scratch, &record__replica__descriptor, value.mv_data, value.mv_size);
        read = record != NULL && replica_state_read(record, out);
        arena_free(&scratch);
    }
    out->revision = upgrade_revision(txn);
    return read ? record_status(txn, err) : record_damaged(txn, DATABASE_META, err);
}

void replica_state_put(struct store_txn *txn, const struct replica_state *state)
{
    struct replica_packed packed;

    replica_state_pack(state, &packed);
    record_store(txn, DATABASE_META, record_key_text(REPLICA_KEY), record_pack(txn, &packed.record.base), 0);
    txn->unnoted = true;
}

bool store_is_active(struct store_txn *txn)
{
    struct replica_state state;

    if (txn->writing)
        return txn->active_name == NULL;
    return replica_state_get(txn, &state, NULL) != 0 || !state.standby;
}

static void add_epoch(struct replica_state *state, uint64_t epoch)
{
    if (state->epoch_count == REPLICA_EPOCHS_MOST)
        memmove(&state->epochs[0], &state->epochs[1], --state->epoch_count * sizeof(state->epochs[0]));
    state->epochs[state->epoch_count++] = (struct replica_epoch){epoch, state->revision};
    state->epoch = epoch;
}

/* What the standby kept out of sight is an active node's business again. */
static int become_active(struct store_txn *txn, struct replica_state *state, struct error *err)
{
    state->standby = false;
    txn->active_name = NULL;
    replica_state_put(txn, state);
    return pin_adopt_shadowed(txn, err) != 0 ? -1 : record_status(txn, err);
}

int replica_begin_line(struct store_txn *txn, uint64_t epoch, struct error *err)
{
    uint8_t random[(REPLICA_LINE_SIZE - 1) / 2];
    struct replica_state state;

    if (epoch == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "an epoch has a number above 0");
    if (replica_state_get(txn, &state, err) != 0)
        return -1;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set_errno(err, errno, "cannot get random bytes");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(state.line + 2 * i, 3, "%02x", random[i]);
    state.epoch_count = 0;
    add_epoch(&state, epoch);
    return become_active(txn, &state, err);
}

int replica_begin_epoch(struct store_txn *txn, uint64_t epoch, struct error *err)
{
    struct replica_state state;

    if (replica_state_get(txn, &state, err) != 0)
        return -1;
    if (state.line[0] == '\0')
        return error_set(err, ERROR_CONFLICT, "this node is in no pair whose epoch %llu could begin",
                         (unsigned long long)epoch);
    if (epoch <= state.epoch)
        return error_set(err, ERROR_CONFLICT, "the pair is in epoch %llu, and epoch %llu cannot begin",
                         (unsigned long long)state.epoch, (unsigned long long)epoch);
    add_epoch(&state, epoch);
    return become_active(txn, &state, err);
}

int replica_set_standby(struct store_txn *txn, bool standby, struct error *err)
{
    struct replica_state state;

    if (replica_state_get(txn, &state, err) != 0)
        return -1;
    if (!standby)
        return become_active(txn, &state, err);
    state.standby = true;
    replica_state_put(txn, &state);
    return record_status(txn, err);
}

int replica_leave(struct store_txn *txn, struct error *err)
{
    struct replica_state state = {.line = ""};

    return become_active(txn, &state, err);
}

int replica_common(const struct replica_state *ours, const char *line, uint64_t epoch, uint64_t revision,
                   uint64_t *common, struct error *err)
{
    uint64_t until = ours->revision;

    if (ours->line[0] == '\0' || strcmp(ours->line, line) != 0)
        return error_set(err, ERROR_NOT_FOUND, "the two nodes do not share a history of changes");
    if (epoch > ours->epoch)
        return error_set(err, ERROR_NOT_ACTIVE, "this node is in epoch %llu, the other one in epoch %llu",
                         (unsigned long long)ours->epoch, (unsigned long long)epoch);
    if (epoch < ours->epochs[0].epoch)
        return error_set(err, ERROR_NOT_FOUND, "what happened since epoch %llu is not known any more",
                         (unsigned long long)epoch);
    for (size_t i = ours->epoch_count; i > 0 && ours->epochs[i - 1].epoch > epoch; i--)
        until = ours->epochs[i - 1].revision;
    *common = revision < until ? revision : until;
    return 0;
}
