/* What is to be generated: the answers of the genkey dialog, with the certificate in service for the rest. */
#pragma once

#include "daemon/request.h"
#include "identity/key.h"

#include <openssl/x509v3.h>

/* The parts of a subject that are asked for, in the order they stand in it. */
struct subject_part {
    const char *name; /* of the parameter: "cn" */
    int nid;
    const char *what; /* for an error's sentence */
};
#define SUBJECT_PARTS 6
extern const struct subject_part subject_parts[SUBJECT_PARTS];

struct key_plan {
    X509_NAME *subject;
    GENERAL_NAMES *names;
    struct key_kind kind;
    const char *csr;        /* file to write the request to; NULL: a self-signed certificate */
    const char *repository; /* of that file */
};

/* Free with key_plan_clear(), also when it fails. ERROR_INVALID_ARGUMENT names the answer that will not do.
 */
int key_plan_make(const struct request *request, X509 *in_service, struct key_plan *plan, struct error *err);
void key_plan_clear(struct key_plan *plan);

/* {"cn", "ou", "o", "l", "st", "c", "san", "algorithm", "size"} of the certificate in service: the dialog's
 * presets. A part that has no value, or one that cannot be shown, is "". New reference. */
json_t *key_plan_defaults(X509 *in_service);
