/* Whom to ask whether a certificate was revoked (OCSP, RFC 6960), and what no answer means. */
#pragma once

#include "store/store.h"

#define OCSP_URL_MAX 513 /* bytes of a responder's address, the closing NUL included */
#define OCSP_URLS 2      /* custom responders */

struct ocsp_setting {
    bool custom; /* the responders below are asked, not those that certificates name */
    bool hard;   /* a certificate without an answer is refused; otherwise only a revoked one is */
    char urls[OCSP_URLS][OCSP_URL_MAX]; /* "": not set */
};

/* All false and empty where nothing was set. */
int ocsp_setting_get(struct store_txn *txn, struct ocsp_setting *out, struct error *err);

/* Pair scope. What a responder's address may look like is trust/'s business. */
int ocsp_setting_set(struct store_txn *txn, const struct ocsp_setting *setting, struct error *err);
