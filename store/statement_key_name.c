/* Apart from the other checks: shells judge keys too, and shall not have to load libcrypto for it. */
#include "store/statement_value.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

int statement_key_name(const char *value, char out[STATEMENT_KEY_NAME_SIZE], struct error *err)
{
    uint8_t blob[STATEMENT_VALUE_MAX];
    uint8_t digest[32];
    size_t length;

    if (value == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the public SSH key is missing");
    if (statement_key_bytes(value, blob, &length, err) != 0)
        return -1;
    if (EVP_Digest(blob, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return error_set(err, ERROR_INTERNAL, "OpenSSL has no SHA-256");
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int statement_name(const char *name, const char *value, char out[STATEMENT_NAME_SIZE], struct error *err)
{
    char key[STATEMENT_KEY_NAME_SIZE];
    bool open = statement_fits("username/*/sshkey", name);
    bool named = statement_fits("username/*/sshkey/*", name);

    if ((open || named) && statement_key_name(value, key, err) != 0)
        return -1;
    if (named && strcmp(strrchr(name, '/') + 1, key) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not the name of that key", SHOWN(name));
    if (snprintf(out, STATEMENT_NAME_SIZE, "%s%s%s", name, open ? "/" : "", open ? key : "") <
        STATEMENT_NAME_SIZE)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "there is no setting \"%.*s...\"", SHOWN(name));
}
