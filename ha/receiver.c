#include "ha/receiver.h"

#include "base/clock.h"
#include "ha/diverged.h"
#include "ha/frame.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000
#define BATCH_CHANGES 512      /* of one transaction */
#define BATCH_BYTES (4U << 20) /* the same, by size */
#define PATH_SIZE (HA_POSITION_SIZE + 32)

struct ha_receiver {
    struct ha_receiver_options options;
    char log_folder[PATH_MAX];
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool stopping;
    struct ha_receiver_state state;

    /* the receiving thread's own */
    bool needs_snapshot;
    bool hopeless;               /* another line: only a registration helps */
    struct replica_state active; /* as its stream said */
    struct frame_input input;
    struct arena arena; /* what the frames that were read point to */
    struct replica_change *changes;
    size_t change_count;
    size_t change_bytes;
    struct replica_row *parts; /* rows of a large change that came so far */
    size_t part_count;
    size_t part_room;
    bool in_parts;
    struct replica_import *import;
    uint64_t rows;
    uint64_t total;
    bool ended;
    struct error failure; /* why taking bytes failed */
};

/* ---- what others see ---- */

static bool is_stopping(struct ha_receiver *receiver)
{
    bool stopping;

    pthread_mutex_lock(&receiver->lock);
    stopping = receiver->stopping;
    pthread_mutex_unlock(&receiver->lock);
    return stopping;
}

static void heard(struct ha_receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->state.heard_at_ms = clock_wall_ms();
    pthread_mutex_unlock(&receiver->lock);
    if (receiver->options.alive != NULL)
        receiver->options.alive(receiver->options.arg);
}

static int read_state(struct ha_receiver *receiver, struct replica_state *out, struct error *err)
{
    struct store_txn *txn = store_read(receiver->options.store, err);
    int result = txn == NULL ? -1 : replica_state_get(txn, out, err);

    store_end(txn);
    return result;
}

/* A revision is on disk: here. */
static void applied(struct ha_receiver *receiver, uint64_t revision)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->state.revision = revision;
    if (receiver->state.known < revision)
        receiver->state.known = revision;
    pthread_mutex_unlock(&receiver->lock);
    if (receiver->options.applied != NULL)
        receiver->options.applied(receiver->options.arg, revision);
}

/* The same, of a stream of changes: the active node is told first, for somebody waits for that. */
static int acknowledge(struct ha_receiver *receiver, uint64_t revision, struct error *err)
{
    const struct ha_source *source = &receiver->options.source;
    struct ha_position position = {.epoch = receiver->active.epoch, .revision = revision};
    int result;

    memcpy(position.line, receiver->active.line, REPLICA_LINE_SIZE);
    result = source->acknowledge(source->arg, &position, err);
    applied(receiver, revision);
    return result;
}

static void set_percent(struct ha_receiver *receiver, bool importing, unsigned percent)
{
    bool tell;

    pthread_mutex_lock(&receiver->lock);
    tell = receiver->state.percent != percent || receiver->state.importing != importing;
    receiver->state.importing = importing;
    receiver->state.percent = percent;
    pthread_mutex_unlock(&receiver->lock);
    if (tell && receiver->options.progress != NULL)
        receiver->options.progress(receiver->options.arg, percent);
}

static void set_following(struct ha_receiver *receiver, bool following)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->state.following = following;
    if (following) {
        receiver->state.error = (struct error){0};
        if (receiver->state.known < receiver->active.revision)
            receiver->state.known = receiver->active.revision;
    }
    pthread_mutex_unlock(&receiver->lock);
}

/* ---- changes ---- */

static int apply(struct ha_receiver *receiver, struct error *err)
{
    size_t count = receiver->change_count;
    uint64_t last;

    if (count == 0)
        return 0;
    last = receiver->changes[count - 1].revision;
    receiver->change_count = 0;
    receiver->change_bytes = 0;
    if (replica_apply(receiver->options.store, receiver->options.seal, receiver->changes, count, err) != 0)
        return -1;
    return acknowledge(receiver, last, err);
}

