/*
 * May this server's certificate be trusted? The one place that decides. Opens no connection: whoever holds
 * one hands over what the server showed, asks before the first byte of a request is sent, and fetches what a
 * judgement needs besides (an OCSP answer).
 */
#pragma once

#include "base/certificate_facts.h"
#include "base/host_port.h"
#include "store/ocsp.h"
#include "store/pin.h"
#include "store/policy.h"

#include <openssl/x509.h>

#define TRUST_SEEN_INTERVAL_MS (3600 * 1000LL)  /* a pin's last_seen_ms is written at most this often */
#define TRUST_REFUSED_INTERVAL_MS (60 * 1000LL) /* and another refusal of the same certificate this often */

/* How far a judgement may go. */
enum trust_mode {
    TRUST_PIN,    /* a first contact becomes a pin */
    TRUST_OBSERVE /* pins nothing; a refused certificate is still remembered */
};

struct trust_request {
    struct host_port host;
    enum trust_zone zone;
    enum trust_mode mode;
    const char *task;               /* who connects, for log and history: "HealthMonitorThread" */
    const uint8_t *expected_sha256; /* FINGERPRINT_SIZE bytes, or NULL: on first contact pin only this one */
    bool stays_on_node; /* a pin made now is of this node or its HA peer, and is never replicated */
    bool
        is_self; /* the node's own address: its own certificate is what counts, no CA, where a zone has CAs */
};

/* What a server showed in the TLS handshake. Nothing of it is kept. */
struct trust_shown {
    X509 *certificate;      /* which it proved to own */
    STACK_OF(X509) * chain; /* what it sent; the certificate itself may be among them. NULL: nothing more */
    const uint8_t *stapled; /* OCSP answer (RFC 6066 section 8); NULL: none */
    size_t stapled_length;
};

enum trust_outcome {
    TRUST_UNCHECKED,    /* the zone's policy is `disable` */
    TRUST_MATCH,        /* the pinned certificate */
    TRUST_FIRST_USE,    /* first contact; pinned now, durably */
    TRUST_NO_PIN,       /* first contact, and only observing */
    TRUST_MISMATCH,     /* refused: another certificate than the pinned one */
    TRUST_MALFORMED,    /* refused: the certificate breaks RFC 5280 */
    TRUST_NOT_EXPECTED, /* refused: not the fingerprint that the caller expects */
    TRUST_UNDECIDED,    /* refused: no judgement was possible (store full, broken, ...) */

    /* in a zone with the policy `enable` */
    TRUST_VALIDATED,      /* chain, name, times, strength and revocation: all as they have to be */
    TRUST_NO_ISSUER,      /* refused: its chain does not lead to a CA certificate of the zone */
    TRUST_SELF_SIGNED,    /* refused: self-signed, and not in the zone's trust store itself */
    TRUST_EXPIRED,        /* refused */
    TRUST_NOT_YET_VALID,  /* refused */
    TRUST_WRONG_NAME,     /* refused: for another host */
    TRUST_WEAK,           /* refused: a key or signature that can be forged today */
    TRUST_WRONG_USE,      /* refused: not for a TLS server */
    TRUST_BROKEN_CHAIN,   /* refused: signature, path length, name constraints, an issuer that is no CA */
    TRUST_REVOKED,        /* refused: its CA took it back */
    TRUST_UNKNOWN_STATUS, /* refused: nobody could tell whether it was revoked, or the CA does not know it */
    TRUST_OUTCOMES
};

/* "match", "expired", "unknown issuer", ...: for listings. */
const char *trust_outcome_name(enum trust_outcome outcome);

struct trust_verdict {
    enum trust_outcome outcome;
    uint8_t shown_sha256[FINGERPRINT_SIZE];  /* what the server showed */
    uint8_t pinned_sha256[FINGERPRINT_SIZE]; /* what was expected; zeros where nothing was */
    int64_t pinned_since_ms;                 /* first seen; 0 where there is no pin */
    int64_t not_before_ms;                   /* of the certificate shown */
    int64_t not_after_ms;
    bool repeated;              /* this very certificate was refused for this host before */
    char subject_reversed[512]; /* of the certificate shown, cut; the log records' form. "" for a match */
    char common_name[256];
    int failed_depth; /* which certificate failed: 0 the server's own, 1 its issuer, ...; -1: none */
    /* For a refusal: what and why, and the commands that cure it. For a certificate accepted though nobody
     * could tell whether it was revoked (soft failure): that. */
    struct error error;
};

/* True if data may be exchanged. */
bool trust_is_accepted(enum trust_outcome outcome);

/*
 * Judges `certificate` (what the server proved to own) for the request. Reads the store; writes it (and
 * waits until that is durable) only for a first contact or a refusal not yet remembered. A first contact by
 * many tasks at once yields one pin: the first one's; the others are compared with it.
 * A refusal stays one where it cannot be remembered; a first contact that cannot be is TRUST_UNDECIDED.
 * Never fails: what goes wrong is a TRUST_UNDECIDED verdict. Safe from any thread but the store's writer.
 */
void trust_judge(struct store *store, const struct trust_request *request, X509 *certificate,
                 struct trust_verdict *verdict);

