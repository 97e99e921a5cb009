#include "ha/sender.h"

#include "base/clock.h"
#include "ha/frame.h"
#include "ha/stream.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ALIVE_MS 5000
#define KEY_MOST 64
#define PUSH_MOST 4 /* changes; more are worth a thread of their own */

struct ha_sender {
    struct ha_sender_options options;
    uint8_t pair_key[KEY_MOST];
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    struct stream *streams;
    bool stopping;
    uint64_t committed; /* the last revision that the watcher told */
    uint64_t acknowledged;
    int64_t acknowledged_at_ms;
    unsigned snapshots;
    unsigned percent;
    unsigned followers; /* streams of changes that are up */
};

/* A stream that waits for just these changes, if they are few. With the lock held. */
static struct stream *waiting_for(struct ha_sender *sender, uint64_t revision)
{
    for (struct stream *stream = sender->streams; stream != NULL; stream = stream->next) {
        if (stream->idle && !stream->gone && !stream->lent && revision > stream->sent &&
            revision - stream->sent <= PUSH_MOST)
            return stream;
    }
    return NULL;
}

/* On the store's writer. A few changes it sends itself, for they wait to be acknowledged; waking the stream's
 * thread would take longer than that. */
static void on_commit(void *arg, uint64_t revision)
{
    struct ha_sender *sender = arg;
    struct stream *stream;
    bool wake = true;

    pthread_mutex_lock(&sender->lock);
    sender->committed = revision;
    stream = sender->stopping ? NULL : waiting_for(sender, revision);
    if (stream != NULL) {
        stream->lent = true;
        pthread_mutex_unlock(&sender->lock);
        wake = !stream_push(stream);
        pthread_mutex_lock(&sender->lock);
        stream->gone = stream->gone || wake;
        wake = wake || stream->wanted || stream->sent < sender->committed;
        stream->lent = stream->wanted = false;
    }
    if (wake)
        pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

struct ha_sender *ha_sender_new(const struct ha_sender_options *options, struct error *err)
{
    struct ha_sender *sender = calloc(1, sizeof(*sender));
    pthread_condattr_t attributes;

    if (sender == NULL || options->pair_key_length > KEY_MOST) {
        error_set(err, ERROR_INTERNAL, sender == NULL ? "out of memory" : "the pair's key is too long");
        free(sender);
        return NULL;
    }
    sender->options = *options;
    if (sender->options.alive_ms == 0)
        sender->options.alive_ms = ALIVE_MS;
    if (options->pair_key != NULL) {
        memcpy(sender->pair_key, options->pair_key, options->pair_key_length);
        sender->options.pair_key = sender->pair_key;
    }
    sender->percent = 100;
    pthread_mutex_init(&sender->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sender->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    store_watch(options->store, on_commit, sender);
    return sender;
}

void ha_sender_free(struct ha_sender *sender)
{
    if (sender == NULL)
        return;
    store_watch(sender->options.store, NULL, NULL);
    pthread_mutex_lock(&sender->lock);
    sender->stopping = true;
    pthread_cond_broadcast(&sender->changed);
    while (sender->streams != NULL)
        pthread_cond_wait(&sender->changed, &sender->lock);
    pthread_mutex_unlock(&sender->lock);
    pthread_cond_destroy(&sender->changed);
    pthread_mutex_destroy(&sender->lock);
    OPENSSL_cleanse(sender->pair_key, sizeof(sender->pair_key));
    free(sender);
}

/* ---- what the streams ask of it ---- */

/* With the lock held. */
static bool is_over(const struct stream *stream)
{
    return stream->gone || stream->sender->stopping;
}

bool stream_is_over(struct stream *stream)
{
    bool over;

    pthread_mutex_lock(&stream->sender->lock);
    over = is_over(stream);
    pthread_mutex_unlock(&stream->sender->lock);
    return over;
}

void stream_pause(struct stream *stream, int wait_ms)
{
    struct ha_sender *sender = stream->sender;
    struct timespec until = clock_deadline(wait_ms);
    int code = 0;

    pthread_mutex_lock(&sender->lock);
    while (!is_over(stream) && code == 0)
        code = pthread_cond_timedwait(&sender->changed, &sender->lock, &until);
    pthread_mutex_unlock(&sender->lock);
}

bool stream_wait(struct stream *stream, int wait_ms)
{
    struct ha_sender *sender = stream->sender;
    struct timespec until = clock_deadline(wait_ms);
    int code = 0;
    bool over;

    pthread_mutex_lock(&sender->lock);
    stream->idle = true;
    while (stream->lent || (!is_over(stream) && sender->committed <= stream->sent && code == 0)) {
        stream->wanted = stream->lent;
        if (stream->lent)
            pthread_cond_wait(&sender->changed, &sender->lock);
        else
            code = pthread_cond_timedwait(&sender->changed, &sender->lock, &until);
    }
    stream->idle = false;
    over = is_over(stream);
    pthread_mutex_unlock(&sender->lock);
    return !over;
}

void stream_progress(struct stream *stream, unsigned percent)
{
    pthread_mutex_lock(&stream->sender->lock);
    stream->sender->percent = percent;
    pthread_mutex_unlock(&stream->sender->lock);
}

const struct ha_sender_options *stream_options(const struct stream *stream)
{
    return &stream->sender->options;
}

/* ---- their threads ---- */

/* Tells whether a standby follows, when that changes. */
static void count_follower(struct ha_sender *sender, int more)
{
    bool tell;

    pthread_mutex_lock(&sender->lock);
    sender->followers += (unsigned)more;
    tell = sender->followers == (more > 0 ? 1 : 0);
    pthread_mutex_unlock(&sender->lock);
    if (tell && sender->options.stream != NULL)
        sender->options.stream(sender->options.arg, more > 0);
}

static void remove_stream(struct stream *stream)
{
    struct ha_sender *sender = stream->sender;

    stream->pipe.end(stream->pipe.arg);
    pthread_mutex_lock(&sender->lock);
    for (struct stream **link = &sender->streams; *link != NULL; link = &(*link)->next) {
        if (*link == stream) {
            *link = stream->next;
            break;
        }
    }
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
    stream_free(stream);
}

static void *snapshot_thread(void *arg)
{
    struct stream *stream = arg;
    struct ha_sender *sender = stream->sender;
    bool whole = stream_snapshot(stream);

    pthread_mutex_lock(&sender->lock);
    sender->percent = 100;
    sender->snapshots += whole;
    pthread_mutex_unlock(&sender->lock);
    remove_stream(stream);
    return NULL;
}

static void *changes_thread(void *arg)
{
    struct stream *stream = arg;
    struct ha_sender *sender = stream->sender;

    if (stream->start_only) {
        stream_changes(stream);
    } else {
        count_follower(sender, 1);
        stream_changes(stream);
        count_follower(sender, -1);
    }
    remove_stream(stream);
    return NULL;
}

static int start(struct ha_sender *sender, struct stream *stream, void *(*run)(void *), struct error *err)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int code;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_mutex_lock(&sender->lock);
    code = sender->stopping ? -1 : pthread_create(&thread, &attributes, run, stream);
    if (code == 0) {
        stream->next = sender->streams;
        sender->streams = stream;
    }
    pthread_mutex_unlock(&sender->lock);
    pthread_attr_destroy(&attributes);
    if (code == 0)
        return 0;
    stream_free(stream);
    return code < 0 ? error_set(err, ERROR_BUSY, "replication is being stopped")
                    : error_set_errno(err, code, "cannot start a thread");
}

static struct stream *stream_new(struct ha_sender *sender, const struct ha_pipe *pipe, bool is_snapshot,
                                 struct error *err)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    stream->sender = sender;
    stream->pipe = *pipe;
    stream->is_snapshot = is_snapshot;
    return stream;
}

