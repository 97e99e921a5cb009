/* Chains of issuers: found in a pool, verified, put in order. */
#pragma once

#include "base/error.h"

#include <openssl/x509.h>
#include <stdbool.h>

/*
 * Verifies `leaf` as a TLS server's certificate up to a self-signed certificate of the pool (RFC 5280 section
 * 6), at this moment. *issuers: those between leaf and root, nearest first, the root left out; free with
 * x509_bundle_free(). A self-signed leaf has none, and needs no pool. ERROR_UNTRUSTED names the certificate
 * that fails and why. ERROR_INVALID_ARGUMENT: so many of one name that the search was given up.
 */
int x509_build_chain(X509 *leaf, STACK_OF(X509) * pool, STACK_OF(X509) * *issuers, struct error *err);

/* The same order without any judgement: as far as the pool leads from the leaf. NULL: out of memory. */
STACK_OF(X509) * x509_order_chain(X509 *leaf, STACK_OF(X509) * pool);

/*
 * The certificates of a bundle in such an order that each stands behind its issuer, which is in the bundle or
 * in the pool; a self-signed one needs none. In time proportional to pairs of names and a few signatures for
 * each member, whatever the bundle is. *ordered: free with x509_bundle_free(); NULL after an error.
 * ERROR_UNTRUSTED with *orphan, a member whose issuer is nowhere (the bundle keeps it).
 * ERROR_INVALID_ARGUMENT: so many of one name that the search was given up.
 */
int x509_roots_first(STACK_OF(X509) * bundle, STACK_OF(X509) * pool, STACK_OF(X509) * *ordered, X509 **orphan,
                     struct error *err);

/* True if the certificate is its own issuer and its signature says so too. */
bool x509_is_self_signed(X509 *certificate);
