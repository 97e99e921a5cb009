/* Strict reading of single fields. Only for this folder. */
#pragma once

#include "base/error.h"

#include <openssl/asn1.h>
#include <stdint.h>

/* A time of RFC 5280 section 4.1.2.5 in wall-clock milliseconds. ERROR_UNTRUSTED names `field` and its value.
 */
int form_time(const ASN1_TIME *time, const char *field, int64_t *out_ms, struct error *err);