static int read_state(struct store *store, struct replica_state *out, struct error *err)
{
    struct store_txn *txn = store_read(store, err);
    int result;

    if (txn == NULL)
        return -1;
    result = replica_state_get(txn, out, err);
    store_end(txn);
    if (result == 0 && (out->standby || out->line[0] == '\0'))
        return error_set(err, ERROR_NOT_ACTIVE, "this node is not the active one of a pair");
    return result;
}

int ha_sender_snapshot(struct ha_sender *sender, const struct ha_pipe *pipe, struct error *err)
{
    struct replica_state state;
    struct stream *stream;
    bool busy = false;

    if (read_state(sender->options.store, &state, err) != 0)
        return -1;
    pthread_mutex_lock(&sender->lock);
    for (const struct stream *other = sender->streams; other != NULL; other = other->next)
        busy |= other->is_snapshot && !other->gone;
    pthread_mutex_unlock(&sender->lock);
    if (busy)
        return error_set(err, ERROR_BUSY, "a snapshot is being sent already");
    stream = stream_new(sender, pipe, true, err);
    return stream == NULL ? -1 : start(sender, stream, snapshot_thread, err);
}

static int enough(void *arg, const struct change *change)
{
    (void)arg;
    (void)change;
    return 1;
}

/* Whether the feed leads from the standby's place to this node's. */
static bool leads_on(struct store *store, const struct replica_state *state,
                     const struct ha_position *position, struct error *err)
{
    struct store_txn *txn;
    uint64_t common;
    bool leads;

    if (replica_common(state, position->line, position->epoch, position->revision, &common, err) != 0 ||
        common < position->revision)
        return false;
    txn = store_read(store, err);
    leads = txn != NULL && change_each(txn, position->revision, enough, NULL, err) == 0;
    store_end(txn);
    return leads;
}

