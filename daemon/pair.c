#include "base/clock.h"
#include "base/version.h"
#include "daemon/configuration.h"
#include "daemon/pair_private.h"
#include "daemon/workers.h"
#include "store/config.h"
#include "store/statement.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- small things ---- */

void pair_log(struct pair *pair, enum log_level level, const char *format, ...)
{
    char text[2 * ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_write(pair->node->health_log, level, "[system] [HighAvailability] %s", text);
}

void pair_poke(struct pair *pair)
{
    pthread_mutex_lock(&pair->lock);
    pair->poked = true;
    pthread_cond_broadcast(&pair->changed);
    pthread_mutex_unlock(&pair->lock);
}

struct pair_record pair_record_of(struct pair *pair, enum ha_state *state)
{
    struct pair_record record;

    pthread_mutex_lock(&pair->lock);
    record = pair->record;
    if (state != NULL)
        *state = pair->state;
    pthread_mutex_unlock(&pair->lock);
    return record;
}

bool pair_is_configured(struct pair *pair)
{
    enum ha_state state;

    pair_record_of(pair, &state);
    return ha_state_facts(state)->role != HA_STANDALONE;
}

#define WAIT_PAUSE_MS 50 /* what is waited for may change without a word */

bool pair_wait(struct pair *pair, bool (*is_so)(struct pair *pair, void *arg), void *arg, int timeout_ms)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;

    for (;;) {
        struct timespec until = clock_deadline(WAIT_PAUSE_MS);
        bool stopping;

        if (is_so(pair, arg))
            return true;
        pthread_mutex_lock(&pair->lock);
        stopping = pair->stopping;
        if (!stopping)
            pthread_cond_timedwait(&pair->changed, &pair->lock, &until);
        pthread_mutex_unlock(&pair->lock);
        if (stopping || clock_monotonic_ms() >= end_ms)
            return false;
    }
}

bool pair_config(struct pair *pair, const char *name, char *out, size_t size)
{
    struct store_txn *txn = store_read(pair->node->store, NULL);
    const char *value = txn == NULL ? NULL : config_get(txn, CONFIG_RUNNING, name, NULL);

    out[0] = '\0';
    if (value != NULL)
        snprintf(out, size, "%s", value);
    if (txn != NULL)
        store_end(txn);
    return value != NULL;
}

