#include "base/clock.h"
#include "trust/explain.h"
#include "trust/internal.h"
#include "trust/validate.h"
#include "x509/x509.h"

#include <stdlib.h>
#include <string.h>

/* One judgement under way: in a read transaction first and, where something is to be written, once more in
 * the writer's own, so that what is written follows from what stands there at that moment. */
struct judgement {
    const struct trust_request *request;
    const struct trust_shown *shown;
    const char *node; /* id of the store */
    struct trust_need **need;
    X509 *certificate;
    struct trust_verdict *verdict;
    char host[HOST_PORT_TEXT_MAX];
    int64_t now_ms;
    bool write; /* a first contact, or a refusal to be remembered or counted */
    bool seen;  /* the pin's last_seen_ms is to follow */
};

bool trust_is_accepted(enum trust_outcome outcome)
{
    return outcome == TRUST_UNCHECKED || outcome == TRUST_MATCH || outcome == TRUST_FIRST_USE ||
           outcome == TRUST_VALIDATED;
}

bool trust_pin_matches(const struct pin *pin, const uint8_t sha256[FINGERPRINT_SIZE], X509 *certificate)
{
    uint8_t key_sha256[FINGERPRINT_SIZE];
    bool key_known = false;

    for (size_t i = 0; i < pin->accepted_count && i < PIN_ACCEPTED_MAX; i++) {
        const struct pin_fingerprint *accepted = &pin->accepted[i];

        if (accepted->state != PIN_CURRENT && accepted->state != PIN_NEXT)
            continue;
        if (accepted->kind == PIN_CERTIFICATE && memcmp(accepted->sha256, sha256, FINGERPRINT_SIZE) == 0)
            return true;
        if (accepted->kind != PIN_KEY)
            continue;
        if (!key_known && x509_key_fingerprint(certificate, key_sha256, NULL) != 0)
            continue;
        key_known = true;
        if (memcmp(accepted->sha256, key_sha256, FINGERPRINT_SIZE) == 0)
            return true;
    }
    return false;
}

/* More than `interval` apart, also where the clock was set back. */
static bool is_due(int64_t last_ms, int64_t now_ms, int64_t interval_ms)
{
    return now_ms - last_ms >= interval_ms || last_ms - now_ms >= interval_ms;
}

static int set_outcome(struct judgement *judgement, enum trust_outcome outcome)
{
    judgement->verdict->outcome = outcome;
    return 0;
}

static int judge_first_contact(struct judgement *judgement)
{
    const struct trust_request *request = judgement->request;
    struct trust_verdict *verdict = judgement->verdict;

    memset(verdict->pinned_sha256, 0, FINGERPRINT_SIZE);
    verdict->pinned_since_ms = 0;
    if (x509_check_form(judgement->certificate, &verdict->error) != 0)
        return set_outcome(judgement, TRUST_MALFORMED);
    if (request->expected_sha256 != NULL &&
        memcmp(request->expected_sha256, verdict->shown_sha256, FINGERPRINT_SIZE) != 0) {
        memcpy(verdict->pinned_sha256, request->expected_sha256, FINGERPRINT_SIZE);
        return set_outcome(judgement, TRUST_NOT_EXPECTED);
    }
    if (request->mode == TRUST_OBSERVE)
        return set_outcome(judgement, TRUST_NO_PIN);
    judgement->write = true;
    return set_outcome(judgement, TRUST_FIRST_USE);
}

/* Another certificate than the one last accepted: does its form hold, and does the pin accept it all the
 * same? */
static int judge_other(struct judgement *judgement, struct store_txn *txn, const struct pin *pin)
{
    struct trust_verdict *verdict = judgement->verdict;
    struct error why = {0};
    struct pin_refused refused;

    if (x509_check_form(judgement->certificate, &verdict->error) != 0)
        return set_outcome(judgement, TRUST_MALFORMED);
    if (trust_pin_matches(pin, verdict->shown_sha256, judgement->certificate))
        return set_outcome(judgement, TRUST_MATCH);
    set_outcome(judgement, TRUST_MISMATCH);
    judgement->write = true;
    if (pin_refused_get(txn, judgement->host, &refused, &why) == 0) {
        verdict->repeated = memcmp(refused.sha256, verdict->shown_sha256, FINGERPRINT_SIZE) == 0;
        judgement->write =
            !verdict->repeated || is_due(refused.last_seen_ms, judgement->now_ms, TRUST_REFUSED_INTERVAL_MS);
    }
    return 0;
}

