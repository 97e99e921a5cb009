/* JSON Web Tokens (RFC 7519), signed with HMAC-SHA256 (RFC 7515, HS256): what a DNA Center hands out. */
#pragma once

#include <jansson.h>
#include <stddef.h>

/* The claims as a signed token, which the caller frees; NULL: out of memory. */
char *jwt_sign(const json_t *claims, const void *secret, size_t secret_length);

/* The claims of a token that this secret signed (a new reference); NULL for any other text. What they say,
 * e.g. about the time, is the caller's to judge. */
json_t *jwt_verify(const char *token, const void *secret, size_t secret_length);
