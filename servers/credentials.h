/* The secrets of registered servers, sealed under the node's key and the server's name. */
#pragma once

#include "servers/dnac.h"
#include "store/seal.h"

#define SERVER_SEALED_MAX (SERVER_PASSWORD_MAX + SEAL_OVERHEAD)
#define SERVER_TOKEN_SEALED_MAX (sizeof(int64_t) + DNAC_TOKEN_MAX + SEAL_OVERHEAD)

/* Seals a password for kind and host of `server` into `out`, which server->password points to from then on.
 */
int credentials_seal(const struct seal *seal, struct server *server, const char *password,
                     uint8_t out[SERVER_SEALED_MAX], struct error *err);

/* The password in clear; the caller wipes it. ERROR_UNTRUSTED: sealed by another key, or altered. */
int credentials_open(const struct seal *seal, const struct server *server, char out[SERVER_PASSWORD_MAX],
                     struct error *err);

/* Reads the token that is kept; none where there is none, or it does not open. Wipe it. */
void token_load(struct store_txn *txn, const struct seal *seal, const struct server *server,
                struct dnac_token *out);

/* Keeps a renewed token, to be run inside a store job; its `renewed` stays. */
int token_keep(struct store_txn *txn, const struct seal *seal, const struct server *server,
               const struct dnac_token *token, struct error *err);
