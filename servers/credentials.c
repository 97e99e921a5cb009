#include "servers/credentials.h"

#include <openssl/crypto.h>
#include <string.h>

int credentials_seal(const struct seal *seal, struct server *server, const char *password,
                     uint8_t out[SERVER_SEALED_MAX], struct error *err)
{
    char name[SERVER_SEAL_NAME_MAX];
    size_t length = strlen(password);

    if (server_check_password(password, err) != 0)
        return -1;
    server_seal_name(server->kind, server->address.host, name);
    if (seal_wrap(seal, name, password, length, out, err) != 0)
        return -1;
    server->password = out;
    server->password_length = length + SEAL_OVERHEAD;
    return 0;
}

int credentials_open(const struct seal *seal, const struct server *server, char out[SERVER_PASSWORD_MAX],
                     struct error *err)
{
    char name[SERVER_SEAL_NAME_MAX];
    struct error cause = {0};

    server_seal_name(server->kind, server->address.host, name);
    if (server->password_length <= SEAL_OVERHEAD || server->password_length >= SERVER_SEALED_MAX)
        error_set(&cause, ERROR_UNTRUSTED, "the sealed password has an impossible length");
    else if (seal_unwrap(seal, name, server->password, server->password_length, out, &cause) == 0) {
        out[server->password_length - SEAL_OVERHEAD] = '\0';
        return 0;
    }
    if (cause.code != ERROR_UNTRUSTED) {
        if (err != NULL)
            *err = cause;
        return -1;
    }
    error_set(err, ERROR_UNTRUSTED,
              "the password of the %s server %s was sealed with another key than this node's, or altered",
              server_kind_title(server->kind), server->address.host);
    return error_hint(err, "enter it again with: ncs server %s edit %s password",
                      server_kind_name(server->kind), server->address.host);
}

/* Kept: the time until which it is good, then its bytes. */
void token_load(struct store_txn *txn, const struct seal *seal, const struct server *server,
                struct dnac_token *out)
{
    uint8_t plain[sizeof(int64_t) + DNAC_TOKEN_MAX];
    char name[SERVER_SEAL_NAME_MAX];
    const uint8_t *sealed;
    size_t length;

    *out = (struct dnac_token){0};
    server_token_seal_name(server->kind, server->address.host, name);
    if (server_token_get(txn, server->kind, server->address.host, &sealed, &length, NULL) != 0 ||
        length <= SEAL_OVERHEAD + sizeof(int64_t) || length >= SERVER_TOKEN_SEALED_MAX ||
        seal_unwrap(seal, name, sealed, length, plain, NULL) != 0)
        return;
    length -= SEAL_OVERHEAD + sizeof(int64_t);
    memcpy(&out->until_ms, plain, sizeof(out->until_ms));
    memcpy(out->text, plain + sizeof(out->until_ms), length);
    out->text[length] = '\0';
    OPENSSL_cleanse(plain, sizeof(plain));
}

int token_keep(struct store_txn *txn, const struct seal *seal, const struct server *server,
               const struct dnac_token *token, struct error *err)
{
    uint8_t plain[sizeof(int64_t) + DNAC_TOKEN_MAX];
    uint8_t sealed[SERVER_TOKEN_SEALED_MAX];
    char name[SERVER_SEAL_NAME_MAX];
    size_t length = strlen(token->text);
    int result;

    if (length == 0)
        return server_token_put(txn, server->kind, server->address.host, NULL, 0, err);
    server_token_seal_name(server->kind, server->address.host, name);
    memcpy(plain, &token->until_ms, sizeof(token->until_ms));
    memcpy(plain + sizeof(token->until_ms), token->text, length);
    length += sizeof(token->until_ms);
    result = seal_wrap(seal, name, plain, length, sealed, err);
    OPENSSL_cleanse(plain, sizeof(plain));
    if (result != 0)
        return -1;
    return server_token_put(txn, server->kind, server->address.host, sealed, length + SEAL_OVERHEAD, err);
}
