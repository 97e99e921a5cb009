/* What the trust stores show of the node's own certificates. */
#pragma once

#include "base/purpose.h"
#include "store/trust_certificate.h"

#include <openssl/x509.h>

/* The trust stores in which the purpose's certificate is shown; NULL behind the last. */
void purpose_shown_in(const struct purpose *purpose, const char *out[3]);

/* A file name for the certificate in a trust store that no other has there: "<common name>.pem". */
int purpose_trust_name(struct store_txn *txn, X509 *certificate, const char *store, char file[TRUST_FILE_MAX],
                       struct error *err);

/* In a job: has the trust stores show `shown`, which is in service from now on at the node of that id, in the
 * stead of the one before. */
int purpose_shown_put(struct store_txn *txn, const char *node, const struct purpose *purpose, X509 *shown,
                      struct error *err);
