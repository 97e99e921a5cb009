/* Files that hold a private key: PEM and PKCS#12. What was read on the way is wiped. */
#pragma once

#include "base/error.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#define X509_KEY_FILE_MAX (1024 * 1024) /* bytes */
#define X509_PASSPHRASE_MAX 1024        /* bytes, the closing NUL included */

/* True if the file is a PKCS#12 (RFC 7292), not PEM. */
bool x509_is_pkcs12(const char *bytes, size_t length);

/* True if reading the file takes a passphrase: an encrypted PEM key, or a PKCS#12 that none does not open. */
bool x509_needs_passphrase(const char *bytes, size_t length);

/*
 * The first private key of a PEM file (PKCS#8, or the older forms of RSA and EC). `passphrase` may be NULL.
 * ERROR_DENIED: it is encrypted, and the passphrase is wrong or missing. ERROR_INVALID_ARGUMENT.
 * The caller frees with EVP_PKEY_free().
 */
EVP_PKEY *x509_read_private_key(const char *bytes, size_t length, const char *passphrase, struct error *err);

/*
 * Key and certificates of a PKCS#12: *certificates holds all of them, at least one, in no order to rely on
 * (free with x509_bundle_free()). The errors of x509_read_private_key().
 */
int x509_read_pkcs12(const char *bytes, size_t length, const char *passphrase, EVP_PKEY **key,
                     STACK_OF(X509) * *certificates, struct error *err);
