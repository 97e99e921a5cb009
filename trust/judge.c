#include "trust/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "x509/x509.h"

#include <stdlib.h>
#include <string.h>

/* One judgement under way: in a read transaction first and, where something is to be written, once more in
 * the writer's own, so that what is written follows from what stands there at that moment. */
struct judgement {
    const struct trust_request *request;
    X509 *certificate;
    struct trust_verdict *verdict;
    char host[HOST_PORT_TEXT_MAX];
    int64_t now_ms;
    bool write; /* a first contact, or a refusal to be remembered or counted */
    bool seen;  /* the pin's last_seen_ms is to follow */
};

bool trust_is_accepted(enum trust_outcome outcome)
{
    return outcome == TRUST_UNCHECKED || outcome == TRUST_MATCH || outcome == TRUST_FIRST_USE;
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

static int refuse_policy(struct judgement *judgement)
{
    const char *zone = trust_zone_name(judgement->request->zone);
    struct error *err = &judgement->verdict->error;

    error_set(err, ERROR_UNTRUSTED,
              "cannot judge the certificate of %s: the trust zone %s wants it validated against CA "
              "certificates, which this version cannot do",
              judgement->host, zone);
    error_hint(err, "ncs certvalidation certificate-check trust-on-first-use trustzone %s", zone);
    return set_outcome(judgement, TRUST_UNDECIDED);
}

/* Reads only. -1: the store failed, *err says how. */
static int judge(struct judgement *judgement, struct store_txn *txn, struct pin *pin, struct error *err)
{
    struct error why = {0};
    enum trust_policy policy;

    judgement->write = judgement->seen = judgement->verdict->repeated = false;
    judgement->verdict->error = (struct error){0};
    if (policy_get(txn, judgement->request->zone, &policy, err) != 0)
        return -1;
    if (policy == TRUST_POLICY_DISABLE)
        return set_outcome(judgement, TRUST_UNCHECKED);
    if (policy != TRUST_POLICY_FIRST_USE)
        return refuse_policy(judgement);
    if (pin_get(txn, judgement->host, pin, &why) == 0)
        return judge_pinned(judgement, txn, pin);
    if (why.code == ERROR_NOT_FOUND)
        return judge_first_contact(judgement);
    *err = why;
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

/* As much of a text as fits, without splitting a character. NULL leaves `out` empty. */
static void copy_cut(char *out, size_t size, const char *text)
{
    size_t length = text == NULL ? 0 : text_cut_utf8(text, size - 1);

    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
}

/* What was shown, as far as it can be read; that it can be is for judge() to say. */
static void describe_shown(X509 *certificate, struct trust_verdict *verdict)
{
    char *subject = x509_subject_reversed(certificate, NULL);
    char *name = x509_common_name(certificate, NULL);

    if (x509_validity(certificate, &verdict->not_before_ms, &verdict->not_after_ms, NULL) != 0)
        verdict->not_before_ms = verdict->not_after_ms = 0;
    copy_cut(verdict->subject_reversed, sizeof(verdict->subject_reversed), subject);
    copy_cut(verdict->common_name, sizeof(verdict->common_name), name);
    free(subject);
    free(name);
}

static void explain_mismatch(const struct judgement *judgement)
{
    static const char command[] = "ncs certvalidation tofu-certs";
    struct trust_verdict *verdict = judgement->verdict;
    const char *host = judgement->host;
    char pinned[FINGERPRINT_TEXT_MAX];
    char shown[FINGERPRINT_TEXT_MAX];
    char since[CLOCK_TEXT_MAX];

    fingerprint_format(verdict->pinned_sha256, pinned);
    fingerprint_format(verdict->shown_sha256, shown);
    clock_format(verdict->pinned_since_ms, since);
    error_set(
        &verdict->error, ERROR_PIN_MISMATCH,
        "the certificate of %s is not the pinned one: pinned SHA-256 %s, first seen %s; shown SHA-256 %s",
        host, pinned, since, shown);
    error_hint(
        &verdict->error,
        "to forget the old one: %s deletecert host %s - or, with the new SHA-256 checked on the server: "
        "%s acceptcert host %s fingerprint %s",
        command, host, command, host, shown);
}

/* The sentence of a refusal, made once the outcome is final. */
static void explain(const struct judgement *judgement)
{
    struct trust_verdict *verdict = judgement->verdict;
    struct error why = verdict->error;

    switch (verdict->outcome) {
    case TRUST_MISMATCH:
        explain_mismatch(judgement);
        break;
    case TRUST_MALFORMED:
        error_set(&verdict->error, why.code, "refused the certificate of %s: %s", judgement->host,
                  why.message);
        break;
    case TRUST_NOT_EXPECTED:
        trust_not_expected(judgement->host, verdict->pinned_sha256, verdict->shown_sha256, &verdict->error);
        break;
    default:
        break;
    }
}

static void undecided(struct judgement *judgement, const struct error *why)
{
    struct trust_verdict *verdict = judgement->verdict;

    set_outcome(judgement, TRUST_UNDECIDED);
    error_set(&verdict->error, why->code == ERROR_NONE ? ERROR_INTERNAL : why->code,
              "cannot judge the certificate of %s: %s", judgement->host, why->message);
    if (why->hint[0] != '\0')
        error_hint(&verdict->error, "%s", why->hint);
}

static int judge_reading(struct store *store, struct judgement *judgement, struct error *err)
{
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
static int decide(struct store *store, struct judgement *judgement, struct error *err)
{
    bool was_refused = judgement->verdict->outcome == TRUST_MISMATCH;

    if (store_run(store, decide_job, judgement, err) == 0)
        return 0;
    judgement->seen = false;
    return was_refused && judgement->verdict->outcome == TRUST_MISMATCH ? 0 : -1;
}

void trust_judge(struct store *store, const struct trust_request *request, X509 *certificate,
                 struct trust_verdict *verdict)
{
    struct judgement judgement = {
        .request = request, .certificate = certificate, .verdict = verdict, .now_ms = clock_wall_ms()};
    struct error why = {0};

    memset(verdict, 0, sizeof(*verdict));
    verdict->outcome = TRUST_UNDECIDED;
    host_port_format(&request->host, judgement.host);
    if (x509_fingerprint(certificate, verdict->shown_sha256, &why) != 0) {
        undecided(&judgement, &why);
        return;
    }
    describe_shown(certificate, verdict);
    if (judge_reading(store, &judgement, &why) != 0) {
        undecided(&judgement, &why);
        return;
    }
    if (judgement.write && decide(store, &judgement, &why) != 0) {
        undecided(&judgement, &why);
        return;
    }
    if (judgement.seen)
        submit_seen(store, &judgement);
    explain(&judgement);
}
