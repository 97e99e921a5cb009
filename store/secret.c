#include "store/secret.h"

#include "base/base64.h"
#include "store/statement.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 512

/* The kinds: bytes as seal_wrap() makes them under the setting's whole name, or their base64 under the name
 * behind the area of the configuration. */
enum kind { SECRET_NONE, SECRET_BYTES, SECRET_CONFIG };

/* Secrets beside those of the configuration (store/statement.c). A "*" at the end stands for anything. */
static const char *const sealed_settings[] = {
    "authz/encryption",  /* daemon/methods_authz.c */
    "purpose/authz/*",   /* daemon/purpose_keep.c: key and certificate, also a waiting and a requested one */
    "server-password/*", /* store/server.c */
};

static const char *const areas[] = {"running/", "startup/"};

static bool matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);

    return pattern[length - 1] == '*' ? strncmp(pattern, name, length - 1) == 0 : strcmp(pattern, name) == 0;
}

/* Also the name under which it is sealed. */
static enum kind find(const char *name, size_t length, char whole[NAME_SIZE], const char **sealed_as)
{
    if (length >= NAME_SIZE)
        return SECRET_NONE;
    memcpy(whole, name, length);
    whole[length] = '\0';
    *sealed_as = whole;
    for (size_t i = 0; i < sizeof(sealed_settings) / sizeof(sealed_settings[0]); i++) {
        if (matches(sealed_settings[i], whole))
            return SECRET_BYTES;
    }
    for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
        size_t area = strlen(areas[i]);
        const struct statement *statement =
            strncmp(whole, areas[i], area) == 0 ? statement_find(whole + area) : NULL;

        *sealed_as = whole + area;
        if (statement != NULL && statement->secret)
            return SECRET_CONFIG;
    }
    return SECRET_NONE;
}

bool secret_is(const char *name, size_t length)
{
    char whole[NAME_SIZE];
    const char *sealed_as;

    return find(name, length, whole, &sealed_as) != SECRET_NONE;
}

static uint8_t *allocate(size_t length, struct error *err)
{
    uint8_t *bytes = malloc(length + 1);

    if (bytes == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    return bytes;
}

void secret_free(uint8_t *bytes, size_t length)
{
    if (bytes != NULL)
        OPENSSL_cleanse(bytes, length);
    free(bytes);
}

static int open_bytes(const struct seal *seal, const char *name, const uint8_t *sealed, size_t length,
                      uint8_t **out, size_t *out_length, struct error *err)
{
    uint8_t *plain;

    if (length < SEAL_OVERHEAD || length > SECRET_PLAIN_MOST + SEAL_OVERHEAD)
        return error_set(err, ERROR_UNTRUSTED, "the sealed secret \"%s\" is cut short", name);
    plain = allocate(length - SEAL_OVERHEAD, err);
    if (plain == NULL)
        return -1;
    if (seal_unwrap(seal, name, sealed, length, plain, err) != 0) {
        free(plain);
        return -1;
    }
    *out = plain;
    *out_length = length - SEAL_OVERHEAD;
    return 0;
}

static int open_text(const struct seal *seal, const char *name, const uint8_t *text, size_t length,
                     uint8_t **out, size_t *out_length, struct error *err)
{
    char copy[BASE64_TEXT_SIZE(STATEMENT_SECRET_MAX + SEAL_OVERHEAD)];
    uint8_t sealed[sizeof(copy)];
    size_t size;

    if (length >= sizeof(copy))
        return error_set(err, ERROR_UNTRUSTED, "the sealed secret \"%s\" is too long", name);
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (!base64_decode(copy, sealed, &size))
        return error_set(err, ERROR_UNTRUSTED, "the sealed secret \"%s\" is not base64", name);
    return open_bytes(seal, name, sealed, size, out, out_length, err);
}

int secret_open(const struct seal *seal, const char *name, size_t name_length, const uint8_t *sealed,
                size_t length, uint8_t **out, size_t *out_length, struct error *err)
{
    char whole[NAME_SIZE];
    const char *sealed_as;

    switch (find(name, name_length, whole, &sealed_as)) {
    case SECRET_BYTES:
        return open_bytes(seal, sealed_as, sealed, length, out, out_length, err);
    case SECRET_CONFIG:
        return open_text(seal, sealed_as, sealed, length, out, out_length, err);
    default:
        return error_set(err, ERROR_INTERNAL, "the setting \"%.200s\" holds no secret", whole);
    }
}

static int seal_bytes(const struct seal *seal, const char *name, const uint8_t *plain, size_t length,
                      uint8_t **out, size_t *out_length, struct error *err)
{
    uint8_t *sealed;

    if (length > SECRET_PLAIN_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the secret \"%s\" is too long", name);
    sealed = allocate(length + SEAL_OVERHEAD, err);
    if (sealed == NULL)
        return -1;
    if (seal_wrap(seal, name, plain, length, sealed, err) != 0) {
        free(sealed);
        return -1;
    }
    *out = sealed;
    *out_length = length + SEAL_OVERHEAD;
    return 0;
}

static int seal_text(const struct seal *seal, const char *name, const uint8_t *plain, size_t length,
                     uint8_t **out, size_t *out_length, struct error *err)
{
    uint8_t *sealed = NULL;
    size_t size;
    char *text;

    if (length >= STATEMENT_SECRET_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the secret \"%s\" is too long", name);
    if (seal_bytes(seal, name, plain, length, &sealed, &size, err) != 0)
        return -1;
    text = (char *)allocate(BASE64_TEXT_SIZE(size), err);
    if (text != NULL)
        base64_encode(sealed, size, text);
    free(sealed);
    if (text == NULL)
        return -1;
    *out = (uint8_t *)text;
    *out_length = strlen(text);
    return 0;
}

int secret_seal(const struct seal *seal, const char *name, size_t name_length, const uint8_t *plain,
                size_t length, uint8_t **out, size_t *out_length, struct error *err)
{
    char whole[NAME_SIZE];
    const char *sealed_as;

    switch (find(name, name_length, whole, &sealed_as)) {
    case SECRET_BYTES:
        return seal_bytes(seal, sealed_as, plain, length, out, out_length, err);
    case SECRET_CONFIG:
        return seal_text(seal, sealed_as, plain, length, out, out_length, err);
    default:
        return error_set(err, ERROR_INTERNAL, "the setting \"%.200s\" holds no secret", whole);
    }
}
