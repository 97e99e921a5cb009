#include "ha/link_meet.h"

#include "base/clock.h"
#include "base/log.h"
#include "ha/link_json.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASK "HighAvailability" /* in log and history, for what a caller shows */

/* How far a connection has come. Its SSL object holds it, and so does each step under way: OpenSSL's own
 * object belongs to the loop's thread alone. */
struct progress {
    atomic_uint references;
    uint8_t exporter[PROOF_EXPORTER_SIZE];
    enum { MEET_STRANGER, MEET_CHALLENGED, MEET_PROVED, MEET_FAILED } step;
    unsigned generation; /* of the key that was proved */
    struct proof_facts facts;
    struct link_caller caller;
};

struct failures {
    char address[HOST_TEXT_MAX];
    unsigned count;
    int64_t until_ms; /* monotonic: nothing is looked at before */
    int64_t last_ms;
};

struct meetings {
    struct link_server_options options;
    pthread_mutex_t lock; /* over what follows, and every connection's progress */
    unsigned generation;  /* of the authentication key */
    struct failures failures[MEET_ADDRESSES_MAX];
    size_t failure_count;
};

static int progress_index = -1; /* in SSL objects */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(struct progress *progress)
{
    if (progress != NULL && atomic_fetch_sub(&progress->references, 1) == 1)
        free(progress);
}

static void free_progress(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    release(pointer);
}

static void make_index(void)
{
    progress_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_progress);
}

struct meetings *meetings_new(const struct link_server_options *options, struct error *err)
{
    struct meetings *meetings = calloc(1, sizeof(*meetings));

    pthread_once(&once, make_index);
    if (meetings == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    meetings->options = *options;
    pthread_mutex_init(&meetings->lock, NULL);
    return meetings;
}

void meetings_free(struct meetings *meetings)
{
    if (meetings == NULL)
        return;
    pthread_mutex_destroy(&meetings->lock);
    free(meetings);
}

/* ---- who failed often waits ---- */

/* NULL: it never failed, and nothing is to be noted. Under the lock. */
static struct failures *failures_of(struct meetings *meetings, const char *address, bool make)
{
    struct failures *oldest = &meetings->failures[0];

    for (size_t i = 0; i < meetings->failure_count; i++) {
        if (strcmp(meetings->failures[i].address, address) == 0)
            return &meetings->failures[i];
        if (meetings->failures[i].last_ms < oldest->last_ms)
            oldest = &meetings->failures[i];
    }
    if (!make)
        return NULL;
    if (meetings->failure_count < MEET_ADDRESSES_MAX)
        oldest = &meetings->failures[meetings->failure_count++];
    *oldest = (struct failures){0};
    snprintf(oldest->address, sizeof(oldest->address), "%s", address);
    return oldest;
}

/* Under the lock. */
static void count_failure(struct failures *failures)
{
    failures->last_ms = clock_monotonic_ms();
    if (++failures->count >= MEET_FAILURES_FREE) {
        unsigned doublings = failures->count - MEET_FAILURES_FREE;
        int64_t wait_ms = doublings > 6 ? MEET_WAIT_MOST_MS : (int64_t)MEET_WAIT_MS << doublings;

        failures->until_ms = failures->last_ms + (wait_ms > MEET_WAIT_MOST_MS ? MEET_WAIT_MOST_MS : wait_ms);
    }
}

static void forget_failures(struct meetings *meetings, const char *address)
{
    struct failures *failures;

    pthread_mutex_lock(&meetings->lock);
    failures = failures_of(meetings, address, false);
    if (failures != NULL)
        failures->count = 0;
    pthread_mutex_unlock(&meetings->lock);
}

/* Under the lock. NULL is fine. */
static int64_t wait_left_ms(const struct failures *failures)
{
    return failures == NULL || failures->count < MEET_FAILURES_FREE
               ? 0
               : failures->until_ms - clock_monotonic_ms();
}

static int refuse_to_look(const char *address, int64_t left_ms, struct error *err)
{
    return error_set(err, ERROR_BUSY,
                     "too many tries with a wrong authentication key from %s: the next one is looked at in "
                     "%lld s",
                     address, (long long)(left_ms + 999) / 1000);
}

static int check_wait(struct meetings *meetings, const char *address, struct error *err)
{
    int64_t left_ms;

    pthread_mutex_lock(&meetings->lock);
    left_ms = wait_left_ms(failures_of(meetings, address, false));
    pthread_mutex_unlock(&meetings->lock);
    return left_ms <= 0 ? 0 : refuse_to_look(address, left_ms, err);
}

/* Counts as a failure until it turns out to be none: of many tries at the same time no more are looked at
 * than of those one after the other. */
static int begin_try(struct meetings *meetings, const char *address, struct error *err)
{
    struct failures *failures;
    int64_t left_ms;

    pthread_mutex_lock(&meetings->lock);
    failures = failures_of(meetings, address, true);
    left_ms = wait_left_ms(failures);
    if (left_ms <= 0)
        count_failure(failures);
    pthread_mutex_unlock(&meetings->lock);
    return left_ms <= 0 ? 0 : refuse_to_look(address, left_ms, err);
}

/* ---- one connection ---- */

/* A reference to the connection's. NULL: it cannot be proved, or memory ran out. */
static struct progress *progress_of(SSL *ssl, struct error *err)
{
    struct progress *progress = SSL_get_ex_data(ssl, progress_index);

