#include "trust/revocation.h"

#include "base/clock.h"
#include "trust/chain.h"
#include "trust/ocsp.h"

#include <openssl/tls1.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define COMMAND "ncs certvalidation custom-ocsp-responder"

/* One certificate of the path. */
struct question {
    const struct revocation *revocation;
    int depth;
    struct trust_verdict *verdict;
};

static void place_of(const struct question *question, char out[CHAIN_PLACE_MAX])
{
    chain_place(question->depth, sk_X509_value(question->revocation->path, question->depth), out);
}

static enum trust_outcome refuse_revoked(const struct question *question, const struct ocsp_entry *entry)
{
    struct trust_verdict *verdict = question->verdict;
    char place[CHAIN_PLACE_MAX];
    char when[CLOCK_TEXT_MAX];

    place_of(question, place);
    clock_format(entry->revoked_ms, when);
    error_set(&verdict->error, ERROR_UNTRUSTED, "%s was revoked on %s%s%s", place, when,
              entry->why[0] != '\0' ? ": " : "", entry->why);
    error_hint(&verdict->error, "give the server a new key and certificate, and ask its owner what happened");
    return TRUST_REVOKED;
}

/* An answer that there is no such certificate is not the lack of an answer: who forges a CA's certificate
 * gets it. A responder that serves one CA only may well say so of that CA's own certificate. */
static enum trust_outcome refuse_unknown(const struct question *question)
{
    struct trust_verdict *verdict = question->verdict;
    char place[CHAIN_PLACE_MAX];

    place_of(question, place);
    error_set(&verdict->error, ERROR_UNTRUSTED, "%s is unknown to the OCSP responder of its CA", place);
    error_hint(&verdict->error, "ask the CA's owner whether it issued this certificate");
    return TRUST_UNKNOWN_STATUS;
}

static enum trust_outcome judge_no_answer(const struct question *question, const char *why)
{
    struct trust_verdict *verdict = question->verdict;
    char place[CHAIN_PLACE_MAX];

    place_of(question, place);
    error_set(&verdict->error, ERROR_UNTRUSTED, "nobody could tell whether %s was revoked: %s", place, why);
    if (!question->revocation->setting->hard)
        return TRUST_VALIDATED;
    error_hint(&verdict->error, "set a responder that answers: " COMMAND " custom set url1 <url>, " COMMAND
                                " custom enable - or do without: " COMMAND " failure soft");
    return TRUST_UNKNOWN_STATUS;
}

/* The TLS feature extension with status_request (RFC 7633): who has the certificate's key alone cannot use it
 * without a fresh answer of its CA. */
static bool demands_staple(X509 *certificate)
{
    TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLSEXT_TYPE_status_request;
    sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
    return found;
}

static enum trust_outcome refuse_unstapled(const struct question *question)
{
    struct trust_verdict *verdict = question->verdict;
    char place[CHAIN_PLACE_MAX];

    place_of(question, place);
    error_set(&verdict->error, ERROR_UNTRUSTED,
              "%s demands that the server shows a fresh OCSP answer for it (RFC 7633), and the server %s",
              place, question->revocation->shown->stapled == NULL ? "shows none" : "shows none that holds");
    error_hint(&verdict->error, "turn OCSP stapling on at the server, or give it a certificate without that");
    return TRUST_UNKNOWN_STATUS;
}

/* What the server showed of its own certificate, if it is sound. */
static bool is_stapled(const struct revocation *revocation, const struct ocsp_subject *subject,
                       struct ocsp_entry *entry)
{
    const struct trust_shown *shown = revocation->shown;

    return subject->depth == 0 && shown->stapled != NULL &&
           ocsp_read(subject, shown->stapled, shown->stapled_length, revocation->now_ms, entry, NULL) == 0;
}

/* Nobody is there to ask. Where that is enough it goes without saying: many CAs of companies have no
 * responder. */
static enum trust_outcome judge_unasked(const struct question *question)
{
    const struct ocsp_setting *setting = question->revocation->setting;

    if (!setting->hard && !setting->custom)
        return TRUST_VALIDATED;
    return judge_no_answer(question, setting->custom ? "no custom OCSP responder is set"
                                                     : "it names no OCSP responder");
}

static enum trust_outcome ask(const struct question *question, const struct ocsp_subject *subject)
{
    const struct revocation *revocation = question->revocation;

    if (subject->url_count == 0)
        return judge_unasked(question);
    if (revocation->need == NULL)
        return judge_no_answer(question, "no OCSP responder was asked");
    *revocation->need = ocsp_need_new(subject, &question->verdict->error);
    return TRUST_UNDECIDED;
}

static enum trust_outcome check_one(const struct question *question)
{
    const struct revocation *revocation = question->revocation;
    struct ocsp_subject subject;
    struct ocsp_entry entry;

    if (ocsp_subject_init(&subject, revocation->path, question->depth, revocation->anchors,
                          revocation->setting, &question->verdict->error) != 0)
        return TRUST_UNDECIDED;
    question->verdict->failed_depth = question->depth;
    if (!is_stapled(revocation, &subject, &entry)) {
        if (question->depth == 0 && demands_staple(sk_X509_value(revocation->path, 0)))
            return refuse_unstapled(question);
        if (subject.url_count == 0 || !ocsp_cache_get(subject.key, revocation->now_ms, &entry))
            return ask(question, &subject);
    }
    switch (entry.status) {
    case OCSP_GOOD:
        return TRUST_VALIDATED;
    case OCSP_REVOKED:
        return refuse_revoked(question, &entry);
    case OCSP_UNKNOWN:
        if (question->depth == 0)
            return refuse_unknown(question);
        return judge_no_answer(question, "it is unknown to the OCSP responder");
    default:
        return judge_no_answer(question, entry.why);
    }
}

/* A CA that names no responder publishes its revocations elsewhere or not at all. */
static bool names_responder(X509 *certificate)
{
    STACK_OF(OPENSSL_STRING) *named = X509_get1_ocsp(certificate);
    bool found = sk_OPENSSL_STRING_num(named) > 0;

    X509_email_free(named);
    return found;
}

enum trust_outcome revocation_check(const struct revocation *revocation, struct trust_verdict *verdict)
{
    struct error caveat;

    error_clear(&caveat);
    /* The last one is the zone's own: what an admin trusts is not asked about. */
    for (int depth = 0; depth < sk_X509_num(revocation->path) - 1; depth++) {
        struct question question = {revocation, depth, verdict};
        enum trust_outcome outcome;

        if (depth > 0 && !names_responder(sk_X509_value(revocation->path, depth)))
            continue;
        outcome = check_one(&question);
        if (outcome != TRUST_VALIDATED)
            return outcome;
        if (verdict->error.code != ERROR_NONE && caveat.code == ERROR_NONE)
            caveat = verdict->error;
        error_clear(&verdict->error);
    }
    if (caveat.code != ERROR_NONE)
        verdict->error = caveat;
    verdict->failed_depth = -1;
    return TRUST_VALIDATED;
}
