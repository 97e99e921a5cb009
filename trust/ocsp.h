/*
 * Was a certificate revoked? What is known of it, what to ask, and what an answer is worth (RFC 6960). Only
 * for this folder.
 */
#pragma once

#include "trust/ocsp_cache.h"
#include "trust/trust.h"

#define OCSP_SKEW_S 300                         /* between a responder's clock and ours */
#define OCSP_OPEN_END_S 86400                   /* an answer without nextUpdate counts for so long */
#define OCSP_OPEN_END_KEPT_MS (5 * 60 * 1000LL) /* and is kept for so long */
#define OCSP_KEPT_MOST_MS (10 * 86400 * 1000LL) /* whatever its nextUpdate says */

/* One certificate of a verified chain, and who is asked about it. */
struct ocsp_subject {
    STACK_OF(X509) * path; /* borrowed */
    int depth;             /* of the certificate; its issuer is the next */
    X509_STORE *anchors;   /* borrowed */
    size_t url_count;
    char urls[OCSP_URLS][OCSP_URL_MAX];
    uint8_t key[OCSP_KEY_SIZE]; /* in the cache; none where nobody is asked */
};

/* Fills in who is asked: the custom responders, or those that the certificate names. `depth` is below the
 * path's last. -1: out of memory. */
int ocsp_subject_init(struct ocsp_subject *subject, STACK_OF(X509) * path, int depth, X509_STORE *anchors,
                      const struct ocsp_setting *setting, struct error *err);

/*
 * What an answer says of the subject, as long as it is sound: signed by the issuer or by whom it appointed
 * for this, about this certificate, of this time. ERROR_UNTRUSTED, with what is wrong.
 */
int ocsp_read(const struct ocsp_subject *subject, const void *answer, size_t length, int64_t now_ms,
              struct ocsp_entry *out, struct error *err);

/* A need that outlives the judgement. NULL: out of memory. */
struct trust_need *ocsp_need_new(const struct ocsp_subject *subject, struct error *err);
