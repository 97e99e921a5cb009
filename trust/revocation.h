/* Was a certificate of a verified chain revoked? Only for this folder. */
#pragma once

#include "trust/trust.h"

struct revocation {
    STACK_OF(X509) * path; /* verified: from the server's certificate to a CA certificate of the zone */
    X509_STORE *anchors;
    const struct trust_shown *shown;
    const struct ocsp_setting *setting;
    int64_t now_ms;
    struct trust_need **need; /* NULL: nothing can be fetched */
};

/*
 * TRUST_VALIDATED (with a sentence in verdict->error where it rests on a soft failure), TRUST_REVOKED,
 * TRUST_UNKNOWN_STATUS; TRUST_UNDECIDED with *need set, or an ERROR_INTERNAL.
 */
enum trust_outcome revocation_check(const struct revocation *revocation, struct trust_verdict *verdict);
