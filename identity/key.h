/* Private keys: which kinds there are, and making one. */
#pragma once

#include "base/error.h"

#include <openssl/evp.h>
#include <stdbool.h>

enum key_algorithm { KEY_RSA, KEY_EC, KEY_ED25519 };

struct key_kind {
    enum key_algorithm algorithm;
    int size; /* bits of the RSA modulus; 256, 384, 521 for P-256, P-384, P-521; 0 for Ed25519 */
};
#define KEY_RSA_DEFAULT 4096
#define KEY_EC_DEFAULT 256
#define KEY_SIZE_TEXT_MAX 16

/* Reads "rsa", "ec", "ed25519" (any case). ERROR_INVALID_ARGUMENT lists them. */
int key_algorithm_parse(const char *text, enum key_algorithm *out, struct error *err);
const char *key_algorithm_name(enum key_algorithm algorithm);

/*
 * Reads the size that goes with an algorithm: 2048, 3072, 4096 or 8192 for RSA; "P-256", "256" and so on for
 * EC; Ed25519 takes none. NULL or "" gives the default. ERROR_INVALID_ARGUMENT lists what there is.
 */
int key_size_parse(enum key_algorithm algorithm, const char *text, struct key_kind *out, struct error *err);

/* "4096", "P-256", "" */
void key_size_format(const struct key_kind *kind, char out[KEY_SIZE_TEXT_MAX]);

/* The kind of a key that may come from anywhere; false if it is none that we make. */
bool key_kind_of(const EVP_PKEY *key, struct key_kind *out);

/*
 * Makes a key; blocks for as long as it takes (an 8,192-bit RSA key: many seconds). `cancelled` (may be NULL)
 * is asked now and then. ERROR_BUSY: cancelled. ERROR_INTERNAL. The caller frees with EVP_PKEY_free(), which
 * wipes it.
 */
EVP_PKEY *key_generate(const struct key_kind *kind, bool (*cancelled)(void *arg), void *arg,
                       struct error *err);

/* Does the private half fit the public one? A file may hold halves that do not: nothing signed with such a
 * key holds, though key and certificate seem to belong together. Signs something and verifies it.
 * ERROR_UNTRUSTED. */
int key_check_halves(EVP_PKEY *key, struct error *err);
