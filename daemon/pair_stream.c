/* Replication on the links between the nodes: the sender's streams on the HTTPS service, the receiver's on
 * links of its own. */
#include "base/clock.h"
#include "daemon/pair_private.h"
#include "ha/link_pipe.h"
#include "ha/link_source.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_LEAST_MS 2000
#define DIGEST_MS 60000 /* of a million records it takes a second, and of a busy node more */

/* ---- what is sent ---- */

/* A change waits for this. */
static int on_acknowledged(void *arg, const struct ha_position *position, struct error *err)
{
    struct pair *pair = arg;
    int failed;

    pthread_mutex_lock(&pair->carrying);
    failed = pair->sender == NULL
                 ? error_set(err, ERROR_NOT_ACTIVE, "%s sends nothing now", pair->self.address)
                 : ha_sender_acknowledge(pair->sender, position, err);
    pthread_mutex_unlock(&pair->carrying);
    pair_poke(pair);
    return failed;
}

static void on_gone(void *arg, const void *pipe_arg)
{
    struct pair *pair = arg;

    pthread_mutex_lock(&pair->carrying);
    if (pair->sender != NULL)
        ha_sender_gone(pair->sender, pipe_arg);
    pthread_mutex_unlock(&pair->carrying);
    pair_poke(pair);
}

/* Whether the caller is the one to whom records are sent, and this node the one to send them. */
static int check_caller(struct pair *pair, const struct link_caller *caller, struct error *err)
{
    enum ha_state state;
    struct pair_record record = pair_record_of(pair, &state);

    if (!pair_is_from(pair, &record, caller) && !(state == HA_INITIALIZING && pair_is_coming(pair, caller)))
        return error_set(err, ERROR_CONFLICT, "%s is in no pair with %s", pair->self.address,
                         caller->address);
    /* what an uncertain node has may be old: whoever took it over would lose what is newer */
    if (ha_state_facts(state)->is_standby || ha_is_uncertain(state))
        return error_set(err, ERROR_NOT_ACTIVE, "%s is %s, and has nothing to send", pair->self.address,
                         ha_state_facts(state)->name);
    return 0;
}

static void serve_stream(struct pair *pair, const struct link_caller *caller, struct https_exchange *exchange,
                         const struct ha_position *position)
{
    const struct link_pipe_calls calls = {.acknowledged = on_acknowledged, .gone = on_gone, .arg = pair};
    struct error err = {0};
    struct link_pipe *out = NULL;
    struct ha_pipe pipe;
    int failed = check_caller(pair, caller, &err);

    if (failed == 0)
        failed = (out = link_pipe_new(exchange, &calls, &err)) == NULL ? -1 : 0;
    if (failed == 0) {
        pipe = link_pipe_of(out);
        pthread_mutex_lock(&pair->carrying);
        if (pair->sender == NULL)
            failed = error_set(&err, ERROR_NOT_ACTIVE, "%s sends nothing now", pair->self.address);
        else if (position != NULL)
            failed = ha_sender_changes(pair->sender, position, &pipe, &err);
        else
            failed = ha_sender_snapshot(pair->sender, &pipe, &err);
        pthread_mutex_unlock(&pair->carrying);
    }
    if (failed == 0) {
        link_pipe_start(out);
        return;
    }
    if (out != NULL)
        link_pipe_free(out);
    link_refuse(exchange, &err);
}

static void serve_snapshot(void *arg, const struct link_caller *caller, struct https_exchange *exchange)
{
    serve_stream(arg, caller, exchange, NULL);
}

static void serve_changes(void *arg, const struct link_caller *caller, struct https_exchange *exchange)
{
    struct ha_position position;
    struct error err = {0};

    if (ha_position_parse(https_exchange_query(exchange), &position, &err) == 0)
        serve_stream(arg, caller, exchange, &position);
    else
        link_refuse(exchange, &err);
}

static size_t own_pair_key(struct pair *pair, uint8_t key[PAIR_KEY_SIZE])
{
    struct store_txn *txn = store_read(pair->node->store, NULL);
    bool has;

    if (txn == NULL)
        return 0;
    has = pair_key_get(txn, pair->node->seal, PAIR_KEY_PAIR, key, NULL) == 0;
    store_end(txn);
    return has ? PAIR_KEY_SIZE : 0;
}

int pair_digest(struct pair *pair, struct ha_digest *out, struct error *err)
{
    uint8_t key[PAIR_KEY_SIZE];
    size_t length = own_pair_key(pair, key);
    int failed = ha_digest_of(pair->node->store, pair->node->seal, length > 0 ? key : NULL, length, out, err);

    OPENSSL_cleanse(key, sizeof(key));
    return failed;
}

static json_t *own_digest(struct pair *pair, struct error *err)
{
    struct ha_digest digest;
    char text[2 * REPLICA_DIGEST_SIZE + 1];

    if (pair_digest(pair, &digest, err) != 0)
        return NULL;
    proof_hex(digest.digest, sizeof(digest.digest), text);
    return json_pack("{s:I, s:I, s:s}", "epoch", (json_int_t)digest.epoch, "revision",
                     (json_int_t)digest.revision, "digest", text);
}

