#include "ha/proof.h"

#include "base/hex.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

/* RFC 9266 section 3: label, an empty context, 32 bytes. */
#define EXPORTER_LABEL "EXPORTER-Channel-Binding"

#define SCRYPT_SALT "primesh high-availability authentication key 1"
#define SCRYPT_N (1ULL << 17)
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEMORY_MAX (160ULL << 20) /* bytes */

int proof_authkey_check(const char *authkey, struct error *err)
{
    size_t length = strlen(authkey);

    for (size_t i = 0; i < length && length <= PROOF_AUTHKEY_MAX; i++) {
        if (authkey[i] <= ' ' || authkey[i] > '~')
            length = PROOF_AUTHKEY_MAX + 1;
    }
    if (length >= 1 && length <= PROOF_AUTHKEY_MAX)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "an authentication key has 1 to %d letters, digits and signs of ASCII, and no blanks",
                     PROOF_AUTHKEY_MAX);
}

int proof_key_derive(const char *authkey, struct proof_key *out, struct error *err)
{
    if (EVP_PBE_scrypt(authkey, strlen(authkey), (const unsigned char *)SCRYPT_SALT, strlen(SCRYPT_SALT),
                       SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY_MAX, out->bytes, PROOF_KEY_SIZE) == 1)
        return 0;
    return error_set(err, ERROR_INTERNAL, "cannot derive the authentication key: out of memory");
}

int proof_nonce(uint8_t out[PROOF_NONCE_SIZE], struct error *err)
{
    return RAND_bytes(out, PROOF_NONCE_SIZE) == 1
               ? 0
               : error_set(err, ERROR_INTERNAL, "OpenSSL has no randomness");
}

/* Without the extended master secret two TLS 1.2 connections can be made to share an exporter value. */
int proof_exporter(SSL *ssl, uint8_t out[PROOF_EXPORTER_SIZE], struct error *err)
{
    if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
        return error_set(err, ERROR_UNTRUSTED,
                         "the connection cannot be proved: TLS 1.2 without the extended master secret");
    if (SSL_export_keying_material(ssl, out, PROOF_EXPORTER_SIZE, EXPORTER_LABEL, strlen(EXPORTER_LABEL),
                                   (const unsigned char *)"", 0, 1) == 1)
        return 0;
    return error_set(err, ERROR_INTERNAL, "TLS has no exporter value");
}

int proof_make(const uint8_t exporter[PROOF_EXPORTER_SIZE], const struct proof_key *key, enum proof_role role,
               const struct proof_facts *facts, uint8_t out[PROOF_SIZE], struct error *err)
{
    /* every part has a fixed size: nothing can slip from one into the next */
    uint8_t message[8 + PROOF_EXPORTER_SIZE + 2 * PROOF_NONCE_SIZE + 2 * (PROOF_NODE_SIZE - 1)];
    uint8_t *next = message;
    unsigned size = PROOF_SIZE;
    int result = -1;

    memcpy(next, role == PROOF_CALLER ? "caller  " : "callee  ", 8);
    next += 8;
    memcpy(next, exporter, PROOF_EXPORTER_SIZE);
    next += PROOF_EXPORTER_SIZE;
    memcpy(next, facts->nonce_caller, PROOF_NONCE_SIZE);
    next += PROOF_NONCE_SIZE;
    memcpy(next, facts->nonce_callee, PROOF_NONCE_SIZE);
    next += PROOF_NONCE_SIZE;
    memcpy(next, facts->node_caller, PROOF_NODE_SIZE - 1);
    next += PROOF_NODE_SIZE - 1;
    memcpy(next, facts->node_callee, PROOF_NODE_SIZE - 1);
    if (HMAC(EVP_sha256(), key->bytes, PROOF_KEY_SIZE, message, sizeof(message), out, &size) == NULL)
        error_set(err, ERROR_INTERNAL, "OpenSSL has no HMAC");
    else
        result = 0;
    OPENSSL_cleanse(message, sizeof(message));
    return result;
}

bool proof_is(const uint8_t one[PROOF_SIZE], const uint8_t other[PROOF_SIZE])
{
    return CRYPTO_memcmp(one, other, PROOF_SIZE) == 0;
}

void proof_hex(const uint8_t *bytes, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool proof_unhex(const char *text, uint8_t *bytes, size_t length)
{
    if (text == NULL || strlen(text) != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool proof_is_node(const char *text)
{
    return text != NULL && strlen(text) == PROOF_NODE_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == PROOF_NODE_SIZE - 1;
}
