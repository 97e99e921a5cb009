/* The path from a server's certificate to a CA certificate of its zone. Only for this folder. */
#pragma once

#include "trust/anchors.h"
#include "trust/trust.h"

/* "the server's certificate, CN=x" or "certificate 2 of its chain, CN=y": into out. */
#define CHAIN_PLACE_MAX 320
void chain_place(int depth, X509 *certificate, char out[CHAIN_PLACE_MAX]);

/*
 * Verifies what was shown against the zone's CA certificates (RFC 5280 section 6), at now_ms: chain, times,
 * keys, signatures, use and name. TRUST_VALIDATED, and *path is the chain from the server's certificate to
 * the CA certificate (free with x509_bundle_free()); otherwise the refusal, with verdict->failed_depth and
 * what is wrong in verdict->error. TRUST_UNDECIDED: out of memory.
 */
enum trust_outcome chain_verify(const struct anchors *anchors, const struct trust_request *request,
                                const struct trust_shown *shown, int64_t now_ms, STACK_OF(X509) * *path,
                                struct trust_verdict *verdict);