    if (progress == NULL) {
        progress = calloc(1, sizeof(*progress));
        if (progress == NULL) {
            error_set(err, ERROR_INTERNAL, "out of memory");
            return NULL;
        }
        if (proof_exporter(ssl, progress->exporter, err) != 0) {
            free(progress);
            return NULL;
        }
        if (SSL_set_ex_data(ssl, progress_index, progress) != 1) {
            error_set(err, ERROR_INTERNAL, "out of memory");
            free(progress);
            return NULL;
        }
        atomic_init(&progress->references, 1);
    }
    atomic_fetch_add(&progress->references, 1);
    return progress;
}

int meeting_begin(struct meetings *meetings, struct meeting *meeting, SSL *ssl, const char *address,
                  struct error *err)
{
    if (ssl == NULL)
        return error_set(err, ERROR_INTERNAL, "the caller went away");
    if (check_wait(meetings, address, err) != 0)
        return -1;
    meeting->certificate = SSL_get1_peer_certificate(ssl);
    if (meeting->certificate == NULL)
        return error_set(err, ERROR_UNTRUSTED, "a server of a pair shows its certificate, and %s showed none",
                         address);
    if (SSL_get_peer_cert_chain(ssl) != NULL)
        meeting->chain = X509_chain_up_ref(SSL_get_peer_cert_chain(ssl));
    meeting->progress = progress_of(ssl, err);
    snprintf(meeting->address, sizeof(meeting->address), "%s", address);
    return meeting->progress != NULL ? 0 : -1;
}

void meeting_clear(struct meeting *meeting)
{
    release(meeting->progress);
    X509_free(meeting->certificate);
    sk_X509_pop_free(meeting->chain, X509_free);
    *meeting = (struct meeting){0};
}

bool meetings_caller(struct meetings *meetings, SSL *ssl, struct link_caller *out)
{
    const struct progress *progress;
    bool proved;

    if (ssl == NULL)
        return false;
    pthread_mutex_lock(&meetings->lock);
    progress = SSL_get_ex_data(ssl, progress_index);
    proved =
        progress != NULL && progress->step == MEET_PROVED && progress->generation == meetings->generation;
    if (proved)
        *out = progress->caller;
    pthread_mutex_unlock(&meetings->lock);
    return proved;
}

/* Judges the caller's certificate: by its own address, at the port where it answers itself. */
static int judge(struct meetings *meetings, const struct meeting *meeting, enum trust_mode mode,
                 struct error *err)
{
    const struct link_self *self = meetings->options.self;
    struct trust_request request = {.host.port = self->port,
                                    .zone = TRUST_ZONE_SYSTEM,
                                    .mode = mode,
                                    .task = TASK,
                                    .stays_on_node = true};
    const struct trust_shown shown = {.certificate = meeting->certificate, .chain = meeting->chain};
    struct trust_verdict verdict;

    if (host_parse(meeting->address, &request.host.kind, request.host.host, err) != 0)
        return -1;
    trust_judge_shown(self->store, &request, &shown, NULL, &verdict);
    if (self->judged != NULL)
        self->judged(self->arg, &request, &verdict);
    /* before the proof a first contact may go on; it is pinned only after it */
    if (trust_is_accepted(verdict.outcome) || (mode == TRUST_OBSERVE && verdict.outcome == TRUST_NO_PIN))
        return 0;
    if (err != NULL)
        *err = verdict.error;
    return -1;
}

static int read_caller(json_t *params, struct proof_facts *facts, struct link_caller *caller,
                       struct error *err)
{
    const char *node = json_string_value(json_object_get(params, "node"));

    if (!proof_is_node(node) || !proof_unhex(json_string_value(json_object_get(params, "nonce")),
                                             facts->nonce_caller, PROOF_NONCE_SIZE))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a challenge needs \"node\" and \"nonce\"");
    memcpy(facts->node_caller, node, PROOF_NODE_SIZE);
    memcpy(caller->node, node, PROOF_NODE_SIZE);
    link_json_text(params, "version", caller->version, sizeof(caller->version));
    return 0;
}

static int key_needed(struct meetings *meetings, struct proof_key *key, struct error *err)
{
    if (meetings->options.key(meetings->options.arg, key, err) == 0)
        return 0;
    if (err->code != ERROR_CONFLICT)
        return -1;
    error_set(err, ERROR_CONFLICT, "no authentication key is set on %s", meetings->options.self->address);
    return error_hint(err, "set it there with `ncs ha authkey`");
}

