/* What a CTL file repeats of a certificate. Only for this folder. */
#pragma once

#include "x509/ctl.h"

enum { CTL_SHA512 = 2, CTL_RSA = 1 }; /* DIGESTALGORITHM, SIGNATUREALGORITHM */

/* The fields from CTL_SUBJECTNAME to CTL_CERTIFICATE as they stand in a record, FUNCTION apart. */
struct ctl_facts {
    struct ctl_field fields[CTL_RECORD_FIELDS + 1];
    char *subject;
    char *issuer;
    unsigned char *serial;
    unsigned char *key;
    unsigned char *der;
};

/* Free with ctl_facts_clear(), also when it fails. ERROR_UNTRUSTED, ERROR_INTERNAL. */
int ctl_facts_of(X509 *certificate, struct ctl_facts *out, struct error *err);
void ctl_facts_clear(struct ctl_facts *facts);