/* A part of a large change; with the last one it is applied. */
static int keep_part(struct ha_receiver *receiver, const struct replica_change *change, struct error *err)
{
    size_t needed = receiver->part_count + change->row_count;
    struct replica_change whole = *change;

    if (needed > receiver->part_room) {
        struct replica_row *grown = realloc(receiver->parts, 2 * needed * sizeof(*grown));

        if (grown == NULL)
            return error_set(err, ERROR_INTERNAL, "out of memory");
        receiver->parts = grown;
        receiver->part_room = 2 * needed;
    }
    memcpy(receiver->parts + receiver->part_count, change->rows, change->row_count * sizeof(*change->rows));
    receiver->part_count = needed;
    receiver->in_parts = change->more;
    if (change->more)
        return 0;
    whole.rows = receiver->parts;
    whole.row_count = receiver->part_count;
    receiver->part_count = 0;
    receiver->changes[receiver->change_count++] = whole;
    return apply(receiver, err);
}

static int keep_change(struct ha_receiver *receiver, const struct replica_change *change, struct error *err)
{
    if (change->more || receiver->in_parts)
        return keep_part(receiver, change, err);
    receiver->changes[receiver->change_count++] = *change;
    for (size_t i = 0; i < change->row_count; i++)
        receiver->change_bytes += change->rows[i].key_length + change->rows[i].value_length;
    if (receiver->change_count < BATCH_CHANGES && receiver->change_bytes < BATCH_BYTES)
        return 0;
    return apply(receiver, err);
}

/* This node did what the active one does not know: that goes into a file, before a snapshot overwrites it. */
static int keep_aside(struct ha_receiver *receiver, const struct replica_state *ours, uint64_t common,
                      struct error *err)
{
    char file[NAME_MAX];
    uint64_t count;

    if (ha_diverged_write(receiver->options.store, receiver->log_folder, ours->epoch, common, &count, file,
                          sizeof(file), err) != 0)
        return -1;
    if (count > 0 && receiver->options.diverged != NULL)
        receiver->options.diverged(receiver->options.arg, count, file);
    return 0;
}

