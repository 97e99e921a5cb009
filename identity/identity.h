/* A server's own private key and certificate, and where a node keeps them. */
#pragma once

#include "base/certificate_facts.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

/* What a self-signed certificate is to hold. */
struct identity_spec {
    const char *subject;      /* "/C=US/.../CN=prime-pri" */
    const char *const *names; /* subject alternative names, "DNS:..." or "IP:..."; may be NULL */
    size_t name_count;
    int days; /* validity from now; 0: IDENTITY_DAYS */
};
#define IDENTITY_DAYS 1825
#define IDENTITY_DAYS_MAX 36500
#define IDENTITY_RSA_BITS 2048 /* of the key that a node or a stand-in makes for itself */

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * chain; /* issuers served with it; may be NULL */
};

/* Makes a new key and a self-signed certificate for TLS servers and clients, valid from this second on (a pin
 * asks for no time, so nothing is gained by dating it back). ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
struct identity *identity_generate(const struct identity_spec *spec, struct error *err);
void identity_free(struct identity *identity);

/* The same with a key of any kind, which is taken over (freed where it fails), and a subject and names (may
 * be NULL) that are built already. */
struct identity *identity_self_signed(EVP_PKEY *key, const X509_NAME *subject, const GENERAL_NAMES *names,
                                      int days, struct error *err);

/*
 * One file holds all of it: private key (PKCS#8), certificate, chain, in PEM. So a power cut leaves the old
 * identity or the new one, never a key beside another key's certificate; and `openssl x509 -in` reads it too.
 */
#define IDENTITY_FILE "server.pem"

/* Writes <folder>/server.pem (0600), whole or not at all. The folder is made (0700) where missing.
 * ERROR_STORE_FULL, ERROR_DENIED, ERROR_INTERNAL. */
int identity_save(const struct identity *identity, const char *folder, struct error *err);

/* Reads it back and checks that key and certificate belong together. ERROR_NOT_FOUND: no such file.
 * ERROR_DENIED: others can read the key. ERROR_CONFLICT: they do not belong together.
 * ERROR_INVALID_ARGUMENT: a part is missing or unreadable. Each but the first with what to do. */
struct identity *identity_load(const char *folder, struct error *err);

/* Loads, or on the first start makes and saves. */
struct identity *identity_ensure(const char *folder, const struct identity_spec *spec, struct error *err);
