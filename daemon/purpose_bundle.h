/* Certificates that come in, and those that are there already. */
#pragma once

#include "daemon/purpose_keep.h"
#include "x509/bundle.h"

/* What the request brings: a file of a repository, or pasted PEM. Free with x509_bundle_free(). */
STACK_OF(X509) * purpose_read_bundle(const struct request *request, struct error *err);

/* What a trust store holds. Free with x509_bundle_free(). */
STACK_OF(X509) * purpose_trusted(struct store_txn *txn, const char *store, struct error *err);