/* Where the active node stands, and whether this one can go on from where it stands. */
static int meet(struct ha_receiver *receiver, const struct replica_state *active, struct error *err)
{
    struct replica_state ours;
    struct error why = {0};
    uint64_t common = 0;

    receiver->active = *active;
    if (active->epoch > receiver->options.epoch) {
        receiver->options.epoch = active->epoch;
        if (receiver->options.epoch_higher != NULL)
            receiver->options.epoch_higher(receiver->options.arg, active->epoch);
    }
    if (read_state(receiver, &ours, err) != 0)
        return -1;
    if (strcmp(ours.line, active->line) != 0) {
        receiver->hopeless = true;
        error_set(err, ERROR_CONFLICT, "this node and the active one do not share a history of changes");
        return error_hint(err, "register the pair again: `ncs ha register` on the primary");
    }
    if (replica_common(active, ours.line, ours.epoch, ours.revision, &common, &why) != 0 &&
        why.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    if (common < ours.revision) {
        receiver->needs_snapshot = true;
        receiver->ended = true;
        return keep_aside(receiver, &ours, common, err);
    }
    if (replica_follow(receiver->options.store, active, err) != 0)
        return -1;
    set_following(receiver, true);
    return acknowledge(receiver, ours.revision, err);
}

static int take_of_changes(struct ha_receiver *receiver, const struct frame *frame, struct error *err)
{
    switch (frame->kind) {
    case FRAME_START:
        return meet(receiver, &frame->state, err);
    case FRAME_CHANGE:
        return keep_change(receiver, &frame->change, err);
    case FRAME_END:
        receiver->needs_snapshot = true;
        receiver->ended = true;
        return 0;
    case FRAME_ALIVE:
        return 0;
    default:
        return error_set(err, ERROR_UNTRUSTED, "the other node sent what is no part of a stream of changes");
    }
}

/* ---- a snapshot ---- */

static int begin_import(struct ha_receiver *receiver, const struct frame *frame, struct error *err)
{
    if (receiver->import != NULL)
        return error_set(err, ERROR_UNTRUSTED, "the other node began a snapshot twice");
    receiver->active = frame->state;
    receiver->total = frame->total;
    receiver->rows = 0;
    receiver->import = replica_import_begin(receiver->options.store, receiver->options.seal, err);
    return receiver->import == NULL ? -1 : 0;
}

static int end_import(struct ha_receiver *receiver, uint64_t rows, struct error *err)
{
    const struct ha_receiver_options *options = &receiver->options;

    if (replica_import_commit(receiver->import, &receiver->active, rows, options->on_import,
                              options->on_import_arg, err) != 0)
        return -1;
    receiver->ended = true;
    return 0;
}

static int take_of_snapshot(struct ha_receiver *receiver, const struct frame *frame, struct error *err)
{
    if (frame->kind == FRAME_START)
        return begin_import(receiver, frame, err);
    if (frame->kind == FRAME_ALIVE)
        return 0;
    if (receiver->import == NULL || frame->kind == FRAME_CHANGE || frame->kind == FRAME_ACK)
        return error_set(err, ERROR_UNTRUSTED, "the other node sent no snapshot");
    if (frame->kind == FRAME_END)
        return end_import(receiver, frame->total, err);
    receiver->rows += frame->row_count;
    set_percent(receiver, true,
                receiver->rows >= receiver->total ? 99 : (unsigned)(receiver->rows * 99 / receiver->total));
    return replica_import_put(receiver->import, frame->rows, frame->row_count, err);
}

/* ---- streams ---- */

typedef int (*take_frame)(struct ha_receiver *receiver, const struct frame *frame, struct error *err);

/* The memory of frames whose changes are on disk. */
static void forget_applied(struct ha_receiver *receiver)
{
    if (receiver->change_count == 0 && !receiver->in_parts)
        arena_reset(&receiver->arena);
}

static int take_bytes(struct ha_receiver *receiver, take_frame take, const void *bytes, size_t length)
{
    struct error *err = &receiver->failure;
    struct frame frame;
    int more;

    if (frame_put(&receiver->input, bytes, length, err) != 0)
        return -1;
    while (!receiver->ended && (more = frame_next(&receiver->input, &receiver->arena, &frame, err)) != 0) {
        if (more < 0 || take(receiver, &frame, err) != 0)
            return -1;
        forget_applied(receiver);
    }
    if (apply(receiver, err) != 0)
        return -1;
    forget_applied(receiver);
    heard(receiver);
    return receiver->ended ? 1 : 0;
}

static int on_changes(void *arg, const void *bytes, size_t length)
{
    return take_bytes(arg, take_of_changes, bytes, length);
}

static int on_snapshot(void *arg, const void *bytes, size_t length)
{
    return take_bytes(arg, take_of_snapshot, bytes, length);
}

static int run_stream(struct ha_receiver *receiver, const char *path,
                      int (*take)(void *arg, const void *bytes, size_t length), struct error *err)
{
    const struct ha_source *source = &receiver->options.source;
    int result;

    receiver->failure = (struct error){0};
    receiver->ended = false;
    result = source->stream(source->arg, path, take, receiver, err);
    frame_clear(&receiver->input);
    receiver->change_count = 0;
    receiver->change_bytes = 0;
    receiver->part_count = 0;
    receiver->in_parts = false;
    arena_wipe(&receiver->arena);
    receiver->arena = (struct arena){.block_size = BATCH_BYTES / 16};
    if (receiver->failure.code == ERROR_NONE)
        return result;
    *err = receiver->failure;
    return -1;
}

static int take_snapshot(struct ha_receiver *receiver, struct error *err)
{
    int result;

    set_percent(receiver, true, 0);
    result = run_stream(receiver, "/ha/v1/snapshot", on_snapshot, err);
    replica_import_free(receiver->import);
    receiver->import = NULL;
    if (!receiver->ended) {
        set_percent(receiver, false, 0);
        return result != 0 ? -1
                           : error_set(err, ERROR_UNREACHABLE, "the other node ended the snapshot early");
    }
    receiver->needs_snapshot = false;
    pthread_mutex_lock(&receiver->lock);
    receiver->state.snapshots++;
    pthread_mutex_unlock(&receiver->lock);
    set_percent(receiver, false, 100);
    applied(receiver, receiver->active.revision);
    return 0;
}

static int follow(struct ha_receiver *receiver, struct error *err)
{
    struct ha_position position = {.line = ""};
    char query[HA_POSITION_SIZE];
    char path[PATH_SIZE];
    struct replica_state ours;
    int result;

    if (read_state(receiver, &ours, err) != 0)
        return -1;
    position.revision = ours.revision;
    position.epoch = ours.epoch;
    memcpy(position.line, ours.line, sizeof(position.line));
    ha_position_format(&position, query);
    snprintf(path, sizeof(path), "/ha/v1/changes?%s", query);
    result = run_stream(receiver, path, on_changes, err);
    set_following(receiver, false);
    if (receiver->needs_snapshot)
        return 0;
    return result != 0 ? -1
                       : error_set(err, ERROR_UNREACHABLE, "the active node ended the stream of changes");
}

/* With the lock held. */
static void wait_to_retry(struct ha_receiver *receiver)
{
    struct timespec until = clock_deadline(receiver->options.retry_ms);
    int code = 0;

    while (!receiver->stopping && (code == 0 || receiver->hopeless))
        code = pthread_cond_timedwait(&receiver->changed, &receiver->lock, &until);
}

static void lose(struct ha_receiver *receiver, const struct error *err)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->state.error = *err;
    pthread_mutex_unlock(&receiver->lock);
    if (!is_stopping(receiver) && receiver->options.lost != NULL)
        receiver->options.lost(receiver->options.arg, err);
    pthread_mutex_lock(&receiver->lock);
    wait_to_retry(receiver);
    pthread_mutex_unlock(&receiver->lock);
}

