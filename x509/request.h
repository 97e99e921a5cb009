/* Certificate signing requests (PKCS#10, RFC 2986). */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <openssl/x509v3.h>

/* Makes a request for a TLS server and client and signs it with the key. `names` may be NULL or empty. Free
 * with X509_REQ_free(). ERROR_INTERNAL. */
X509_REQ *x509_make_request(EVP_PKEY *key, const X509_NAME *subject, const GENERAL_NAMES *names,
                            struct error *err);

/* As a PEM file, for the CA. The caller frees. */
char *x509_request_to_pem(X509_REQ *request, struct error *err);

/* What to say of a request: escaped texts, appended. ERROR_UNTRUSTED, ERROR_INTERNAL. */
int x509_request_subject(const X509_REQ *request, struct text *out, struct error *err);
void x509_request_names(X509_REQ *request, struct text *out, const char *separator);

/* The digest that goes with a key: none of its own for Ed25519 (NULL), otherwise as strong as the key. */
const EVP_MD *x509_digest_for(const EVP_PKEY *key);

/* The key usage of a TLS server's and client's certificate (RFC 5246 section 7.4.2, RFC 8446 section
 * 4.4.2.2): only an RSA key enciphers. For X509V3_EXT_nconf_nid(). */
const char *x509_key_usage_for(const EVP_PKEY *key);
#define X509_EXTENDED_KEY_USAGE "serverAuth,clientAuth"
