/* Which of both nodes refuses whose certificate, and what to do about it on which of them. */
#include "base/clock.h"
#include "base/fingerprint.h"
#include "daemon/pair_private.h"
#include "store/pin.h"
#include "x509/x509.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PINS "ncs certvalidation tofu-certs"
#define ALERT_SLACK_MS 2000 /* a heartbeat may come so late */
#define STEP_MAX (ERROR_TEXT_MAX + HOST_TEXT_MAX + 64)

static void on_refused(void *arg, const char *address)
{
    struct pair *pair = arg;

    pthread_mutex_lock(&pair->lock);
    if (strcmp(pair->record.peer_address, address) == 0)
        pair->peer.alerted_monotonic_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&pair->lock);
}

const struct tls_refusals *pair_refusals(struct pair *pair)
{
    pair->refusals = (struct tls_refusals){.refused = on_refused, .arg = pair};
    return &pair->refusals;
}

/* While this node refuses the other one, nothing can be asked; but that one calls too, every heartbeat. */
static void listen_there(struct pair *pair, const char *address, struct pair_refusal *refusal)
{
    unsigned interval_ms, misses;
    int64_t since_ms;
    bool called;

    pair_timing(pair, &interval_ms, &misses);
    since_ms = clock_monotonic_ms() - (int64_t)interval_ms * misses - ALERT_SLACK_MS;
    pthread_mutex_lock(&pair->lock);
    called = strcmp(pair->record.peer_address, address) == 0;
    refusal->there = called && pair->peer.alerted_monotonic_ms != 0 &&
                     pair->peer.alerted_monotonic_ms > since_ms &&
                     pair->peer.alerted_monotonic_ms > pair->peer.called_monotonic_ms;
    called = called && pair->peer.called_ms != 0 && pair->peer.called_monotonic_ms > since_ms;
    pthread_mutex_unlock(&pair->lock);
    refusal->there_unknown = !refusal->there && !called;
}

/* The peer's own refusal begins with its address. */
static bool is_theirs(const char *address, const struct error *why)
{
    size_t length = strlen(address);

    return strncmp(why->message, address, length) == 0 &&
           strncmp(why->message + length, " refuses", strlen(" refuses")) == 0;
}

/* True: it is the certificate that the node at the address shows. */
static bool is_pinned(struct pair *pair, const char *address, const uint8_t sha256[FINGERPRINT_SIZE])
{
    struct host_port host = {.port = pair->self.port};
    struct store_txn *txn = store_read(pair->node->store, NULL);
    char text[HOST_PORT_TEXT_MAX];
    struct pin pin;
    bool pinned = false;

    if (txn != NULL && host_parse(address, &host.kind, host.host, NULL) == 0) {
        host_port_format(&host, text);
        pinned =
            pin_get(txn, text, &pin, NULL) == 0 && memcmp(pin.certificate, sha256, FINGERPRINT_SIZE) == 0;
    }
    store_end(txn);
    return pinned;
}

bool pair_is_from(struct pair *pair, const struct pair_record *record, const struct link_caller *caller)
{
    return record->peer_node[0] != '\0' && strcmp(record->peer_node, caller->node) == 0 &&
           (strcmp(record->peer_address, caller->address) == 0 ||
            is_pinned(pair, record->peer_address, caller->certificate));
}

bool pair_is_coming(struct pair *pair, const struct link_caller *caller)
{
    struct pair_record coming;

    pthread_mutex_lock(&pair->lock);
    coming = pair->coming;
    pthread_mutex_unlock(&pair->lock);
    return pair_is_from(pair, &coming, caller);
}

struct pair_refusal pair_refusal_of(struct pair *pair, const char *address, const struct error *why)
{
    struct pair_refusal refusal = {.why = *why};

    if (why->code != ERROR_PIN_MISMATCH && why->code != ERROR_UNTRUSTED)
        return refusal;
    refusal.there = is_theirs(address, why);
    refusal.here = !refusal.there;
    if (refusal.here)
        listen_there(pair, address, &refusal);
    return refusal;
}

static void own_fingerprint(struct pair *pair, char out[FINGERPRINT_TEXT_MAX])
{
    uint8_t sha256[FINGERPRINT_SIZE];

    out[0] = '\0';
    if (x509_fingerprint(pair->self.identity->certificate, sha256, NULL) == 0)
        fingerprint_format(sha256, out);
}

static void add_step(json_t *steps, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_step(json_t *steps, const char *format, ...)
{
    char text[STEP_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_array_append_new(steps, json_string(text));
}

json_t *pair_refusal_steps(struct pair *pair, const char *address, const struct pair_refusal *refusal)
{
    const struct link_self *self = &pair->self;
    char shown[FINGERPRINT_TEXT_MAX];
    json_t *steps = json_array();

    if (refusal->here && strncmp(refusal->why.hint, "on ", 3) != 0)
        add_step(steps, "on %s (this server), %s", self->address, refusal->why.hint);
    else
        add_step(steps, "%s", refusal->why.hint);
    if (refusal->here && refusal->there) {
        own_fingerprint(pair, shown);
        add_step(steps,
                 "on %s, which refuses this server's certificate (SHA-256 %s) too: " PINS
                 " deletecert host %s_%u",
                 address, shown, self->address, self->port);
    }
    if (refusal->there_unknown)
        add_step(steps,
                 "The other side could not be asked: whether %s refuses this server too, ncs ha "
                 "check-readiness shows after that",
                 address);
    add_step(steps, "then, on the primary: ncs ha register");
    return steps;
}

int pair_refusal_hint(struct pair *pair, const char *address, struct error *err)
{
    const struct pair_refusal refusal = pair_refusal_of(pair, address, err);
    const struct link_self *self = &pair->self;
    struct error why = *err;
    char shown[FINGERPRINT_TEXT_MAX];

    if (!refusal.here)
        return -1;
    own_fingerprint(pair, shown);
    if (refusal.there)
        error_hint(err,
                   "%s. And %s refuses this server's certificate too, SHA-256 %s: on %s, to forget the old "
                   "one: " PINS " deletecert host %s_%u",
                   why.hint, address, shown, address, self->address, self->port);
    else if (refusal.there_unknown)
        error_hint(err,
                   "%s. The other side could not be asked: whether %s refuses this server too shows after "
                   "that",
                   why.hint, address);
    return -1;
}
