/* Which settings hold a secret, sealed under this node's key: each node seals its own copy. */
#pragma once

#include "store/seal.h"
#include "store/store.h"

#include <stddef.h>

#define SECRET_PLAIN_MOST (1024 * 1024) /* bytes of a secret in clear: a key and its chain */

/* True if the setting of that name holds a sealed secret. `length` of name, which needs no NUL. */
bool secret_is(const char *name, size_t length);

/* Opens and seals the value of such a setting. The caller frees *out, with secret_free(). ERROR_UNTRUSTED: it
 * was sealed under another key. */
int secret_open(const struct seal *seal, const char *name, size_t name_length, const uint8_t *sealed,
                size_t length, uint8_t **out, size_t *out_length, struct error *err);
int secret_seal(const struct seal *seal, const char *name, size_t name_length, const uint8_t *plain,
                size_t length, uint8_t **out, size_t *out_length, struct error *err);
void secret_free(uint8_t *bytes, size_t length); /* wipes */
