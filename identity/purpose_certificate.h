/* What a purpose asks of its keys, requests and certificates. */
#pragma once

#include "base/purpose.h"
#include "identity/identity.h"
#include "identity/key.h"
#include "x509/request.h"

/* The kind of its first key. */
struct key_kind purpose_key_kind(const struct purpose *purpose);

#define PURPOSE_USAGE_MAX 160
struct purpose_usage {
    char key_usage[PURPOSE_USAGE_MAX];
    char extended[PURPOSE_USAGE_MAX];
    struct x509_usage usage; /* points to the texts above */
};
/* The extensions of a request, or (self_signed) of the certificate that the node makes itself. */
void purpose_usage(const struct purpose *purpose, bool self_signed, struct purpose_usage *out);

/*
 * The subject: that of the node with the common name of the purpose. `base` is in slash form ("/O=x/CN=y").
 * ERROR_INVALID_ARGUMENT. The caller frees.
 */
X509_NAME *purpose_subject(const struct purpose *purpose, const char *base, const char *hostname,
                           struct error *err);

/* May this certificate serve the purpose as its own at `now_ms`? Beside accept_certificate(): CAPF needs a
 * CA's certificate. ERROR_UNTRUSTED. */
struct node_names;
int purpose_accept(const struct purpose *purpose, X509 *certificate, const struct node_names *node,
                   int64_t now_ms, struct error *err);