static int run_digest(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
                      struct error *err)
{
    (void)params;
    (void)caller;
    *result = own_digest(arg, err);
    return *result == NULL ? -1 : 0;
}

int pair_compare(struct pair *pair, json_t **result, struct error *err)
{
    const struct pair_record record = pair_record_of(pair, NULL);
    struct link *link;
    json_t *own, *peer = NULL;

    if (!pair_is_configured(pair))
        return error_set(err, ERROR_CONFLICT, "this server is in no pair");
    link = pair_connect(pair, record.peer_address, "Digest", 0, err);
    if (link == NULL)
        return -1;
    link_request(link, "GET", "/ha/v1/digest", NULL, DIGEST_MS, &peer, err);
    link_close(link);
    own = peer == NULL ? NULL : own_digest(pair, err);
    if (own != NULL)
        *result = json_pack("{s:O, s:O, s:b}", "own", own, "peer", peer, "equal", json_equal(own, peer));
    json_decref(peer);
    json_decref(own);
    return own == NULL ? -1 : 0;
}

size_t pair_stream_routes_fill(struct pair *pair, struct link_route *routes)
{
    const struct link_route all[] = {
        {.method = "GET", .path = "/ha/v1/snapshot", .serve = serve_snapshot, .arg = pair},
        {.method = "GET", .path = "/ha/v1/changes", .serve = serve_changes, .arg = pair},
        {.method = "GET", .path = "/ha/v1/digest", .run = run_digest, .arg = pair},
    };

    memcpy(routes, all, sizeof(all));
    return sizeof(all) / sizeof(all[0]);
}

/* ---- the sender ---- */

static void on_stream(void *arg, bool up)
{
    (void)up;
    pair_poke(arg);
}

int pair_sender_start(struct pair *pair, struct error *err)
{
    struct ha_sender_options options = {
        .store = pair->node->store, .seal = pair->node->seal, .stream = on_stream, .arg = pair};
    uint8_t key[PAIR_KEY_SIZE];
    unsigned interval_ms, misses;
    struct ha_sender *sender;

    if (pair->sender != NULL)
        return 0;
    options.pair_key_length = own_pair_key(pair, key);
    options.pair_key = options.pair_key_length > 0 ? key : NULL;
    pair_timing(pair, &interval_ms, &misses);
    options.alive_ms = (int)interval_ms;
    sender = ha_sender_new(&options, err);
    OPENSSL_cleanse(key, sizeof(key));
    pthread_mutex_lock(&pair->carrying);
    pair->sender = sender;
    pthread_mutex_unlock(&pair->carrying);
    return sender != NULL ? 0 : -1;
}

void pair_sender_end(struct pair *pair)
{
    struct ha_sender *sender;

    pthread_mutex_lock(&pair->carrying);
    sender = pair->sender;
    pair->sender = NULL;
    pthread_mutex_unlock(&pair->carrying);
    if (sender != NULL)
        ha_sender_free(sender);
}

void pair_sent(struct pair *pair, struct ha_sender_state *out)
{
    *out = (struct ha_sender_state){0};
    pthread_mutex_lock(&pair->carrying);
    if (pair->sender != NULL)
        ha_sender_state(pair->sender, out);
    pthread_mutex_unlock(&pair->carrying);
}

void pair_received(struct pair *pair, struct ha_receiver_state *out)
{
    *out = (struct ha_receiver_state){0};
    pthread_mutex_lock(&pair->carrying);
    if (pair->receiver != NULL)
        ha_receiver_state(pair->receiver, out);
    pthread_mutex_unlock(&pair->carrying);
}

bool pair_receiver_runs(struct pair *pair)
{
    bool runs;

    pthread_mutex_lock(&pair->carrying);
    runs = pair->receiver != NULL;
    pthread_mutex_unlock(&pair->carrying);
    return runs;
}

/* ---- the receiver, and the links that it asks on ---- */

/* After so much silence the active node counts as gone. */
static int source_silence_ms(void *arg)
{
    unsigned interval_ms, misses;
    int64_t silence_ms;

    pair_timing(arg, &interval_ms, &misses);
    silence_ms = (int64_t)interval_ms * (misses + 1);
    return silence_ms < SILENCE_LEAST_MS ? SILENCE_LEAST_MS : (int)silence_ms;
}

