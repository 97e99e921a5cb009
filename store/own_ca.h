/* The CA certificates that a node's own certificate is served and checked with, each under an alias. */
#pragma once

#include "base/fingerprint.h"
#include "store/store.h"

#include <stddef.h>

#define OWN_CA_MAX 500      /* certificates */
#define OWN_CA_ALIAS_MAX 65 /* bytes, the closing NUL included */

struct own_ca {
    char alias[OWN_CA_ALIAS_MAX];
    uint8_t sha256[FINGERPRINT_SIZE]; /* key of certificate_get() */
};

/* Letters, digits, ".", "_" and "-", not starting with "-" or ".". ERROR_INVALID_ARGUMENT. */
int own_ca_check_alias(const char *alias, struct error *err);

/* All of them, in the order they came; none is an empty list. The caller frees. */
int own_ca_list(struct store_txn *txn, struct own_ca **list, size_t *count, struct error *err);

/* Replaces the list (node scope). */
int own_ca_set(struct store_txn *txn, const struct own_ca *list, size_t count, struct error *err);
