#include "identity/key.h"

#include "base/text.h"
#include "x509/x509.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const algorithm_names[] = {[KEY_RSA] = "rsa", [KEY_EC] = "ec", [KEY_ED25519] = "ed25519"};
#define ALGORITHM_COUNT (sizeof(algorithm_names) / sizeof(algorithm_names[0]))

/* Every size there is. */
static const struct {
    struct key_kind kind;
    const char *name;
    const char *other; /* accepted, too */
} sizes[] = {
    {{KEY_RSA, 2048}, "2048", "2048"}, {{KEY_RSA, 3072}, "3072", "3072"}, {{KEY_RSA, 4096}, "4096", "4096"},
    {{KEY_RSA, 8192}, "8192", "8192"}, {{KEY_EC, 256}, "P-256", "256"},   {{KEY_EC, 384}, "P-384", "384"},
    {{KEY_EC, 521}, "P-521", "521"},
};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

static int refuse(const char *text, const char *what, const char *list, struct error *err)
{
    struct text shown = {0};

    text_add_escaped(&shown, text, strnlen(text, 40), NULL);
    error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" is not %s: %s", shown.data ? shown.data : "", what, list);
    text_free(&shown);
    return -1;
}

int key_algorithm_parse(const char *text, enum key_algorithm *out, struct error *err)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (strcasecmp(text, algorithm_names[i]) == 0) {
            *out = (enum key_algorithm)i;
            return 0;
        }
    }
    return refuse(text, "a public key algorithm", "rsa, ec or ed25519", err);
}

const char *key_algorithm_name(enum key_algorithm algorithm)
{
    return algorithm_names[algorithm];
}

int key_size_parse(enum key_algorithm algorithm, const char *text, struct key_kind *out, struct error *err)
{
    static const struct key_kind defaults[] = {[KEY_RSA] = {KEY_RSA, KEY_RSA_DEFAULT},
                                               [KEY_EC] = {KEY_EC, KEY_EC_DEFAULT},
                                               [KEY_ED25519] = {KEY_ED25519, 0}};

    *out = defaults[algorithm];
    if (text == NULL || text[0] == '\0')
        return 0;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        if (sizes[i].kind.algorithm == algorithm &&
            (strcasecmp(text, sizes[i].name) == 0 || strcmp(text, sizes[i].other) == 0)) {
            *out = sizes[i].kind;
            return 0;
        }
    }
    if (algorithm == KEY_RSA)
        return refuse(text, "a size of an RSA key", "2048, 3072, 4096 or 8192", err);
    if (algorithm == KEY_EC)
        return refuse(text, "an EC curve", "P-256, P-384 or P-521", err);
    return refuse(text, "a size of an Ed25519 key", "all of them have the same", err);
}

void key_size_format(const struct key_kind *kind, char out[KEY_SIZE_TEXT_MAX])
{
    out[0] = '\0';
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        if (sizes[i].kind.algorithm == kind->algorithm && sizes[i].kind.size == kind->size)
            snprintf(out, KEY_SIZE_TEXT_MAX, "%s", sizes[i].name);
    }
}

bool key_kind_of(const EVP_PKEY *key, struct key_kind *out)
{
    char group[64] = "";

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
        *out = (struct key_kind){KEY_ED25519, 0};
        return true;
    case EVP_PKEY_RSA:
        *out = (struct key_kind){KEY_RSA, EVP_PKEY_get_bits(key)};
        break;
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
            EC_curve_nid2nist(OBJ_txt2nid(group)) == NULL)
            return false;
        *out = (struct key_kind){KEY_EC, EVP_PKEY_get_bits(key)};
        break;
    default:
        return false;
    }
    key_size_format(out, group);
    return group[0] != '\0';
}

struct watch {
    bool (*cancelled)(void *arg);
    void *arg;
    bool stopped;
};

/* OpenSSL calls this between two candidates for a prime; 0 ends the search. */
static int go_on(EVP_PKEY_CTX *context)
{
    struct watch *watch = EVP_PKEY_CTX_get_app_data(context);

    watch->stopped = watch->stopped || (watch->cancelled != NULL && watch->cancelled(watch->arg));
    return !watch->stopped;
}

static EVP_PKEY_CTX *make_context(const struct key_kind *kind)
{
    static const char *const openssl_names[] = {
        [KEY_RSA] = "RSA", [KEY_EC] = "EC", [KEY_ED25519] = "ED25519"};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, openssl_names[kind->algorithm], NULL);
    char curve[KEY_SIZE_TEXT_MAX];
    int done = context != NULL && EVP_PKEY_keygen_init(context) == 1;

    if (done && kind->algorithm == KEY_RSA) {
        done = EVP_PKEY_CTX_set_rsa_keygen_bits(context, kind->size) == 1;
    } else if (done && kind->algorithm == KEY_EC) {
        key_size_format(kind, curve);
        done = EVP_PKEY_CTX_set_group_name(context, curve) == 1;
    }
    if (done)
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

EVP_PKEY *key_generate(const struct key_kind *kind, bool (*cancelled)(void *arg), void *arg,
                       struct error *err)
{
    struct watch watch = {cancelled, arg, false};
    EVP_PKEY_CTX *context = make_context(kind);
    EVP_PKEY *key = NULL;

    if (context != NULL) {
        EVP_PKEY_CTX_set_app_data(context, &watch);
        EVP_PKEY_CTX_set_cb(context, go_on);
        if (EVP_PKEY_generate(context, &key) != 1)
            key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    if (key == NULL && watch.stopped) {
        ERR_clear_error();
        error_set(err, ERROR_BUSY, "the making of the key was cut short");
    } else if (key == NULL) {
        x509_error(err, ERROR_INTERNAL, "cannot make a key");
    }
    return key;
}

int key_check_halves(EVP_PKEY *key, struct error *err)
{
    static const unsigned char probe[] = "are both halves of one key?";
    const EVP_MD *digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    EVP_MD_CTX *signing = EVP_MD_CTX_new(), *verifying = EVP_MD_CTX_new();
    size_t length = (size_t)EVP_PKEY_get_size(key);
    unsigned char *signature = malloc(length);
    bool holds = signing != NULL && verifying != NULL && signature != NULL &&
                 EVP_DigestSignInit(signing, NULL, digest, NULL, key) == 1 &&
                 EVP_DigestSign(signing, signature, &length, probe, sizeof(probe)) == 1 &&
                 EVP_DigestVerifyInit(verifying, NULL, digest, NULL, key) == 1 &&
                 EVP_DigestVerify(verifying, signature, length, probe, sizeof(probe)) == 1;

    free(signature);
    EVP_MD_CTX_free(signing);
    EVP_MD_CTX_free(verifying);
    ERR_clear_error();
    if (holds)
        return 0;
    return error_set(err, ERROR_UNTRUSTED,
                     "the private key is damaged: what it signs does not hold before its own public key");
}