static void *receiver_thread(void *arg)
{
    struct ha_receiver *receiver = arg;

    while (!is_stopping(receiver)) {
        struct error err = {0};

        if ((receiver->needs_snapshot ? take_snapshot(receiver, &err) : follow(receiver, &err)) != 0)
            lose(receiver, &err);
    }
    return NULL;
}

/* ---- start and stop ---- */

static void receiver_free(struct ha_receiver *receiver)
{
    frame_clear(&receiver->input);
    arena_wipe(&receiver->arena);
    free(receiver->changes);
    free(receiver->parts);
    pthread_cond_destroy(&receiver->changed);
    pthread_mutex_destroy(&receiver->lock);
    free(receiver);
}

static void stop(struct ha_receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->stopping = true;
    pthread_cond_broadcast(&receiver->changed);
    pthread_mutex_unlock(&receiver->lock);
    receiver->options.source.cancel(receiver->options.source.arg);
}

struct ha_receiver *ha_receiver_start(const struct ha_receiver_options *options, struct error *err)
{
    struct ha_receiver *receiver = calloc(1, sizeof(*receiver));
    pthread_condattr_t attributes;
    int code;

    if (receiver == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    receiver->options = *options;
    snprintf(receiver->log_folder, sizeof(receiver->log_folder), "%s", options->log_folder);
    receiver->options.log_folder = receiver->log_folder;
    if (receiver->options.retry_ms == 0)
        receiver->options.retry_ms = RETRY_MS;
    receiver->needs_snapshot = options->fresh;
    receiver->arena.block_size = BATCH_BYTES / 16;
    pthread_mutex_init(&receiver->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&receiver->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    receiver->changes = calloc(BATCH_CHANGES, sizeof(*receiver->changes));
    code = receiver->changes == NULL ? ENOMEM
                                     : pthread_create(&receiver->thread, NULL, receiver_thread, receiver);
    if (code == 0)
        return receiver;
    error_set_errno(err, code, "cannot start to receive changes");
    receiver_free(receiver);
    return NULL;
}

void ha_receiver_stop(struct ha_receiver *receiver)
{
    if (receiver == NULL)
        return;
    stop(receiver);
    pthread_join(receiver->thread, NULL);
    receiver_free(receiver);
}

void ha_receiver_state(struct ha_receiver *receiver, struct ha_receiver_state *out)
{
    pthread_mutex_lock(&receiver->lock);
    *out = receiver->state;
    pthread_mutex_unlock(&receiver->lock);
}
