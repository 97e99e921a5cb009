#include "ha/heartbeat.h"

#include "base/clock.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#define OPEN_MOST_MS 3000 /* for a connection once the peer counts as lost */
#define WAIT_LEAST_MS 20

struct ha_heartbeat {
    struct ha_heartbeat_options options;
    struct tls_cancel *cancel;
    struct link *link; /* NULL: none */
    int64_t heard_ms;  /* monotonic; when the peer was last heard, or the thread began */
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    bool stopping;
    bool hurry;
};

static int at_least(int64_t ms)
{
    return ms < WAIT_LEAST_MS ? WAIT_LEAST_MS : (int)ms;
}

/* How long one try may take: until the peer would count as lost, and no longer than needed after that. */
static int patience(const struct ha_heartbeat *heartbeat, unsigned interval_ms, unsigned misses)
{
    int64_t lost_ms = heartbeat->heard_ms + (int64_t)interval_ms * misses;
    int64_t left_ms = lost_ms - clock_monotonic_ms();

    if (left_ms > 0)
        return at_least(left_ms);
    return interval_ms > OPEN_MOST_MS ? (int)interval_ms : OPEN_MOST_MS;
}

static int connect_peer(struct ha_heartbeat *heartbeat, int timeout_ms, struct error *err)
{
    const struct ha_heartbeat_options *options = &heartbeat->options;
    struct proof_key key;
    struct link_options opening = {.peer = options->peer,
                                   .task = HEARTBEAT_TASK,
                                   .key = &key,
                                   .timeout_ms = timeout_ms,
                                   .cancel = heartbeat->cancel};

    if (options->key(options->arg, &key, err) != 0)
        return -1;
    heartbeat->link = link_open(options->self, &opening, err);
    OPENSSL_cleanse(&key, sizeof(key));
    return heartbeat->link != NULL ? 0 : -1;
}

/* No further try changes it. */
static bool is_final(const struct error *err)
{
    return err->code == ERROR_PIN_MISMATCH || err->code == ERROR_UNTRUSTED || err->code == ERROR_DENIED ||
           err->code == ERROR_CONFLICT;
}

static bool is_stopping(struct ha_heartbeat *heartbeat)
{
    bool stopping;

    pthread_mutex_lock(&heartbeat->lock);
    stopping = heartbeat->stopping;
    pthread_mutex_unlock(&heartbeat->lock);
    return stopping;
}

static int ask(struct ha_heartbeat *heartbeat, unsigned interval_ms, int timeout_ms, json_t **reply,
               struct error *err)
{
    const struct ha_heartbeat_options *options = &heartbeat->options;
    json_t *body;
    int failed;

    if (heartbeat->link == NULL && connect_peer(heartbeat, timeout_ms, err) != 0)
        return -1;
    body = options->say(options->arg);
    failed = link_request(heartbeat->link, "POST", "/ha/v1/heartbeat", body,
                          timeout_ms < (int)interval_ms ? timeout_ms : at_least(interval_ms), reply, err);
    json_decref(body);
    if (failed != 0) {
        link_close(heartbeat->link);
        heartbeat->link = NULL;
    }
    return failed;
}

static void beat(struct ha_heartbeat *heartbeat, unsigned interval_ms, unsigned misses)
{
    const struct ha_heartbeat_options *options = &heartbeat->options;
    bool kept = heartbeat->link != NULL;
    struct error err = {0};
    json_t *reply = NULL;
    int failed = ask(heartbeat, interval_ms, patience(heartbeat, interval_ms, misses), &reply, &err);

    /* the other one closes a connection that was silent for long, or was given another key: no reason to miss
     * a beat */
    if (failed != 0 && kept && (err.code == ERROR_UNREACHABLE || err.code == ERROR_DENIED)) {
        err = (struct error){0};
        failed = ask(heartbeat, interval_ms, patience(heartbeat, interval_ms, misses), &reply, &err);
    }
    if (failed == 0) {
        heartbeat->heard_ms = clock_monotonic_ms();
        options->heard(options->arg, reply);
    } else if (!is_stopping(heartbeat)) {
        options->missed(options->arg,
                        is_final(&err) ||
                            clock_monotonic_ms() - heartbeat->heard_ms >= (int64_t)interval_ms * misses,
                        &err);
    }
    json_decref(reply);
}

/* False when it is time to end. */
static bool sleep_until(struct ha_heartbeat *heartbeat, int64_t due_ms)
{
    struct timespec until = clock_deadline(due_ms - clock_monotonic_ms());
    bool stopping;

    pthread_mutex_lock(&heartbeat->lock);
    while (!heartbeat->stopping && !heartbeat->hurry &&
           pthread_cond_timedwait(&heartbeat->wake, &heartbeat->lock, &until) == 0)
        ;
    heartbeat->hurry = false;
    stopping = heartbeat->stopping;
    pthread_mutex_unlock(&heartbeat->lock);
    return !stopping;
}

static void *run(void *arg)
{
    struct ha_heartbeat *heartbeat = arg;
    int64_t due_ms;

    do {
        unsigned interval_ms, misses;

        heartbeat->options.timing(heartbeat->options.arg, &interval_ms, &misses);
        due_ms = clock_monotonic_ms() + interval_ms;
        beat(heartbeat, interval_ms, misses);
    } while (sleep_until(heartbeat, due_ms));
    link_close(heartbeat->link);
    return NULL;
}

struct ha_heartbeat *ha_heartbeat_start(const struct ha_heartbeat_options *options, struct error *err)
{
    struct ha_heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));
    pthread_condattr_t attributes;
    int failed;

    if (heartbeat == NULL || (heartbeat->cancel = tls_cancel_new(err)) == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        free(heartbeat);
        return NULL;
    }
    heartbeat->options = *options;
    heartbeat->heard_ms = clock_monotonic_ms();
    pthread_mutex_init(&heartbeat->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&heartbeat->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    failed = pthread_create(&heartbeat->thread, NULL, run, heartbeat);
    if (failed == 0)
        return heartbeat;
    error_set_errno(err, failed, "cannot start the heartbeat");
    tls_cancel_free(heartbeat->cancel);
    free(heartbeat);
    return NULL;
}

void ha_heartbeat_hurry(struct ha_heartbeat *heartbeat)
{
    pthread_mutex_lock(&heartbeat->lock);
    heartbeat->hurry = true;
    pthread_cond_signal(&heartbeat->wake);
    pthread_mutex_unlock(&heartbeat->lock);
}

void ha_heartbeat_stop(struct ha_heartbeat *heartbeat)
{
    if (heartbeat == NULL)
        return;
    pthread_mutex_lock(&heartbeat->lock);
    heartbeat->stopping = true;
    pthread_cond_signal(&heartbeat->wake);
    pthread_mutex_unlock(&heartbeat->lock);
    tls_cancel(heartbeat->cancel);
    pthread_join(heartbeat->thread, NULL);
    tls_cancel_free(heartbeat->cancel);
    pthread_cond_destroy(&heartbeat->wake);
    pthread_mutex_destroy(&heartbeat->lock);
    free(heartbeat);
}