int meeting_challenge(struct meetings *meetings, struct meeting *meeting, json_t *params, json_t **result,
                      struct error *err)
{
    const struct link_self *self = meetings->options.self;
    struct proof_facts facts = {0};
    struct link_caller caller = {0};
    struct proof_key key;
    char nonce[2 * PROOF_NONCE_SIZE + 1];
    struct progress *progress = meeting->progress;
    bool begun;

    if (read_caller(params, &facts, &caller, err) != 0 ||
        x509_fingerprint(meeting->certificate, caller.certificate, err) != 0 ||
        key_needed(meetings, &key, err) != 0)
        return -1;
    OPENSSL_cleanse(&key, sizeof(key));
    if (judge(meetings, meeting, TRUST_OBSERVE, err) != 0 || proof_nonce(facts.nonce_callee, err) != 0)
        return -1;
    memcpy(facts.node_callee, self->node, PROOF_NODE_SIZE);
    snprintf(caller.address, sizeof(caller.address), "%s", meeting->address);
    proof_hex(facts.nonce_callee, PROOF_NONCE_SIZE, nonce);
    pthread_mutex_lock(&meetings->lock);
    begun = progress->step != MEET_STRANGER;
    if (!begun) {
        progress->step = MEET_CHALLENGED;
        progress->facts = facts;
        progress->caller = caller;
    }
    pthread_mutex_unlock(&meetings->lock);
    if (begun)
        return error_set(err, ERROR_CONFLICT,
                         "a connection proves itself once, and this one has begun already");
    *result = json_pack("{s:s, s:s, s:s}", "node", self->node, "nonce", nonce, "version", self->version);
    return 0;
}

/* Ends what was begun, whatever comes of it: one try a connection. */
static bool take_challenge(struct meetings *meetings, struct progress *progress)
{
    bool begun;

    pthread_mutex_lock(&meetings->lock);
    begun = progress->step == MEET_CHALLENGED;
    if (begun)
        progress->step = MEET_FAILED;
    pthread_mutex_unlock(&meetings->lock);
    return begun;
}

static int refuse_key(struct meetings *meetings, const struct meeting *meeting, struct error *err)
{
    log_write(meetings->options.log, LOG_LEVEL_WARNING,
              "[system] [" TASK "] a caller at %s does not know the authentication key of this server",
              meeting->address);
    return error_set(err, ERROR_DENIED, LINK_KEY_MISMATCH);
}

/* The caller's proof, and this side's for it. */
static int compare(struct meetings *meetings, const struct meeting *meeting, json_t *params,
                   uint8_t answer[PROOF_SIZE], struct error *err)
{
    /* its facts do not change any more once the challenge was taken */
    const struct progress *progress = meeting->progress;
    struct proof_key key;
    uint8_t expected[PROOF_SIZE], shown[PROOF_SIZE];
    int result = -1;

    if (!proof_unhex(json_string_value(json_object_get(params, "proof")), shown, PROOF_SIZE))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a proof needs \"proof\"");
    if (key_needed(meetings, &key, err) != 0)
        return -1;
    if (proof_make(progress->exporter, &key, PROOF_CALLER, &progress->facts, expected, err) == 0 &&
        proof_make(progress->exporter, &key, PROOF_CALLEE, &progress->facts, answer, err) == 0)
        result = proof_is(expected, shown) ? 0 : refuse_key(meetings, meeting, err);
    OPENSSL_cleanse(&key, sizeof(key));
    return result;
}

static unsigned generation_of(struct meetings *meetings)
{
    unsigned generation;

    pthread_mutex_lock(&meetings->lock);
    generation = meetings->generation;
    pthread_mutex_unlock(&meetings->lock);
    return generation;
}

void meetings_forget(struct meetings *meetings)
{
    pthread_mutex_lock(&meetings->lock);
    meetings->generation++;
    pthread_mutex_unlock(&meetings->lock);
}

int meeting_prove(struct meetings *meetings, struct meeting *meeting, json_t *params, json_t **result,
                  struct error *err)
{
    uint8_t answer[PROOF_SIZE];
    char text[2 * PROOF_SIZE + 1];
    unsigned generation = generation_of(meetings); /* before the key is read */

    if (!take_challenge(meetings, meeting->progress))
        return error_set(err, ERROR_CONFLICT, "a proof answers a challenge, and there is none");
    if (begin_try(meetings, meeting->address, err) != 0 ||
        compare(meetings, meeting, params, answer, err) != 0)
        return -1;
    forget_failures(meetings, meeting->address);
    if (judge(meetings, meeting, TRUST_PIN, err) != 0)
        return -1;
    pthread_mutex_lock(&meetings->lock);
    meeting->progress->step = MEET_PROVED;
    meeting->progress->generation = generation;
    pthread_mutex_unlock(&meetings->lock);
    proof_hex(answer, PROOF_SIZE, text);
    *result = json_pack("{s:s}", "proof", text);
    return 0;
}
