/* SHA-256 fingerprints: how they are typed and printed. */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define FINGERPRINT_SIZE 32           /* bytes of a SHA-256 */
#define FINGERPRINT_TEXT_MAX (32 * 3) /* "AB:CD:...:EF" and the closing NUL */

/* Upper-case hexadecimal with colons, as `openssl x509 -fingerprint -sha256` prints it. */
void fingerprint_format(const uint8_t sha256[FINGERPRINT_SIZE], char out[FINGERPRINT_TEXT_MAX]);

/*
 * Reads what fingerprint_format() prints; the colons may be left out, either case will do, and a leading
 * `SHA256:` or `sha256 Fingerprint=` (openssl's own words) is skipped. ERROR_INVALID_ARGUMENT.
 */
int fingerprint_parse(const char *text, uint8_t sha256[FINGERPRINT_SIZE], struct error *err);
