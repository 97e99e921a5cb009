#include "x509/private_key.h"

#include "x509/bundle.h"
#include "x509/passphrase_cost.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#define PEM_FLAGS (PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)

/* One block of a PEM file. */
struct block {
    char *name;
    char *header;
    unsigned char *data;
    long length;
};

static void block_clear(struct block *block)
{
    OPENSSL_secure_free(block->name);
    OPENSSL_secure_free(block->header);
    OPENSSL_secure_clear_free(block->data, (size_t)block->length);
    *block = (struct block){0};
}

static bool is_private_key(const struct block *block)
{
    static const char *const names[] = {PEM_STRING_PKCS8, PEM_STRING_PKCS8INF, PEM_STRING_RSA,
                                        PEM_STRING_ECPRIVATEKEY};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(block->name, names[i]) == 0)
            return true;
    }
    return false;
}

/* The next private key in the file; false where there is none, or what comes first cannot be read. */
static bool next_key(BIO *bio, struct block *block)
{
    *block = (struct block){0};
    while (PEM_read_bio_ex(bio, &block->name, &block->header, &block->data, &block->length, PEM_FLAGS) == 1) {
        if (is_private_key(block))
            return true;
        block_clear(block);
    }
    return false;
}

static bool is_encrypted(const struct block *block)
{
    return strcmp(block->name, PEM_STRING_PKCS8) == 0 || strstr(block->header, "ENCRYPTED") != NULL;
}

static int wrong_passphrase(bool given, struct error *err)
{
    ERR_clear_error();
    return error_set(err, ERROR_DENIED,
                     given ? "the passphrase does not open the private key"
                           : "the private key is encrypted, and no passphrase was given");
}

static EVP_PKEY *from_encrypted(const struct block *block, const char *passphrase, struct error *err)
{
    const unsigned char *at = block->data;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &at, block->length);
    const X509_ALGOR *algorithm = NULL;
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    EVP_PKEY *key = NULL;

    if (sealed == NULL) {
        x509_error(err, ERROR_INVALID_ARGUMENT, "the private key in the file cannot be read");
        return NULL;
    }
    X509_SIG_get0(sealed, &algorithm, NULL);
    if (passphrase_cost_check(algorithm, err) != 0)
        goto out;
    if (passphrase != NULL)
        plain = PKCS8_decrypt(sealed, passphrase, (int)strlen(passphrase));
    if (plain == NULL) {
        wrong_passphrase(passphrase != NULL, err);
        goto out;
    }
    key = EVP_PKCS82PKEY(plain);
    if (key == NULL)
        x509_error(err, ERROR_INVALID_ARGUMENT, "the private key in the file cannot be read");
out:
    PKCS8_PRIV_KEY_INFO_free(plain);
    X509_SIG_free(sealed);
    return key;
}

static int give_passphrase(char *out, int size, int writing, void *arg)
{
    const char *passphrase = arg;
    size_t length = passphrase == NULL ? 0 : strlen(passphrase);

    (void)writing;
    if (length == 0 || length > (size_t)size)
        return -1;
    memcpy(out, passphrase, length);
    return (int)length;
}

/* PKCS#8 without encryption, and what OpenSSL wrote before it: "RSA PRIVATE KEY" with headers of RFC 1421. */
static EVP_PKEY *from_plain(struct block *block, const char *passphrase, struct error *err)
{
    EVP_CIPHER_INFO cipher;
    const unsigned char *at;
    EVP_PKEY *key;

    if (PEM_get_EVP_CIPHER_INFO(block->header, &cipher) != 1) {
        x509_error(err, ERROR_INVALID_ARGUMENT, "the private key in the file cannot be read");
        return NULL;
    }
    if (PEM_do_header(&cipher, block->data, &block->length, give_passphrase, (void *)(uintptr_t)passphrase) !=
        1) {
        wrong_passphrase(passphrase != NULL, err);
        return NULL;
    }
    at = block->data;
    key = d2i_AutoPrivateKey(NULL, &at, block->length);
    if (key == NULL && cipher.cipher != NULL)
        wrong_passphrase(true, err); /* padding that comes right by chance */
    else if (key == NULL)
        x509_error(err, ERROR_INVALID_ARGUMENT, "the private key in the file cannot be read");
    return key;
}

