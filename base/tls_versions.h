/* The versions of TLS that our own server accepts, as they are typed and shown. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

#define TLS_VERSIONS_SETTING "tls-server-versions" /* name in the store */
#define TLS_VERSIONS_TEXT_MAX 32
#define TLS_VERSIONS_DEFAULT "TLSv1.2 TLSv1.3"

struct tls_versions {
    bool v12;
    bool v13;
};

/*
 * Reads names such as "TLSv1.2 TLSv1.3", parted by blanks or commas, in any order. ERROR_INVALID_ARGUMENT:
 * no such version, none at all, or one that is withdrawn (TLS 1.0 and 1.1: RFC 8996).
 */
int tls_versions_parse(const char *text, struct tls_versions *out, struct error *err);

/* "TLSv1.2 TLSv1.3", with that separator. */
void tls_versions_format(const struct tls_versions *versions, char separator,
                         char out[TLS_VERSIONS_TEXT_MAX]);
