#include "trust/internal.h"

#include "base/clock.h"
#include "store/certificate.h"
#include "x509/x509.h"

#include <string.h>

static const char self_task[] = "primed"; /* who, in the history, follows the node's own certificate */

/* What a pin says of a certificate, taken over from its facts. The texts stay the facts'. */
static void describe_pin(struct pin *pin, const struct certificate_facts *facts)
{
    memcpy(pin->certificate, facts->sha256, FINGERPRINT_SIZE);
    pin->subject_slash = facts->subject_slash;
    pin->subject_oneline = facts->subject_oneline;
    pin->not_after_ms = facts->not_after_ms;
}

/* The certificate takes the place of all that was current; what is to come next or is retired stays. */
static void replace_current(struct pin *pin, const uint8_t sha256[FINGERPRINT_SIZE])
{
    size_t kept = 1;
    struct pin_fingerprint accepted[PIN_ACCEPTED_MAX] = {{.kind = PIN_CERTIFICATE, .state = PIN_CURRENT}};

    memcpy(accepted[0].sha256, sha256, FINGERPRINT_SIZE);
    for (size_t i = 0; i < pin->accepted_count && kept < PIN_ACCEPTED_MAX; i++) {
        const struct pin_fingerprint *old = &pin->accepted[i];
        bool same = old->kind == PIN_CERTIFICATE && memcmp(old->sha256, sha256, FINGERPRINT_SIZE) == 0;

        if (old->state != PIN_CURRENT && !same)
            accepted[kept++] = *old;
    }
    memcpy(pin->accepted, accepted, sizeof(accepted));
    pin->accepted_count = kept;
}

static int append_event(struct store_txn *txn, const char *host, enum pin_event_kind kind, const char *who,
                        const uint8_t *old_sha256, const uint8_t *new_sha256, const char *why,
                        struct error *err)
{
    struct pin_event event = {
        .kind = kind, .when_ms = clock_wall_ms(), .who = who == NULL ? "" : who, .why = why};

    if (old_sha256 != NULL)
        memcpy(event.old_sha256, old_sha256, FINGERPRINT_SIZE);
    if (new_sha256 != NULL)
        memcpy(event.new_sha256, new_sha256, FINGERPRINT_SIZE);
    return pin_event_append(txn, host, &event, err);
}

/* What a record of it is made of; *facts and *der are the caller's, also after an error. */
static int describe(X509 *certificate, struct certificate_facts **facts, unsigned char **der, size_t *length,
                    struct error *err)
{
    int size;

    *der = NULL;
    *facts = x509_describe(certificate, err);
    if (*facts == NULL)
        return -1;
    size = i2d_X509(certificate, der);
    if (size <= 0)
        return x509_error(err, ERROR_INTERNAL, "cannot encode the certificate");
    *length = (size_t)size;
    return 0;
}

int trust_put_certificate(struct store_txn *txn, X509 *certificate, struct certificate_facts **facts,
                          struct error *err)
{
    unsigned char *der;
    size_t length = 0;
    int result = describe(certificate, facts, &der, &length, err);

    if (result == 0)
        result = certificate_put(txn, *facts, der, length, err);
    OPENSSL_free(der);
    return result;
}

static int keep_refused(struct store_txn *txn, const char *host, struct pin_refused *refused,
                        X509 *certificate, struct error *err)
{
    struct certificate_facts *facts;
    unsigned char *der;
    size_t length = 0;
    int failed = describe(certificate, &facts, &der, &length, err) != 0 ||
                 pin_refused_fill(txn, refused, facts, der, length, err) != 0 ||
                 pin_refused_set(txn, host, refused, err) != 0;

    OPENSSL_free(der);
    x509_facts_free(facts);
    return failed ? -1 : 0;
}

static int check_expected(const struct trust_request *request, const char *host,
                          const struct certificate_facts *facts, struct error *err)
{
    if (request->expected_sha256 == NULL ||
        memcmp(request->expected_sha256, facts->sha256, FINGERPRINT_SIZE) == 0)
        return 0;
    return trust_not_expected(host, request->expected_sha256, facts->sha256, err);
}

