/*
 * A zone's CA certificates in the form that OpenSSL verifies with: read from the store once for each state of
 * the zone's trust store, then shared. Only for this folder.
 */
#pragma once

#include "store/policy.h"

#include <openssl/x509_vfy.h>

#define ANCHORS_SECURITY_LEVEL 2 /* 112 bits: RSA from 2,048 on, no MD5, no SHA-1 (NIST SP 800-57) */
#define ANCHORS_DEPTH 10         /* CA certificates between a server and the one that is trusted */

struct anchors {
    X509_STORE *store; /* free with X509_STORE_free() */
    size_t count;      /* CA certificates in it */
    uint64_t number;   /* no others in this process have the same */
};

/* `node` is store_node_id(). ERROR_INTERNAL. */
int anchors_get(struct store_txn *txn, const char *node, enum trust_zone zone, struct anchors *out,
                struct error *err);
