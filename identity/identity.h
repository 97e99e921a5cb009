/* A server's own private key and certificate, and where a node keeps them. */
#pragma once

#include "base/certificate_facts.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* What a self-signed certificate is to hold. */
struct identity_spec {
    const char *subject;      /* "/C=US/.../CN=prime-pri" */
    const char *const *names; /* subject alternative names, "DNS:..." or "IP:..."; may be NULL */
    size_t name_count;
    int days; /* validity from now; 0: IDENTITY_DAYS */
};
#define IDENTITY_DAYS 1825
#define IDENTITY_RSA_BITS 2048 /* of the key that a node or a stand-in makes for itself */

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * chain; /* issuers served with it; may be NULL */
};

/* Makes a new key and a self-signed certificate. ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
struct identity *identity_generate(const struct identity_spec *spec, struct error *err);
void identity_free(struct identity *identity);

/* Writes <folder>/server.key (0600) and <folder>/server.crt; each whole or not at all, key first.
 * The folder is made (0700) where missing. */
int identity_save(const struct identity *identity, const char *folder, struct error *err);

/* Reads them back and checks that they belong together. ERROR_NOT_FOUND: neither is there.
 * ERROR_CONFLICT: they do not belong together. ERROR_INVALID_ARGUMENT: unreadable. */
struct identity *identity_load(const char *folder, struct error *err);

/* Loads, or on the first start makes and saves. */
struct identity *identity_ensure(const char *folder, const struct identity_spec *spec, struct error *err);
