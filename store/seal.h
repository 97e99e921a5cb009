/* Secrets under the node's sealing key: AES-256-GCM (NIST SP 800-38D), random 96-bit nonce. */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define SEAL_OVERHEAD (1 + 12 + 16) /* version, nonce, tag */

struct seal;

/*
 * Makes <home>/keys/seal.key (0600, 32 random bytes) where there is none, and has it on disk. Only for a node
 * that has no store yet: another key than before opens nothing. ERROR_STORE_FULL, ERROR_DENIED.
 */
int seal_make(const char *home, struct error *err);

/* Reads it. ERROR_NOT_FOUND; ERROR_DENIED when others can read it, ERROR_INVALID_ARGUMENT when it has another
 * size. */
struct seal *seal_open(const char *home, struct error *err);
void seal_close(struct seal *seal); /* wipes the key */

/* Seals `length` bytes for the record named `record` (associated data) into out (length + SEAL_OVERHEAD). */
int seal_wrap(const struct seal *seal, const char *record, const void *plain, size_t length, uint8_t *out,
              struct error *err);

/* Opens what seal_wrap() made for the same record into out (length - SEAL_OVERHEAD bytes).
 * ERROR_UNTRUSTED: another key, another record, or altered. */
int seal_unwrap(const struct seal *seal, const char *record, const uint8_t *sealed, size_t length, void *out,
                struct error *err);

#define SEAL_MAC_SIZE 32

/*
 * A message authentication code of this node: HMAC-SHA256 under a key derived from the sealing key for
 * `purpose` alone (HKDF, RFC 5869), so that one for another purpose says nothing here.
 */
int seal_mac(const struct seal *seal, const char *purpose, const void *bytes, size_t length,
             uint8_t out[SEAL_MAC_SIZE], struct error *err);
