#include "trust/explain.h"

#include "base/clock.h"
#include "base/text.h"
#include "trust/internal.h"
#include "x509/x509.h"

#include <stdlib.h>
#include <string.h>

const char *trust_outcome_name(enum trust_outcome outcome)
{
    static const char *const names[TRUST_OUTCOMES] = {
        [TRUST_UNCHECKED] = "not checked",
        [TRUST_MATCH] = "match",
        [TRUST_FIRST_USE] = "pinned",
        [TRUST_NO_PIN] = "no pin",
        [TRUST_MISMATCH] = "MISMATCH",
        [TRUST_MALFORMED] = "malformed",
        [TRUST_NOT_EXPECTED] = "not expected",
        [TRUST_UNDECIDED] = "undecided",
        [TRUST_VALIDATED] = "validated",
        [TRUST_NO_ISSUER] = "unknown issuer",
        [TRUST_SELF_SIGNED] = "self-signed",
        [TRUST_EXPIRED] = "expired",
        [TRUST_NOT_YET_VALID] = "not yet valid",
        [TRUST_WRONG_NAME] = "wrong name",
        [TRUST_WEAK] = "weak",
        [TRUST_WRONG_USE] = "wrong use",
        [TRUST_BROKEN_CHAIN] = "broken chain",
        [TRUST_REVOKED] = "revoked",
        [TRUST_UNKNOWN_STATUS] = "unknown status",
    };

    return (unsigned)outcome < TRUST_OUTCOMES ? names[outcome] : "unknown";
}

void trust_copy_cut(char *out, size_t size, const char *text)
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

    trust_copy_cut(verdict->subject_reversed, sizeof(verdict->subject_reversed), subject);
    trust_copy_cut(verdict->common_name, sizeof(verdict->common_name), name);
    free(subject);
    free(name);
}

static void explain_mismatch(const char *host, struct trust_verdict *verdict)
{
    static const char command[] = "ncs certvalidation tofu-certs";
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

void explain_verdict(const char *host, X509 *certificate, struct trust_verdict *verdict)
{
    struct error why;

    /* The log wants to know whom it was that was refused; the rest is spared the work. */
    if (verdict->outcome == TRUST_MATCH ||
        (verdict->outcome == TRUST_VALIDATED && verdict->error.code == ERROR_NONE))
        return;
    describe_shown(certificate, verdict);
    why = verdict->error;
    switch (verdict->outcome) {
    case TRUST_MISMATCH:
        explain_mismatch(host, verdict);
        break;
    case TRUST_MALFORMED:
        error_set(&verdict->error, why.code, "refused the certificate of %s: %s", host, why.message);
        break;
    case TRUST_NO_ISSUER:
    case TRUST_SELF_SIGNED:
    case TRUST_EXPIRED:
    case TRUST_NOT_YET_VALID:
    case TRUST_WRONG_NAME:
    case TRUST_WEAK:
    case TRUST_WRONG_USE:
    case TRUST_BROKEN_CHAIN:
    case TRUST_REVOKED:
    case TRUST_UNKNOWN_STATUS:
        error_set(&verdict->error, why.code, "%s is not trusted: %s", host, why.message);
        if (why.hint[0] != '\0')
            error_hint(&verdict->error, "%s", why.hint);
        break;
    case TRUST_VALIDATED:
        if (why.code != ERROR_NONE)
            error_set(&verdict->error, why.code, "%s is trusted, but %s", host, why.message);
        break;
    case TRUST_NOT_EXPECTED:
        trust_not_expected(host, verdict->pinned_sha256, verdict->shown_sha256, &verdict->error);
        break;
    default:
        break;
    }
}

void explain_undecided(const char *host, X509 *certificate, struct trust_verdict *verdict)
{
    struct error why = verdict->error;

    describe_shown(certificate, verdict);
    error_set(&verdict->error, why.code == ERROR_NONE ? ERROR_INTERNAL : why.code,
              "cannot judge the certificate of %s: %s", host, why.message);
    if (why.hint[0] != '\0')
        error_hint(&verdict->error, "%s", why.hint);
}