static int judge_pinned(struct judgement *judgement, struct store_txn *txn, const struct pin *pin)
{
    struct trust_verdict *verdict = judgement->verdict;

    memcpy(verdict->pinned_sha256, pin->certificate, FINGERPRINT_SIZE);
    verdict->pinned_since_ms = pin->first_seen_ms;
    for (size_t i = 0; i < pin->accepted_count && i < PIN_ACCEPTED_MAX; i++) {
        const struct pin_fingerprint *accepted = &pin->accepted[i];

        /* its form was checked when it was pinned, and not a bit of it is different now */
        if (accepted->kind == PIN_CERTIFICATE && accepted->state != PIN_RETIRED &&
            memcmp(accepted->sha256, verdict->shown_sha256, FINGERPRINT_SIZE) == 0) {
            judgement->seen = judgement->request->mode == TRUST_PIN &&
                              is_due(pin->last_seen_ms, judgement->now_ms, TRUST_SEEN_INTERVAL_MS);
            return set_outcome(judgement, TRUST_MATCH);
        }
    }
    return judge_other(judgement, txn, pin);
}

static int judge_validated(struct judgement *judgement, struct store_txn *txn, struct error *err)
{
    struct trust_verdict *verdict = judgement->verdict;
    const struct validation validation = {.txn = txn,
                                          .node = judgement->node,
                                          .request = judgement->request,
                                          .shown = judgement->shown,
                                          .now_ms = judgement->now_ms,
                                          .need = judgement->need};

    memset(verdict->pinned_sha256, 0, FINGERPRINT_SIZE);
    verdict->pinned_since_ms = 0;
    if (x509_check_form(judgement->certificate, &verdict->error) != 0)
        return set_outcome(judgement, TRUST_MALFORMED);
    if (validate(&validation, verdict, &verdict->outcome, err) != 0)
        return -1;
    if (verdict->outcome == TRUST_UNDECIDED && (judgement->need == NULL || *judgement->need == NULL)) {
        *err = verdict->error;
        return -1;
    }
    return 0;
}

/* Reads only. -1: the store failed, *err says how. */
static int judge(struct judgement *judgement, struct store_txn *txn, struct pin *pin, struct error *err)
{
    struct error *why = &judgement->verdict->error;
    enum trust_policy policy;

    judgement->write = judgement->seen = judgement->verdict->repeated = false;
    error_clear(why);
    judgement->verdict->failed_depth = -1;
    if (policy_get(txn, judgement->request->zone, &policy, err) != 0)
        return -1;
    if (policy == TRUST_POLICY_DISABLE)
        return set_outcome(judgement, TRUST_UNCHECKED);
    /* What answers on the node's own address has to be the node, whoever issued its certificate. */
    if (policy == TRUST_POLICY_ENABLE && !judgement->request->is_self)
        return judge_validated(judgement, txn, err);
    if (pin_look(txn, judgement->host, pin, why) == 0)
        return judge_pinned(judgement, txn, pin);
    if (why->code == ERROR_NOT_FOUND) {
        error_clear(why);
        return judge_first_contact(judgement);
    }
    *err = *why;
    return -1;
}

static int decide_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct judgement *judgement = arg;
    const struct trust_request *request = judgement->request;
    struct trust_verdict *verdict = judgement->verdict;
    struct pin pin;

    if (judge(judgement, txn, &pin, err) != 0)
        return -1;
    if (!judgement->write)
        return 0;
    if (verdict->outcome == TRUST_MISMATCH)
        return trust_remember_refused(txn, &pin, judgement->certificate, verdict->shown_sha256, request->task,
                                      err);
    if (trust_pin_add(txn, request, judgement->certificate, PIN_EVENT_FIRST_USE, request->task, err) != 0)
        return -1;
    memcpy(verdict->pinned_sha256, verdict->shown_sha256, FINGERPRINT_SIZE);
    verdict->pinned_since_ms = judgement->now_ms;
    return 0;
}

struct seen {
    char host[HOST_PORT_TEXT_MAX];
    uint8_t sha256[FINGERPRINT_SIZE];
    int64_t when_ms;
};

