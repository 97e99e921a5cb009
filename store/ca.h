/*
 * The CA certificates of each trust zone, under aliases that an admin chose, and how they are kept up to
 * date. The certificates themselves are in store/certificate.h.
 */
#pragma once

#include "base/fingerprint.h"
#include "store/policy.h"

#define CA_ALIAS_MAX 65 /* bytes of an alias, the closing NUL included */

enum ca_source {
    CA_IMPORTED, /* by an admin */
    CA_SYSTEM,   /* taken over from the system's bundle */
    CA_SOURCES
};

/* Texts read from the store live until the transaction ends, those of ca_each() for the call. */
struct ca_certificate {
    char alias[CA_ALIAS_MAX];
    uint8_t sha256[FINGERPRINT_SIZE]; /* key of certificate_get() */
    int64_t added_ms;
    enum ca_source source;
    const char *subject_slash; /* of the certificate, for the listings */
    int64_t not_after_ms;
};

/* ERROR_INVALID_ARGUMENT: an alias is made of letters, digits and "._-" and has at most 64 of them. */
int ca_check_alias(const char *alias, struct error *err);

/* Pair scope. ERROR_CONFLICT where the zone has this alias; ERROR_INVALID_ARGUMENT. */
int ca_add(struct store_txn *txn, enum trust_zone zone, const struct ca_certificate *ca, struct error *err);

/* ERROR_NOT_FOUND. */
int ca_get(struct store_txn *txn, enum trust_zone zone, const char *alias, struct ca_certificate *out,
           struct error *err);
int ca_delete(struct store_txn *txn, enum trust_zone zone, const char *alias, struct error *err);

/* Calls `each` in the order of the aliases until it returns non-zero. Must not change the zone's CA
 * certificates meanwhile. Returns 0 or -1. */
int ca_each(struct store_txn *txn, enum trust_zone zone,
            int (*each)(void *arg, const struct ca_certificate *ca), void *arg, struct error *err);

/* A zone's CA certificates as a whole. */
struct ca_state {
    uint64_t generation; /* another one after each change of them; 0: there never was one */
    bool auto_update;    /* the system's bundle is taken over daily */
    int64_t updated_ms;  /* when it was last; 0: never */
    const char *problem; /* why that failed; "": it did not. Lives until the transaction ends */
};
int ca_state_get(struct store_txn *txn, enum trust_zone zone, struct ca_state *out, struct error *err);

/* Keeps all but the generation, which only ca_add() and ca_delete() change. */
int ca_state_set(struct store_txn *txn, enum trust_zone zone, const struct ca_state *state,
                 struct error *err);