EVP_PKEY *x509_read_private_key(const char *bytes, size_t length, const char *passphrase, struct error *err)
{
    struct block block = {0};
    EVP_PKEY *key = NULL;
    BIO *bio;

    if (length == 0 || length > X509_KEY_FILE_MAX) {
        error_set(err, ERROR_INVALID_ARGUMENT,
                  "a file with a private key has between 1 and %d bytes, not %zu", X509_KEY_FILE_MAX, length);
        return NULL;
    }
    bio = BIO_new_mem_buf(bytes, (int)length);
    if (bio == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else if (!next_key(bio, &block))
        error_set(err, ERROR_INVALID_ARGUMENT, "the file holds no private key in PEM form that can be read");
    else if (strcmp(block.name, PEM_STRING_PKCS8) == 0)
        key = from_encrypted(&block, passphrase, err);
    else
        key = from_plain(&block, passphrase, err);
    block_clear(&block);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

/* A PKCS#12 with an integrity code that can be checked in bearable time; NULL otherwise. */
static PKCS12 *read_pkcs12(const char *bytes, size_t length, struct error *err)
{
    const unsigned char *at = (const unsigned char *)bytes;
    PKCS12 *file;

    if (length == 0 || length > X509_KEY_FILE_MAX) {
        error_set(err, ERROR_INVALID_ARGUMENT, "a PKCS#12 has between 1 and %d bytes, not %zu",
                  X509_KEY_FILE_MAX, length);
        return NULL;
    }
    file = d2i_PKCS12(NULL, &at, (long)length);
    if (file == NULL || at != (const unsigned char *)bytes + length) {
        x509_error(err, ERROR_INVALID_ARGUMENT, "the PKCS#12 cannot be read");
    } else if (PKCS12_mac_present(file) != 1) {
        error_set(err, ERROR_INVALID_ARGUMENT,
                  "the PKCS#12 has no integrity code, so anybody may have altered it");
    } else if (passphrase_cost_check_mac(file, err) == 0) {
        return file;
    }
    PKCS12_free(file);
    return NULL;
}

bool x509_is_pkcs12(const char *bytes, size_t length)
{
    return length > 0 && bytes[0] == 0x30 && memmem(bytes, length, "-----BEGIN ", 11) == NULL;
}

bool x509_needs_passphrase(const char *bytes, size_t length)
{
    struct block block = {0};
    bool needed = false;
    BIO *bio;

    if (x509_is_pkcs12(bytes, length)) {
        PKCS12 *file = read_pkcs12(bytes, length, NULL);

        needed = file != NULL && PKCS12_verify_mac(file, "", 0) != 1 && PKCS12_verify_mac(file, NULL, 0) != 1;
        PKCS12_free(file);
    } else if (length > 0 && length <= X509_KEY_FILE_MAX) {
        bio = BIO_new_mem_buf(bytes, (int)length);
        needed = bio != NULL && next_key(bio, &block) && is_encrypted(&block);
        block_clear(&block);
        BIO_free(bio);
    }
    ERR_clear_error();
    return needed;
}

/* The empty passphrase is written in two ways (RFC 7292 appendix B.1), and neither says which. */
static const char *find_passphrase(PKCS12 *file, const char *passphrase, bool *opened)
{
    if (passphrase == NULL)
        passphrase = "";
    *opened = PKCS12_verify_mac(file, passphrase, (int)strlen(passphrase)) == 1;
    if (*opened || passphrase[0] != '\0')
        return passphrase;
    *opened = PKCS12_verify_mac(file, NULL, 0) == 1;
    return NULL;
}

int x509_read_pkcs12(const char *bytes, size_t length, const char *passphrase, EVP_PKEY **key,
                     STACK_OF(X509) * *certificates, struct error *err)
{
    PKCS12 *file = read_pkcs12(bytes, length, err);
    STACK_OF(X509) *others = NULL;
    X509 *own = NULL;
    bool opened = false;
    int result = -1;

    *key = NULL;
    *certificates = NULL;
    if (file == NULL)
        return -1;
    passphrase = find_passphrase(file, passphrase, &opened);
    if (!opened) {
        wrong_passphrase(passphrase != NULL && passphrase[0] != '\0', err);
        goto out;
    }
    if (passphrase_cost_check_parts(file, passphrase, err) != 0)
        goto out;
    if (PKCS12_parse(file, passphrase, key, &own, &others) != 1) {
        x509_error(err, ERROR_INVALID_ARGUMENT, "the PKCS#12 cannot be read");
        goto out;
    }
    if (others == NULL)
        others = sk_X509_new_null();
    if (*key == NULL) {
        error_set(err, ERROR_INVALID_ARGUMENT, "the PKCS#12 holds no private key");
    } else if (own == NULL) {
        error_set(err, ERROR_INVALID_ARGUMENT, "the PKCS#12 holds no certificate for its private key");
    } else if (others == NULL || sk_X509_unshift(others, own) <= 0) {
        error_set(err, ERROR_INTERNAL, "out of memory");
    } else {
        own = NULL;
        *certificates = others;
        others = NULL;
        result = 0;
    }
out:
    ERR_clear_error();
    if (result != 0) {
        EVP_PKEY_free(*key);
        *key = NULL;
    }
    X509_free(own);
    x509_bundle_free(others);
    PKCS12_free(file);
    return result;
}