int trust_not_expected(const char *host, const uint8_t expected[FINGERPRINT_SIZE],
                       const uint8_t shown[FINGERPRINT_SIZE], struct error *err)
{
    char expected_text[FINGERPRINT_TEXT_MAX];
    char shown_text[FINGERPRINT_TEXT_MAX];

    fingerprint_format(expected, expected_text);
    fingerprint_format(shown, shown_text);
    return error_set(err, ERROR_UNTRUSTED,
                     "the certificate of %s has SHA-256 %s, not the expected %s; nothing was pinned", host,
                     shown_text, expected_text);
}

int trust_pin_add(struct store_txn *txn, const struct trust_request *request, X509 *certificate,
                  enum pin_event_kind kind, const char *who, struct error *err)
{
    struct certificate_facts *facts = NULL;
    struct pin pin = {.zone = request->zone,
                      .scope = request->stays_on_node ? STORE_SCOPE_NODE : STORE_SCOPE_PAIR,
                      .first_seen_ms = clock_wall_ms()};
    int result = -1;

    pin.last_seen_ms = pin.first_seen_ms;
    host_port_format(&request->host, pin.host);
    if (trust_put_certificate(txn, certificate, &facts, err) != 0 ||
        check_expected(request, pin.host, facts, err) != 0)
        goto out;
    describe_pin(&pin, facts);
    replace_current(&pin, facts->sha256);
    if (pin_add(txn, &pin, err) == 0)
        result = append_event(txn, pin.host, kind, who, NULL, facts->sha256,
                              kind == PIN_EVENT_FIRST_USE ? "first contact" : "", err);
out:
    x509_facts_free(facts);
    return result;
}

int trust_pin_delete(struct store_txn *txn, const char *host, const char *who, struct error *err)
{
    struct pin pin;
    uint8_t old[FINGERPRINT_SIZE];

    if (pin_get(txn, host, &pin, err) != 0)
        return -1;
    memcpy(old, pin.certificate, FINGERPRINT_SIZE);
    if (pin_delete(txn, host, err) != 0)
        return -1;
    return append_event(txn, host, PIN_EVENT_DELETED, who, old, NULL, "", err);
}

/* The refused certificate of a pinned host, if it is the one whose SHA-256 was typed. */
static int get_refused(struct store_txn *txn, const char *host, const uint8_t typed[FINGERPRINT_SIZE],
                       struct pin_refused *refused, struct error *err)
{
    char refused_text[FINGERPRINT_TEXT_MAX];
    char typed_text[FINGERPRINT_TEXT_MAX];
    struct error why = {0};

    if (pin_refused_get(txn, host, refused, &why) != 0) {
        if (why.code == ERROR_NOT_FOUND)
            return error_set(err, ERROR_NOT_FOUND,
                             "no certificate of %s was refused, so there is none to accept", host);
        if (err != NULL)
            *err = why;
        return -1;
    }
    if (memcmp(refused->sha256, typed, FINGERPRINT_SIZE) == 0)
        return 0;
    fingerprint_format(refused->sha256, refused_text);
    fingerprint_format(typed, typed_text);
    error_set(err, ERROR_CONFLICT, "the certificate last refused for %s has SHA-256 %s, not %s", host,
              refused_text, typed_text);
    return error_hint(err, "compare it with what the server's own administrator reads there");
}

int trust_pin_accept(struct store_txn *txn, const char *host, const uint8_t sha256[FINGERPRINT_SIZE],
                     const char *who, struct error *err)
{
    struct pin pin;
    struct pin_refused refused;
    struct certificate_facts facts;
    uint8_t old[FINGERPRINT_SIZE];
    const uint8_t *der;
    size_t length;

    if (pin_get(txn, host, &pin, err) != 0 || get_refused(txn, host, sha256, &refused, err) != 0 ||
        pin_refused_certificate(txn, &refused, &facts, &der, &length, err) != 0 ||
        certificate_put(txn, &facts, der, length, err) != 0)
        return -1;
    memcpy(old, pin.certificate, FINGERPRINT_SIZE);
    replace_current(&pin, sha256);
    describe_pin(&pin, &facts);
    pin.first_seen_ms = refused.first_seen_ms;
    pin.last_seen_ms = refused.last_seen_ms;
    if (pin_update(txn, &pin, err) != 0 || pin_refused_clear(txn, host, err) != 0)
        return -1;
    return append_event(txn, host, PIN_EVENT_ACCEPTED, who, old, sha256, "", err);
}

