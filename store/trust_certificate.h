/* The certificates of the trust stores, each under a file name of its own. */
#pragma once

#include "store/store.h"

#include <stddef.h>

#define TRUST_CERTIFICATE_PREFIX "trust/" /* of the settings that hold them */
#define TRUST_FILE_MAX 81                 /* bytes of a file name, the closing NUL included */
#define TRUST_CERTIFICATES_MAX 500        /* of all trust stores together */

struct trust_certificate {
    const char *store; /* "tomcat-trust" */
    const char *file;  /* "prime-sec.pem" */
    const uint8_t *der;
    size_t der_length;
    const char *node;    /* id of the node whose own certificate it is; "": imported */
    const char *purpose; /* of that own certificate, e.g. "tomcat-ECDSA" */
    const char *subject_slash;
    int64_t not_after_ms; /* 0: not noted */
    int64_t when_ms;
    const char *who;
    enum store_scope scope;
};

/* What is read lives until the transaction ends. ERROR_NOT_FOUND. */
int trust_certificate_get(struct store_txn *txn, const char *store, const char *file,
                          struct trust_certificate *out, struct error *err);

/* Adds or replaces it, in the scope it says. */
int trust_certificate_put(struct store_txn *txn, const struct trust_certificate *certificate,
                          struct error *err);

/* Deletes it; with pair scope the other node deletes its own copy too. ERROR_NOT_FOUND. */
int trust_certificate_delete(struct store_txn *txn, const char *store, const char *file,
                             enum store_scope scope, struct error *err);

/* Calls `each` with those of a store, or of all (NULL), by name, until it returns non-zero. */
int trust_certificate_each(struct store_txn *txn, const char *store,
                           int (*each)(void *arg, const struct trust_certificate *certificate), void *arg,
                           struct error *err);
