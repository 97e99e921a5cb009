/*
 * Chains that were verified already. Whether a chain holds follows from its certificates, the CA certificates
 * and the time alone: as long as none of these is different, computing the signatures again would tell
 * nothing new. A chain is kept the second time its server is seen: one that is met once costs next to
 * nothing here. Safe from any thread. Only for this folder.
 */
#pragma once

#include "base/fingerprint.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* What a verification rests on. Nothing of it is kept. */
struct path_shown {
    uint64_t anchors;      /* the zone's CA certificates, by a number that no others get */
    const uint8_t *sha256; /* of the server's certificate */
    X509 *certificate;
    STACK_OF(X509) * chain; /* all that was sent; may be NULL */
};

/*
 * *path is the chain that held, made of what is shown this time (the same as then) and CA certificates; NULL
 * where none is known, or one of it is not valid at now_ms. Free with sk_X509_pop_free(). True: the path
 * that is found instead is worth path_cache_put().
 */
bool path_cache_get(const struct path_shown *shown, int64_t now_ms, STACK_OF(X509) * *path);

/* Keeps where the certificates of a verified chain come from; of these it holds only the zone's own. */
void path_cache_put(const struct path_shown *shown, STACK_OF(X509) * path);
