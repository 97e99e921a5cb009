/* What it costs to try a passphrase: a file from outside says so itself, and may say "for ever". */
#pragma once

#include "base/error.h"

#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#define PASSPHRASE_ROUNDS_MAX 2000000 /* hashes in all; the usual is between 2,048 and a million */

/* Of one key or part encrypted in that way (PKCS#8, RFC 5958; PBES2 and scrypt, RFC 8018 and 7914).
 * ERROR_INVALID_ARGUMENT: more than there may be. */
int passphrase_cost_check(const X509_ALGOR *algorithm, struct error *err);

/* Of a PKCS#12's integrity code alone: what may be checked before the passphrase is known to be right. */
int passphrase_cost_check_mac(const PKCS12 *file, struct error *err);

/* Of all the encrypted parts of a PKCS#12 together, which its passphrase opens one by one. The same error;
 * and where the parts cannot be read. */
int passphrase_cost_check_parts(const PKCS12 *file, const char *passphrase, struct error *err);
