/* Every certificate of a node whose end somebody has to know of. */
#pragma once

#include "base/fingerprint.h"
#include "store/store.h"

#include <stddef.h>

/* Name of the node's setting that holds the SHA-256 of its own certificate in service. */
#define OWN_CERTIFICATE_SETTING "own-certificate"

enum expiry_kind {
    EXPIRY_OWN,    /* of the HTTPS service */
    EXPIRY_ISSUER, /* a CA certificate that the node's own one is served with */
    EXPIRY_CA,     /* in the trust store of a zone */
    EXPIRY_PINNED,
    EXPIRY_PURPOSE, /* the node's own, by purpose */
    EXPIRY_TRUST,   /* imported into a trust store of the purposes */
    EXPIRY_KINDS
};
const char *expiry_kind_name(enum expiry_kind kind); /* "own", "issuer", "ca", "pinned", ... */

struct expiry {
    enum expiry_kind kind;
    const char *name; /* a server's "127.0.0.21_443", a CA certificate's "<zone>/<alias>", an issuer's alias,
                         "server", a purpose's "CallManager", "tomcat-trust/root.pem" */
    const char *subject_slash;
    int64_t not_after_ms;
    int64_t since_ms; /* when it came to this node */
};

/* Calls `each`, in no order to rely on, until it returns non-zero; texts live for the call. A standby's pins
 * of the active node's servers are left out, and the node's pins of itself, as its own certificate is there.
 */
int expiry_each(struct store_txn *txn, int (*each)(void *arg, const struct expiry *expiry), void *arg,
                struct error *err);

/* How many days before the end the moment that was passed lies: 90, 30, 7, 1 or 0 for the nearest one between
 * after_ms and now_ms, -1 where there was none. */
int expiry_passed(int64_t not_after_ms, int64_t after_ms, int64_t now_ms);