static void end_streams(struct ha_sender *sender, bool snapshots)
{
    pthread_mutex_lock(&sender->lock);
    for (struct stream *stream = sender->streams; stream != NULL; stream = stream->next)
        stream->gone |= snapshots || !stream->is_snapshot;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

int ha_sender_changes(struct ha_sender *sender, const struct ha_position *position,
                      const struct ha_pipe *pipe, struct error *err)
{
    struct replica_state state;
    struct error why = {0};
    struct stream *stream;

    if (read_state(sender->options.store, &state, err) != 0)
        return -1;
    if (position->epoch > state.epoch && strcmp(position->line, state.line) == 0)
        return error_set(err, ERROR_NOT_ACTIVE, "this node is in epoch %llu, the other one in epoch %llu",
                         (unsigned long long)state.epoch, (unsigned long long)position->epoch);
    stream = stream_new(sender, pipe, false, err);
    if (stream == NULL)
        return -1;
    stream->start_only = !leads_on(sender->options.store, &state, position, &why);
    stream->state = state;
    stream->sent = position->revision;
    end_streams(sender, false); /* one standby: what it asked for before is of no interest any more */
    return start(sender, stream, changes_thread, err);
}

void ha_sender_end_streams(struct ha_sender *sender)
{
    end_streams(sender, true);
}

void ha_sender_gone(struct ha_sender *sender, const void *pipe_arg)
{
    pthread_mutex_lock(&sender->lock);
    for (struct stream *stream = sender->streams; stream != NULL; stream = stream->next)
        stream->gone |= stream->pipe.arg == pipe_arg;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

/* ---- acknowledgement, state, digest ---- */

/* Of what a stream said of this node; spares a change that waits for it a look into the store. */
static bool is_known(struct ha_sender *sender, const struct ha_position *position)
{
    bool known = false;

    pthread_mutex_lock(&sender->lock);
    for (const struct stream *stream = sender->streams; stream != NULL; stream = stream->next)
        known |= !stream->is_snapshot && !stream->gone && position->epoch == stream->state.epoch &&
                 strcmp(position->line, stream->state.line) == 0;
    known = known && position->revision <= sender->committed;
    pthread_mutex_unlock(&sender->lock);
    return known;
}

static int check_position(struct ha_sender *sender, const struct ha_position *position, struct error *err)
{
    struct replica_state state;

    if (is_known(sender, position))
        return 0;
    if (read_state(sender->options.store, &state, err) != 0)
        return -1;
    if (strcmp(position->line, state.line) != 0 || position->revision > state.revision ||
        position->epoch > state.epoch)
        return error_set(err, ERROR_CONFLICT, "what was acknowledged is not this node's");
    return 0;
}

int ha_sender_acknowledge(struct ha_sender *sender, const struct ha_position *position, struct error *err)
{
    if (check_position(sender, position, err) != 0)
        return -1;
    pthread_mutex_lock(&sender->lock);
    sender->acknowledged = position->revision;
    sender->acknowledged_at_ms = clock_wall_ms();
    pthread_mutex_unlock(&sender->lock);
    store_acknowledge(sender->options.store, position->revision);
    return 0;
}

void ha_sender_state(struct ha_sender *sender, struct ha_sender_state *out)
{
    struct store_stats stats = {0};

    store_stats(sender->options.store, &stats, NULL);
    pthread_mutex_lock(&sender->lock);
    *out = (struct ha_sender_state){.streaming = sender->followers > 0,
                                    .revision = stats.revision,
                                    .acknowledged = sender->acknowledged,
                                    .acknowledged_at_ms = sender->acknowledged_at_ms,
                                    .snapshots = sender->snapshots,
                                    .percent = sender->percent};
    pthread_mutex_unlock(&sender->lock);
    out->unreplicated = out->revision > out->acknowledged ? out->revision - out->acknowledged : 0;
}

int ha_digest_of(struct store *store, const struct seal *seal, const uint8_t *pair_key, size_t length,
                 struct ha_digest *out, struct error *err)
{
    struct store_txn *txn = store_read(store, err);
    struct replica_state state;
    int result;

    if (txn == NULL)
        return -1;
    result = replica_state_get(txn, &state, err);
    if (result == 0)
        result = replica_digest(txn, seal, pair_key, length, out->digest, err);
    store_end(txn);
    out->epoch = state.epoch;
    out->revision = state.revision;
    return result;
}

int ha_sender_digest(struct ha_sender *sender, struct ha_digest *out, struct error *err)
{
    return ha_digest_of(sender->options.store, sender->options.seal, sender->options.pair_key,
                        sender->options.pair_key_length, out, err);
}
