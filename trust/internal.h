/* What the files of this folder share. */
#pragma once

#include "store/ca.h"
#include "trust/trust.h"

/* True if the pin accepts the certificate, whose SHA-256 is given too. A retired fingerprint never matches.
 */
bool trust_pin_matches(const struct pin *pin, const uint8_t sha256[FINGERPRINT_SIZE], X509 *certificate);

/* In a job: keeps the certificate that was refused in the stead of the pinned one, with an event where it is
 * another one than last time; or counts it once more. */
int trust_remember_refused(struct store_txn *txn, const struct pin *pin, X509 *certificate,
                           const uint8_t sha256[FINGERPRINT_SIZE], const char *who, struct error *err);

/* ERROR_UNTRUSTED, with both fingerprints. Returns -1. */
int trust_not_expected(const char *host, const uint8_t expected[FINGERPRINT_SIZE],
                       const uint8_t shown[FINGERPRINT_SIZE], struct error *err);

/* As much of a text as fits, without splitting a character. NULL leaves `out` empty. */
void trust_copy_cut(char *out, size_t size, const char *text);