/* Clearing what is not there is no error here. */
static int forget_refused(struct store_txn *txn, const char *host, struct error *err)
{
    struct error why = {0};

    if (pin_refused_clear(txn, host, &why) == 0 || why.code == ERROR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = why;
    return -1;
}

static int renew_self(struct store_txn *txn, struct pin *pin, X509 *own, struct error *err)
{
    struct certificate_facts *facts = NULL;
    uint8_t old[FINGERPRINT_SIZE];
    int result = -1;

    memcpy(old, pin->certificate, FINGERPRINT_SIZE);
    if (trust_put_certificate(txn, own, &facts, err) != 0)
        goto out;
    replace_current(pin, facts->sha256);
    describe_pin(pin, facts);
    pin->scope = STORE_SCOPE_NODE;
    pin->from_peer = false;
    pin->first_seen_ms = clock_wall_ms();
    pin->last_seen_ms = pin->first_seen_ms;
    if (pin_update(txn, pin, err) == 0 && forget_refused(txn, pin->host, err) == 0)
        result = append_event(txn, pin->host, PIN_EVENT_SELF_RENEWED, self_task, old, facts->sha256,
                              "the node's own certificate changed", err);
out:
    x509_facts_free(facts);
    return result;
}

int trust_pin_self(struct store_txn *txn, const struct host_port *host, X509 *own, struct error *err)
{
    struct trust_request request = {.host = *host, .zone = TRUST_ZONE_SYSTEM, .stays_on_node = true};
    struct error why = {0};
    struct pin pin;
    uint8_t sha256[FINGERPRINT_SIZE];
    char text[HOST_PORT_TEXT_MAX];

    host_port_format(host, text);
    if (x509_fingerprint(own, sha256, err) != 0)
        return -1;
    if (pin_get(txn, text, &pin, &why) != 0) {
        if (why.code == ERROR_NOT_FOUND)
            return trust_pin_add(txn, &request, own, PIN_EVENT_ADDED, self_task, err);
        if (err != NULL)
            *err = why;
        return -1;
    }
    if (memcmp(pin.certificate, sha256, FINGERPRINT_SIZE) == 0 && trust_pin_matches(&pin, sha256, own)) {
        if (pin.scope == STORE_SCOPE_NODE)
            return 0;
        pin.scope = STORE_SCOPE_NODE; /* pinned by a contact that did not know whom it met */
        return pin_update(txn, &pin, err);
    }
    return renew_self(txn, &pin, own, err);
}

int trust_remember_refused(struct store_txn *txn, const struct pin *pin, X509 *certificate,
                           const uint8_t sha256[FINGERPRINT_SIZE], const char *who, struct error *err)
{
    struct pin_refused refused = {0};
    struct error why = {0};
    int64_t now_ms = clock_wall_ms();

    if (pin_refused_get(txn, pin->host, &refused, &why) != 0 && why.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    if (refused.times > 0 && memcmp(refused.sha256, sha256, FINGERPRINT_SIZE) == 0) {
        refused.last_seen_ms = now_ms;
        refused.times++;
        return pin_refused_set(txn, pin->host, &refused, err);
    }
    refused = (struct pin_refused){.first_seen_ms = now_ms, .last_seen_ms = now_ms, .times = 1};
    if (keep_refused(txn, pin->host, &refused, certificate, err) != 0)
        return -1;
    return append_event(txn, pin->host, PIN_EVENT_REFUSED, who, pin->certificate, sha256,
                        "another certificate was shown", err);
}
