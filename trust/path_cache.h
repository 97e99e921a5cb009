/*
 * Chains that were verified already. Whether a chain holds follows from its certificates, the CA certificates
 * and the time alone: as long as none of these is different, computing the signatures again would tell
 * nothing new. Safe from any thread. Only for this folder.
 */
#pragma once

#include "base/fingerprint.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* What a verification rests on: the anchors (by a number that no others get) and all that was shown. False:
 * it cannot be told. */
bool path_cache_key(uint64_t anchors, X509 *certificate, STACK_OF(X509) * chain,
                    uint8_t key[FINGERPRINT_SIZE]);

/* The chain that held, made of what is shown this time (the same, as the key says) and CA certificates; NULL
 * where none is known, or one of it is not valid at now_ms. Free with sk_X509_pop_free(). */
STACK_OF(X509) * path_cache_get(const uint8_t key[FINGERPRINT_SIZE], int64_t now_ms, X509 *certificate,
                                STACK_OF(X509) * chain);

/* Keeps where the certificates of a verified chain come from; of these it holds only the zone's own. */
void path_cache_put(const uint8_t key[FINGERPRINT_SIZE], STACK_OF(X509) * path, X509 *certificate,
                    STACK_OF(X509) * chain);
