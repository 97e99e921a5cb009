/* How an identity lies in a file. Only for this folder. */
#pragma once

#include "identity/identity.h"

#include <limits.h>
#include <stddef.h>

#define KEEP_SIZE_MAX (1024 * 1024) /* bytes; a key, a certificate and its chain have some 10,000 */

int keep_path(const char *folder, const char *file, char path[PATH_MAX], struct error *err);

/* ERROR_DENIED when others than its owner can use the file; ERROR_NOT_FOUND. */
int keep_check_private(const char *path, struct error *err);

/* Key, certificate and chain as PEM; free with BIO_free(), which wipes them. */
BIO *keep_to_pem(const struct identity *identity, struct error *err);

/* `path` is for the error's sentence. */
struct identity *keep_from_pem(const char *data, size_t length, const char *path, struct error *err);

int keep_save(const struct identity *identity, const char *folder, const char *file, struct error *err);
struct identity *keep_load(const char *folder, const char *file, struct error *err);

/* For OpenSSL, which would ask for a passphrase on the terminal otherwise. */
int keep_no_passphrase(char *out, int size, int writing, void *arg);