static unsigned number_or(struct pair *pair, const char *name, unsigned otherwise)
{
    char text[16];

    return pair_config(pair, name, text, sizeof(text)) ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

void pair_timing(struct pair *pair, unsigned *interval_ms, unsigned *misses)
{
    *interval_ms = number_or(pair, "ha/heartbeat-interval", STATEMENT_HEARTBEAT_MS_DEFAULT);
    *misses = number_or(pair, "ha/heartbeat-misses", STATEMENT_MISSES_DEFAULT);
}

void pair_own_name(struct pair *pair, char *out, size_t size)
{
    char hostname[HOST_TEXT_MAX];

    configuration_hostname(pair->node, hostname);
    snprintf(out, size, "%s (%s)", hostname, pair->self.address);
}

void pair_peer_name(const struct pair_record *record, char *out, size_t size)
{
    snprintf(out, size, "%s (%s)", record->peer_name, record->peer_address);
}

int pair_begin(struct pair *pair, struct error *err)
{
    if (pthread_mutex_trylock(&pair->operation) == 0) {
        if (pair->running)
            return 0;
        pthread_mutex_unlock(&pair->operation);
        error_set(err, ERROR_CONFLICT, "the services of this server are stopped");
        return error_hint(err, "start them with `ncs start`");
    }
    return error_set(err, ERROR_BUSY,
                     "a registration, failover, failback or removal of the pair is under way already");
}

void pair_end(struct pair *pair)
{
    pthread_mutex_unlock(&pair->operation);
}

struct link *pair_connect(struct pair *pair, const char *address, const char *task, int timeout_ms,
                          struct error *err)
{
    struct link_options options = {.task = task, .timeout_ms = timeout_ms, .cancel = pair->cancel};
    struct proof_key key;
    struct link *link;

    options.peer.port = pair->self.port;
    if (host_parse(address, &options.peer.kind, options.peer.host, err) != 0)
        return NULL;
    if (pair_key(pair, &key, err) != 0)
        return NULL;
    options.key = &key;
    link = link_open(&pair->self, &options, err);
    OPENSSL_cleanse(&key, sizeof(key));
    return link;
}

/* ---- with the node and its services ---- */

static int load(struct pair *pair, struct error *err)
{
    struct store_txn *txn = store_read(pair->node->store, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = pair_record_get(txn, &pair->record, err) != 0 ||
             pair_registration_get(txn, &pair->registration, err) != 0;
    store_end(txn);
    if (failed)
        return -1;
    pair->state = HA_NOT_CONFIGURED;
    if (pair->record.state[0] != '\0' && !ha_state_parse(pair->record.state, &pair->state))
        return error_set(err, ERROR_CONFLICT, "the pair is in a state \"%s\" that this version does not know",
                         pair->record.state);
    if (ha_state_facts(pair->state)->role != HA_STANDALONE)
        pair_set_active(pair, false, &pair->record);
    return 0;
}

struct pair *pair_new(struct node *node, struct error *err)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    pthread_condattr_t attributes;

    if (pair == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pair->node = node;
    pthread_mutex_init(&pair->transition, NULL);
    pthread_mutex_init(&pair->operation, NULL);
    pthread_mutex_init(&pair->lock, NULL);
    pthread_mutex_init(&pair->carrying, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pair->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pair->report = report_new(node->health_log, err);
    if (pair->report != NULL &&
        node_path(node->home, "log", pair->log_folder, sizeof(pair->log_folder), err) == 0 &&
        load(pair, err) == 0)
        return pair;
    pair_free(pair);
    return NULL;
}

void pair_free(struct pair *pair)
{
    if (pair == NULL)
        return;
    report_free(pair->report);
    pthread_cond_destroy(&pair->changed);
    pthread_mutex_destroy(&pair->lock);
    pthread_mutex_destroy(&pair->carrying);
    pthread_mutex_destroy(&pair->operation);
    pthread_mutex_destroy(&pair->transition);
    OPENSSL_cleanse(pair, sizeof(*pair));
    free(pair);
}

static void on_judged(void *arg, const struct trust_request *request, const struct trust_verdict *verdict)
{
    struct pair *pair = arg;

    report_verdict(pair->report, HEARTBEAT_TASK, request, verdict);
}

static int run_on_worker(void *arg, void (*run)(void *run_arg), void *run_arg, struct error *err)
{
    struct pair *pair = arg;

    return workers_run(pair->node->pair_workers, run, run_arg, err);
}

static const char *tell_role(void *arg)
{
    static const char *const names[] = {"standalone", "primary", "secondary"};
    enum ha_state state;

    pair_record_of(arg, &state);
    return names[ha_state_facts(state)->role];
}

static int add_routes(struct pair *pair, struct error *err)
{
    static struct link_route routes[PAIR_ROUTES_MAX];
    size_t count = 0;

    count += pair_heartbeat_routes_fill(pair, routes + count);
    count += pair_stream_routes_fill(pair, routes + count);
    count += pair_register_routes_fill(pair, routes + count);
    count += pair_failover_routes_fill(pair, routes + count);
    count += pair_ready_routes_fill(pair, routes + count);
    return link_server_add(pair->links, routes, count, err);
}

int pair_open(struct pair *pair, const struct identity *identity, struct error *err)
{
    struct node *node = pair->node;
    const struct link_server_options options = {.self = &pair->self,
                                                .base = node->base,
                                                .key = pair_key,
                                                .work = run_on_worker,
                                                .role = tell_role,
                                                .arg = pair,
                                                .log = node->health_log};

    pair->self = (struct link_self){.store = node->store,
                                    .identity = identity,
                                    .port = node->conf.port,
                                    .version = PRODUCT_VERSION,
                                    .is_primary = ha_state_facts(pair->state)->role != HA_SECONDARY,
                                    .judged = on_judged,
                                    .arg = pair};
    host_parse(node->conf.listen[0], &(enum host_kind){0}, pair->self.address, NULL);
    snprintf(pair->self.node, sizeof(pair->self.node), "%s", store_node_id(node->store));
    pair->cancel = tls_cancel_new(err);
    if (pair->cancel == NULL)
        return -1;
    pair->links = link_server_new(&options, err);
    return pair->links != NULL && add_routes(pair, err) == 0 ? 0 : -1;
}

int pair_run(struct pair *pair, struct error *err)
{
    pthread_mutex_lock(&pair->lock);
    pair->running = true;
    pair->stopping = false;
    pair->peer = (struct pair_peer){0};
    pair->was_in_sync = false; /* what happened meanwhile is not known */
    pthread_mutex_unlock(&pair->lock);
    if (pair_apply(pair, HA_RESTARTED, "the services started", NULL, NULL, err) < 0)
        return -1;
    return pair_engine_start(pair, err);
}

void pair_halt(struct pair *pair)
{
    struct pair_record record;
    enum ha_state state;

    if (pair == NULL || pair->links == NULL)
        return;
    pthread_mutex_lock(&pair->lock);
    pair->stopping = true;
    pthread_cond_broadcast(&pair->changed);
    pthread_mutex_unlock(&pair->lock);
    tls_cancel(pair->cancel);
    pthread_mutex_lock(&pair->operation); /* what an admin asked for ends first */
    pair->running = false;
    pthread_mutex_unlock(&pair->operation);
    pair_engine_stop(pair);
    pair_heartbeat_end(pair);
    pair_receiver_end(pair);
    link_server_close(pair->links);
    pair_sender_end(pair);
    record = pair_record_of(pair, &state);
    /* stopped, a node of a pair cannot know whether the other one has taken over */
    if (ha_state_facts(state)->role != HA_STANDALONE)
        pair_set_active(pair, false, &record);
}

void pair_close(struct pair *pair)
{
    struct link_server *links;

    if (pair == NULL)
        return;
    pthread_mutex_lock(&pair->lock);
    links = pair->links;
    pair->links = NULL;
    pthread_mutex_unlock(&pair->lock);
    link_server_free(links);
    tls_cancel_free(pair->cancel);
    pair->cancel = NULL;
}

bool pair_take(struct pair *pair, struct https_exchange *exchange)
{
    return link_server_take(pair->links, exchange);
}
