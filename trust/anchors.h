/*
 * A zone's CA certificates in the form that OpenSSL verifies with: read from the store once for each state of
 * the zone's trust store, then shared. Only for this folder.
 */
#pragma once

#include "store/policy.h"

#include <openssl/x509_vfy.h>

#define ANCHORS_SECURITY_LEVEL 2 /* 112 bits: RSA from 2,048 on, no MD5, no SHA-1 (NIST SP 800-57) */
#define ANCHORS_DEPTH 10         /* CA certificates between a server and the one that is trusted */

/*
 * `node` is store_node_id(). *count: how many there are. Free with X509_STORE_free(). NULL: ERROR_INTERNAL.
 */
X509_STORE *anchors_get(struct store_txn *txn, const char *node, enum trust_zone zone, size_t *count,
                        struct error *err);
