/*
 * Pins: which certificate each host showed first, in the order of first sight; what happened to each pin;
 * and the last certificate that was refused in its stead.
 */
#pragma once

#include "base/certificate_facts.h"
#include "base/fingerprint.h"
#include "base/host_port.h"
#include "base/text.h"
#include "store/policy.h"

#define PIN_ACCEPTED_MAX 4 /* fingerprints one pin may accept */

enum pin_kind { PIN_CERTIFICATE, PIN_KEY };            /* SHA-256 of the DER, or of the public key's DER */
enum pin_state { PIN_CURRENT, PIN_NEXT, PIN_RETIRED }; /* a retired one is not accepted any more */

struct pin_fingerprint {
    enum pin_kind kind;
    enum pin_state state;
    uint8_t sha256[FINGERPRINT_SIZE];
};

/* Texts read from the store live until the transaction ends. */
struct pin {
    uint64_t sequence; /* order of first sight; given by pin_add() */
    char host[HOST_PORT_TEXT_MAX];
    enum trust_zone zone;
    enum store_scope scope;
    bool from_peer; /* came from the active node; not listed on a standby unless asked for */
    int64_t first_seen_ms;
    int64_t last_seen_ms;
    struct pin_fingerprint accepted[PIN_ACCEPTED_MAX];
    size_t accepted_count;
    uint8_t certificate[FINGERPRINT_SIZE]; /* SHA-256 of the certificate last accepted: key of
                                              certificate_get() */
    const char *subject_slash;             /* of that certificate, for the listings */
    const char *subject_oneline;           /* read: "" where it is what subject_slash stands for */
    int64_t not_after_ms;
};

/* ERROR_NOT_FOUND. */
int pin_get(struct store_txn *txn, const char *host, struct pin *out, struct error *err);

/* The same without its texts, which are NULL: what a verdict takes, with nothing allocated. */
int pin_look(struct store_txn *txn, const char *host, struct pin *out, struct error *err);

/* Compare-and-set: ERROR_CONFLICT where the host has a pin. Sets pin->sequence. */
int pin_add(struct store_txn *txn, struct pin *pin, struct error *err);

/* Replaces the record of pin->host, keeping its sequence. ERROR_NOT_FOUND. */
int pin_update(struct store_txn *txn, const struct pin *pin, struct error *err);

/* Forgets the pin and the refused certificate; the history stays. ERROR_NOT_FOUND. */
int pin_delete(struct store_txn *txn, const char *host, struct error *err);

/* One row of a listing, decoded without allocation. Valid until the next row. Not NUL-terminated. */
struct pin_row {
    const char *host;
    size_t host_length;
    const char *subject_slash;
    size_t subject_slash_length;
    const char *subject_oneline; /* empty where pin_row_oneline() can make it of the slash form */
    size_t subject_oneline_length;
    bool from_peer;
    const uint8_t *record; /* the whole record, for pin_decode() */
    size_t record_length;
};

/* Walks the pins in order of first sight. */
struct pin_cursor;
struct pin_cursor *pin_cursor_open(struct store_txn *txn, struct error *err);
void pin_cursor_close(struct pin_cursor *cursor);

/* 1: a row; 0: no more; -1: ERROR_INTERNAL. */
int pin_cursor_next(struct pin_cursor *cursor, struct pin_row *out, struct error *err);

/* Appends the row's subject in the one-line form. */
void pin_row_oneline(const struct pin_row *row, struct text *out);

/* The whole of a row; its texts live until the transaction ends or pin_decode() is called on the next row. */
int pin_decode(struct store_txn *txn, const struct pin_row *row, struct pin *out, struct error *err);

/* What can happen to a pin. */
enum pin_event_kind {
    PIN_EVENT_FIRST_USE, /* pinned on first contact */
    PIN_EVENT_ADDED,     /* loaded by an admin before or instead of first contact */
    PIN_EVENT_ACCEPTED,  /* an admin accepted the refused certificate */
    PIN_EVENT_DELETED,
    PIN_EVENT_REFUSED,      /* another certificate was shown and refused */
    PIN_EVENT_SELF_RENEWED, /* the node's pin of itself followed its own new certificate */
    PIN_EVENT_IMPORTED,
    PIN_EVENTS
};
const char *pin_event_name(enum pin_event_kind kind); /* "first-use", "added", ... */

struct pin_event {
    enum pin_event_kind kind;
    int64_t when_ms;
    const char *who;                      /* the admin, or the task: "admin", "HealthMonitorThread" */
    uint8_t old_sha256[FINGERPRINT_SIZE]; /* zeros where there was none */
    uint8_t new_sha256[FINGERPRINT_SIZE]; /* zeros where there is none */
    const char *why;                      /* a sentence, or "" */
};

int pin_event_append(struct store_txn *txn, const char *host, const struct pin_event *event,
                     struct error *err);

/* Calls `each` oldest first until it returns non-zero; texts live for the call. Returns 0 or -1. */
int pin_event_each(struct store_txn *txn, const char *host,
                   int (*each)(void *arg, const struct pin_event *event), void *arg, struct error *err);

/* The last certificate refused for a pinned host. It is kept with this record alone, and goes with it:
 * whoever shows ever new certificates must not fill the disk. */
struct pin_refused {
    uint8_t sha256[FINGERPRINT_SIZE];
    int64_t first_seen_ms;
    int64_t last_seen_ms;
    uint64_t times;       /* how often it was refused */
    const uint8_t *bytes; /* for pin_refused_certificate(); live until the transaction ends */
    size_t length;
};
int pin_refused_get(struct store_txn *txn, const char *host, struct pin_refused *out, struct error *err);
int pin_refused_set(struct store_txn *txn, const char *host, const struct pin_refused *refused,
                    struct error *err);

/* Puts a certificate into a record that is to be set. ERROR_INTERNAL. */
int pin_refused_fill(struct store_txn *txn, struct pin_refused *refused,
                     const struct certificate_facts *facts, const uint8_t *der, size_t der_length,
                     struct error *err);

/* As certificate_get(). */
int pin_refused_certificate(struct store_txn *txn, const struct pin_refused *refused,
                            struct certificate_facts *facts, const uint8_t **der, size_t *der_length,
                            struct error *err);
int pin_refused_clear(struct store_txn *txn, const char *host, struct error *err);