/* In the transaction that puts the records in place. */
static int on_import(struct store_txn *txn, void *arg, struct error *err)
{
    struct pair *pair = arg;
    const struct pair_event event = {.when_ms = clock_wall_ms(),
                                     .from = ha_state_facts(HA_INITIALIZING)->name,
                                     .to = pair->coming.state,
                                     .event = ha_event_name(HA_REGISTERED_SECONDARY),
                                     .reason = pair->coming.reason,
                                     .epoch = pair->coming.epoch};
    bool copying;

    /* a receiver takes further snapshots where it has to; the registration is long over then */
    pthread_mutex_lock(&pair->lock);
    copying = pair->copying;
    pthread_mutex_unlock(&pair->lock);
    if (!copying)
        return 0;
    if (pair_record_set(txn, &pair->coming, err) != 0 ||
        pair_key_set(txn, pair->node->seal, PAIR_KEY_PAIR, pair->coming_key, err) != 0)
        return -1;
    if (pair->has_trial_key &&
        pair_key_set(txn, pair->node->seal, PAIR_KEY_AUTHENTICATION, pair->trial_key.bytes, err) != 0)
        return -1;
    return pair_event_append(txn, &event, err);
}

static void on_progress(void *arg, unsigned percent)
{
    struct pair *pair = arg;

    pthread_mutex_lock(&pair->lock);
    if (pair->copying)
        pair->registration.percent[1] = percent < 100 ? percent : 99;
    pthread_mutex_unlock(&pair->lock);
}

static void on_applied(void *arg, uint64_t revision)
{
    struct pair *pair = arg;

    (void)revision;
    pthread_mutex_lock(&pair->lock);
    if (pair->copying)
        pair->imported = true;
    pair->stream_problem[0] = '\0';
    pair->poked = true;
    pthread_cond_broadcast(&pair->changed);
    pthread_mutex_unlock(&pair->lock);
}

/* The same trouble is told once, however often it is tried. */
static void on_lost(void *arg, const struct error *err)
{
    struct pair *pair = arg;
    bool is_new = false;

    pthread_mutex_lock(&pair->lock);
    if (err != NULL) {
        is_new = strcmp(pair->stream_problem, err->message) != 0;
        snprintf(pair->stream_problem, sizeof(pair->stream_problem), "%s", err->message);
    }
    pthread_mutex_unlock(&pair->lock);
    if (is_new)
        pair_log(pair, LOG_LEVEL_INFO, "the changes of the active server stopped coming: %s", err->message);
    pair_poke(pair);
}

static void on_epoch(void *arg, uint64_t epoch)
{
    struct pair *pair = arg;

    pthread_mutex_lock(&pair->lock);
    if (pair->record.epoch < epoch)
        pair->record.epoch = epoch;
    pthread_mutex_unlock(&pair->lock);
}

static void on_diverged(void *arg, uint64_t count, const char *file)
{
    pair_log(
        arg, LOG_LEVEL_WARNING,
        "%llu changes of this server never reached the other one: they are kept in log/%s (ncs ha diverged)",
        (unsigned long long)count, file);
}

int pair_receiver_start(struct pair *pair, bool fresh, struct error *err)
{
    struct link_source_options links = {.self = &pair->self,
                                        .task = HEARTBEAT_TASK,
                                        .silence_ms = source_silence_ms,
                                        .key = pair_key,
                                        .arg = pair};
    struct ha_receiver_options options = {.store = pair->node->store,
                                          .seal = pair->node->seal,
                                          .fresh = fresh,
                                          .progress = on_progress,
                                          .applied = on_applied,
                                          .lost = on_lost,
                                          .epoch_higher = on_epoch,
                                          .diverged = on_diverged,
                                          .arg = pair};
    char address[HOST_TEXT_MAX];
    unsigned interval_ms, misses;
    struct ha_receiver *receiver;
    struct link_source *source;

    pthread_mutex_lock(&pair->lock);
    memcpy(address, fresh ? pair->coming.peer_address : pair->record.peer_address, sizeof(address));
    options.epoch = fresh ? pair->coming.epoch : pair->record.epoch;
    pthread_mutex_unlock(&pair->lock);
    links.peer.port = pair->self.port;
    if (host_parse(address, &links.peer.kind, links.peer.host, err) != 0 ||
        (source = link_source_new(&links, err)) == NULL)
        return -1;
    options.source = link_source_of(source);
    if (fresh) {
        options.on_import = on_import;
        options.on_import_arg = pair;
    }
    pair_timing(pair, &interval_ms, &misses);
    options.retry_ms = interval_ms < 1000 ? (int)interval_ms : 1000;
    options.log_folder = pair->log_folder;
    receiver = ha_receiver_start(&options, err);
    pthread_mutex_lock(&pair->carrying);
    pair->receiver = receiver;
    pair->source = receiver == NULL ? NULL : source;
    pthread_mutex_unlock(&pair->carrying);
    if (receiver == NULL)
        link_source_free(source);
    return receiver != NULL ? 0 : -1;
}

void pair_receiver_end(struct pair *pair)
{
    struct ha_receiver *receiver;
    struct link_source *source;

    pthread_mutex_lock(&pair->carrying);
    receiver = pair->receiver;
    source = pair->source;
    pair->receiver = NULL;
    pair->source = NULL;
    pthread_mutex_unlock(&pair->carrying);
    if (receiver != NULL)
        ha_receiver_stop(receiver);
    link_source_free(source);
}