/*
 * The same with all that the server showed, for a caller that can fetch. Where the verdict hangs on an OCSP
 * answer, *need is set (NULL otherwise) and the outcome is TRUST_UNDECIDED: the caller fetches it, settles
 * the need and asks again. need NULL: what would have to be fetched counts as not to be had.
 */
struct trust_need;
void trust_judge_shown(struct store *store, const struct trust_request *request,
                       const struct trust_shown *shown, struct trust_need **need,
                       struct trust_verdict *verdict);

#define TRUST_OCSP_ANSWER_MAX (64 * 1024) /* bytes; a greater one is none */
#define TRUST_OCSP_RETRY_MS (60 * 1000LL) /* a responder that failed is asked again after this */
#define TRUST_NEEDS_MAX 8                 /* so often at most a verdict asks for something to be fetched */

/* Responders to ask, in this order, until one's answer settles the need. */
size_t trust_need_urls(const struct trust_need *need);
const char *trust_need_url(const struct trust_need *need, size_t index);

/* What to send them: POST, application/ocsp-request (RFC 6960 appendix A). */
const uint8_t *trust_need_request(const struct trust_need *need, size_t *length);

/*
 * Checks an answer (signed by the CA or by whom it appointed, for this certificate, not stale) and keeps it
 * until its nextUpdate. ERROR_UNTRUSTED, with what is wrong with it.
 */
int trust_need_settle(const struct trust_need *need, const void *answer, size_t length, struct error *err);

/* No responder gave one: `why` is what the verdict will say. */
void trust_need_give_up(const struct trust_need *need, const char *why);
void trust_need_free(struct trust_need *need);

/* A responder's address: "http://" (an answer is signed, and https would need a verdict of its own),
 * printable, without a user name. ERROR_INVALID_ARGUMENT. */
int trust_check_responder(const char *url, struct error *err);

/* Changes to pins, each with its history entry, to be run inside a store job. `who` is the admin or task. */

/* Adds a pin for a certificate. ERROR_CONFLICT where the host has one. ERROR_UNTRUSTED where the certificate
 * is malformed, or not the one that the request expects. */
int trust_pin_add(struct store_txn *txn, const struct trust_request *request, X509 *certificate,
                  enum pin_event_kind kind, const char *who, struct error *err);

/* Forgets a pin. ERROR_NOT_FOUND. */
int trust_pin_delete(struct store_txn *txn, const char *host, const char *who, struct error *err);

/* Replaces what a pin accepts now by the certificate that was last refused, if its SHA-256 is `sha256`. The
 * history keeps the old one; the pin counts as first seen when this certificate was.
 * ERROR_NOT_FOUND: no such pin, or nothing was refused. ERROR_CONFLICT: another fingerprint. */
int trust_pin_accept(struct store_txn *txn, const char *host, const uint8_t sha256[FINGERPRINT_SIZE],
                     const char *who, struct error *err);

/* Makes the node's pin of itself (node scope) follow its own certificate: adds, renews or leaves it. */
int trust_pin_self(struct store_txn *txn, const struct host_port *host, X509 *own, struct error *err);

/* Sets a zone's policy, for the next connection on. */
int trust_set_policy(struct store_txn *txn, enum trust_zone zone, enum trust_policy policy,
                     struct error *err);

/* In a job: keeps the certificate under its SHA-256, for whoever refers to it, and describes it. The caller
 * frees the facts with x509_facts_free(), after an error too. Returns 0 or -1. */
int trust_put_certificate(struct store_txn *txn, X509 *certificate, struct certificate_facts **facts,
                          struct error *err);

/* What a zone holds: CA certificates, and pins, which are not looked at while its policy is `enable`. */
struct trust_holdings {
    size_t cas;
    size_t pins;
};
int trust_count_holdings(struct store_txn *txn, enum trust_zone zone, struct trust_holdings *out,
                         struct error *err);

/* Changes to a zone's trust store, to be run inside a store job. */
#define TRUST_CAS_MAX 2000 /* CA certificates of one zone */

struct trust_ca_count {
    size_t added;
    size_t known; /* were there already */
    size_t removed;
    size_t skipped; /* of the system's: expired, malformed, no CA */
};

/*
 * Takes CA certificates in, all or none: a single one under the alias, several under alias-1, alias-2, ...
 * What the zone has already is counted as known. ERROR_CONFLICT: the alias is taken, or nothing is new, or
 * too many. ERROR_UNTRUSTED: one is malformed, has expired, or is neither a CA's nor self-signed.
 */
int trust_ca_add(struct store_txn *txn, enum trust_zone zone, const char *alias, STACK_OF(X509) * bundle,
                 struct trust_ca_count *count, struct error *err);

/* Makes the CA certificates that came from the system's bundle the same as it is now; those that an admin
 * imported stay. Under aliases "system-<start of the SHA-256>". */
int trust_ca_follow(struct store_txn *txn, enum trust_zone zone, STACK_OF(X509) * bundle,
                    struct trust_ca_count *count, struct error *err);

/* Deletes all. */
int trust_ca_clear(struct store_txn *txn, enum trust_zone zone, struct trust_ca_count *count,
                   struct error *err);
