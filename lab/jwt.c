#include "lab/jwt.h"

#include "base/base64.h"
#include "base/text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define SIGNATURE_BYTES 32
#define TOKEN_MAX 8192

/* Base64 without padding, and with the two digits that need no escaping in a URL (RFC 4648 section 5). */
static void add_base64url(struct text *out, const void *bytes, size_t length)
{
    char *encoded = malloc(BASE64_TEXT_SIZE(length));

    if (encoded == NULL) {
        out->failed = true;
        return;
    }
    base64_encode(bytes, length, encoded);
    encoded[strcspn(encoded, "=")] = '\0';
    for (char *c = encoded; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text_add_string(out, encoded);
    free(encoded);
}

/* Bytes of such a part of `length` digits, NUL behind them; NULL: it is none. The caller frees. */
static char *decode_base64url(const char *part, size_t length, size_t *out_length)
{
    struct text padded = {0};
    char *bytes = malloc(length + 1);

    for (size_t i = 0; i < length; i++) {
        char digit = part[i] == '-' ? '+' : part[i] == '_' ? '/' : part[i];

        /* the other alphabet's digits would make two texts of one token */
        text_add(&padded, strchr("+/=", part[i]) != NULL ? "." : &digit, 1);
    }
    text_add(&padded, "===", (4 - length % 4) % 4);
    if (bytes == NULL || padded.failed || padded.length == 0 ||
        !base64_decode(padded.data, (uint8_t *)bytes, out_length)) {
        free(bytes);
        bytes = NULL;
    } else {
        bytes[*out_length] = '\0';
    }
    text_free(&padded);
    return bytes;
}

static void sign(const char *text, size_t length, const void *secret, size_t secret_length,
                 unsigned char out[SIGNATURE_BYTES])
{
    unsigned int size = SIGNATURE_BYTES;

    HMAC(EVP_sha256(), secret, (int)secret_length, (const unsigned char *)text, length, out, &size);
}

char *jwt_sign(const json_t *claims, const void *secret, size_t secret_length)
{
    char *payload = json_dumps(claims, JSON_COMPACT);
    unsigned char signature[SIGNATURE_BYTES];
    struct text token = {0};

    if (payload == NULL)
        return NULL;
    add_base64url(&token, HEADER, strlen(HEADER));
    text_add_string(&token, ".");
    add_base64url(&token, payload, strlen(payload));
    free(payload);
    if (!token.failed) {
        sign(token.data, token.length, secret, secret_length, signature);
        text_add_string(&token, ".");
        add_base64url(&token, signature, sizeof(signature));
    }
    return text_take(&token);
}

static bool is_signed(const char *token, const char *signature_part, const void *secret, size_t secret_length)
{
    unsigned char expected[SIGNATURE_BYTES];
    size_t length = 0;
    char *given = decode_base64url(signature_part, strlen(signature_part), &length);
    bool same;

    sign(token, (size_t)(signature_part - 1 - token), secret, secret_length, expected);
    same = given != NULL && length == sizeof(expected) && CRYPTO_memcmp(given, expected, length) == 0;
    free(given);
    return same;
}

json_t *jwt_verify(const char *token, const void *secret, size_t secret_length)
{
    const char *payload = strchr(token, '.');
    const char *signature = payload == NULL ? NULL : strchr(payload + 1, '.');
    json_t *claims = NULL;
    size_t length;
    char *text;

    /* We sign with one algorithm only: what the token's header says about that is not asked. */
    if (signature == NULL || strlen(token) > TOKEN_MAX ||
        !is_signed(token, signature + 1, secret, secret_length))
        return NULL;
    text = decode_base64url(payload + 1, (size_t)(signature - payload - 1), &length);
    if (text != NULL)
        claims = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return claims;
}
