/* What can be configured: every name of the configuration, and what its value may be. The one place where a
 * value is judged: the shell asks it while a line is typed, primed before it keeps the value. */
#pragma once

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

#define STATEMENT_VALUE_MAX 16384 /* bytes of a value, its NUL included; an RSA key of 16384 bits fits */
#define STATEMENT_SECRET_MAX 512  /* bytes of a secret in clear, its NUL included */

struct statement {
    const char *name;       /* "hostname"; a part of "*" stands for any name of a user or repository */
    enum store_scope scope; /* of the records */
    bool secret;            /* the value is sealed */
    /* Writes the value as it is kept, or says what is wrong with it. */
    int (*check)(const char *value, char *out, size_t size, struct error *err);
};

/* NULL: no such setting. */
const struct statement *statement_find(const char *name);

/*
 * Judges a name and its value and writes the value as it is to be kept. A secret is judged in clear here, and
 * sealed afterwards. ERROR_INVALID_ARGUMENT with a sentence: `<value> is not ...`.
 */
int statement_check(const char *name, const char *value, char out[STATEMENT_VALUE_MAX], struct error *err);

/* The parts of names that people choose. ERROR_INVALID_ARGUMENT. */
int statement_check_user(const char *name, struct error *err);
int statement_check_repository(const char *name, struct error *err);

/* The algorithms that an SSH key may have; NULL behind the last one. */
const char *statement_key_algorithm(size_t index);

/* The last part of the name of an SSH key, "username/<user>/sshkey/<this>": the SHA-256 of the key's bytes,
 * in hexadecimal. `value` is "<algorithm> <base64>[ <comment>]". ERROR_INVALID_ARGUMENT: it is no key. */
#define STATEMENT_KEY_NAME_SIZE 65
int statement_key_name(const char *value, char out[STATEMENT_KEY_NAME_SIZE], struct error *err);

#define STATEMENT_NAME_SIZE 256
/*
 * The name that a value is kept under. That is `name`, except that a key's is made from the key: given as
 * "username/<user>/sshkey" alone it is completed. ERROR_INVALID_ARGUMENT: the value is no key, or not the one
 * that is named.
 */
int statement_name(const char *name, const char *value, char out[STATEMENT_NAME_SIZE], struct error *err);

/* The pair's heartbeats: milliseconds between two, and how many must be missed in a row. */
#define STATEMENT_HEARTBEAT_MS_DEFAULT 5000
#define STATEMENT_HEARTBEAT_MS_LEAST 50
#define STATEMENT_HEARTBEAT_MS_MOST 60000
#define STATEMENT_MISSES_DEFAULT 3
#define STATEMENT_MISSES_LEAST 1
#define STATEMENT_MISSES_MOST 100