/* Many may have been submitted before the first ran: only that one writes. */
static int seen_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct seen *seen = arg;
    struct pin pin;

    if (pin_get(txn, seen->host, &pin, err) != 0 ||
        memcmp(pin.certificate, seen->sha256, FINGERPRINT_SIZE) != 0 ||
        !is_due(pin.last_seen_ms, seen->when_ms, TRUST_SEEN_INTERVAL_MS))
        return 0;
    pin.last_seen_ms = seen->when_ms;
    return pin_update(txn, &pin, err);
}

static void seen_done(void *arg, int result, const struct error *err)
{
    (void)result, (void)err; /* a time of last sight that could not be written is written the next time */
    free(arg);
}

static void submit_seen(struct store *store, const struct judgement *judgement)
{
    struct seen *seen = calloc(1, sizeof(*seen));

    if (seen == NULL)
        return;
    memcpy(seen->host, judgement->host, sizeof(seen->host));
    memcpy(seen->sha256, judgement->verdict->pinned_sha256, FINGERPRINT_SIZE);
    seen->when_ms = judgement->now_ms;
    store_submit(store, seen_job, seen_done, seen);
}

/* verdict->error says why. */
static void undecided(struct judgement *judgement)
{
    set_outcome(judgement, TRUST_UNDECIDED);
    explain_undecided(judgement->host, judgement->certificate, judgement->verdict);
}

static int judge_reading(struct store *store, struct judgement *judgement)
{
    struct error *err = &judgement->verdict->error;
    struct store_txn *txn = store_read(store, err);
    struct pin pin;
    int result;

    if (txn == NULL)
        return -1;
    result = judge(judgement, txn, &pin, err);
    store_end(txn);
    return result;
}

/*
 * Judges once more on the writer's thread and writes. Where that fails, only what was a mismatch before and
 * still is one may stand: every other outcome could rest on a pin that never reached the disk.
 */
static int decide(struct store *store, struct judgement *judgement)
{
    bool was_refused = judgement->verdict->outcome == TRUST_MISMATCH;

    if (store_run(store, decide_job, judgement, &judgement->verdict->error) == 0)
        return 0;
    judgement->seen = false;
    return was_refused && judgement->verdict->outcome == TRUST_MISMATCH ? 0 : -1;
}

void trust_judge(struct store *store, const struct trust_request *request, X509 *certificate,
                 struct trust_verdict *verdict)
{
    struct trust_shown shown = {.certificate = certificate};

    trust_judge_shown(store, request, &shown, NULL, verdict);
}

/* Field by field: its texts have room for kilobytes, and clearing them would cost a match as much as finding
 * its pin. */
static void begin(struct trust_verdict *verdict)
{
    verdict->outcome = TRUST_UNDECIDED;
    memset(verdict->shown_sha256, 0, FINGERPRINT_SIZE);
    memset(verdict->pinned_sha256, 0, FINGERPRINT_SIZE);
    verdict->pinned_since_ms = 0;
    verdict->not_before_ms = verdict->not_after_ms = 0;
    verdict->repeated = false;
    verdict->subject_reversed[0] = verdict->common_name[0] = '\0';
    verdict->failed_depth = -1;
    error_clear(&verdict->error);
}

void trust_judge_shown(struct store *store, const struct trust_request *request,
                       const struct trust_shown *shown, struct trust_need **need,
                       struct trust_verdict *verdict)
{
    struct judgement judgement = {.request = request,
                                  .shown = shown,
                                  .node = store_node_id(store),
                                  .need = need,
                                  .certificate = shown->certificate,
                                  .verdict = verdict,
                                  .now_ms = clock_wall_ms()};

    if (need != NULL)
        *need = NULL;
    begin(verdict);
    host_port_format(&request->host, judgement.host);
    if (x509_fingerprint(shown->certificate, verdict->shown_sha256, &verdict->error) != 0) {
        undecided(&judgement);
        return;
    }
    if (x509_validity(shown->certificate, &verdict->not_before_ms, &verdict->not_after_ms, NULL) != 0)
        verdict->not_before_ms = verdict->not_after_ms = 0;
    if (judge_reading(store, &judgement) != 0 || (judgement.write && decide(store, &judgement) != 0)) {
        undecided(&judgement);
        return;
    }
    if (judgement.seen)
        submit_seen(store, &judgement);
    explain_verdict(judgement.host, judgement.certificate, verdict);
}
