/*
 * May this server's certificate be trusted? The one place that decides. Opens no connection: whoever holds
 * one hands over the certificate and asks before the first byte of a request is sent.
 */
#pragma once

#include "base/certificate_facts.h"
#include "base/host_port.h"
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
    TRUST_OUTCOMES
};

struct trust_verdict {
    enum trust_outcome outcome;
    uint8_t shown_sha256[FINGERPRINT_SIZE];  /* what the server showed */
    uint8_t pinned_sha256[FINGERPRINT_SIZE]; /* what was expected; zeros where nothing was */
    int64_t pinned_since_ms;                 /* first seen; 0 where there is no pin */
    int64_t not_before_ms;                   /* of the certificate shown */
    int64_t not_after_ms;
    bool repeated;              /* this very certificate was refused for this host before */
    char subject_reversed[512]; /* of the certificate shown, cut; the log records' form */
    char common_name[256];
    struct error error; /* for a refusal: what and why, and the commands that cure it */
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

/* Sets a zone's policy. ERROR_INVALID_ARGUMENT for TRUST_POLICY_ENABLE until there are trust stores. */
int trust_set_policy(struct store_txn *txn, enum trust_zone zone, enum trust_policy policy,
                     struct error *err);
