/* Files with several certificates: what a CA sends back. The bytes come from outside. */
#pragma once

#include "base/error.h"

#include <openssl/x509.h>
#include <stddef.h>

#define X509_BUNDLE_MAX 500                    /* certificates in one file */
#define X509_BUNDLE_FILE_MAX (8 * 1024 * 1024) /* bytes */

/*
 * All certificates of a file, in its order, at least one: PEM with any number of certificates or a PKCS#7, or
 * the DER of a certificate or a PKCS#7 (RFC 2315 section 9.1, certificates only or signed). Anything else in
 * it is refused, a private key above all. ERROR_INVALID_ARGUMENT. The caller frees with
 * x509_bundle_free().
 */
STACK_OF(X509) * x509_read_bundle(const char *bytes, size_t length, struct error *err);
void x509_bundle_free(STACK_OF(X509) * bundle);

/* The certificate of that key, taken out of the bundle: the caller's. NULL where none has it. */
X509 *x509_bundle_take(STACK_OF(X509) * bundle, const EVP_PKEY *key);
