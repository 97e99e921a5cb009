#include "x509/bundle.h"

#include "base/text.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_OBJECT_IDENTIFIER 0x06

X509 *x509_bundle_take(STACK_OF(X509) * bundle, const EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_num(bundle); i++) {
        const EVP_PKEY *own = X509_get0_pubkey(sk_X509_value(bundle, i));

        if (own != NULL && EVP_PKEY_eq(own, key) == 1)
            return sk_X509_delete(bundle, i);
    }
    ERR_clear_error();
    return NULL;
}

void x509_bundle_free(STACK_OF(X509) * bundle)
{
    sk_X509_pop_free(bundle, X509_free);
}

/* Takes the certificate over, whatever comes of it. */
static int push(STACK_OF(X509) * bundle, X509 *certificate, struct error *err)
{
    if (sk_X509_num(bundle) >= X509_BUNDLE_MAX) {
        X509_free(certificate);
        return error_set(err, ERROR_INVALID_ARGUMENT, "the file holds more than %d certificates",
                         X509_BUNDLE_MAX);
    }
    if (sk_X509_push(bundle, certificate) > 0)
        return 0;
    X509_free(certificate);
    return error_set(err, ERROR_INTERNAL, "out of memory");
}

static int add_certificate(STACK_OF(X509) * bundle, const unsigned char *der, size_t length,
                           struct error *err)
{
    const unsigned char *at = der;
    X509 *certificate = d2i_X509(NULL, &at, (long)length);

    if (certificate == NULL)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "certificate %d of the file cannot be read",
                          sk_X509_num(bundle) + 1);
    if (at != der + length) {
        X509_free(certificate);
        return error_set(err, ERROR_INVALID_ARGUMENT, "%zu bytes follow certificate %d of the file",
                         (size_t)(der + length - at), sk_X509_num(bundle) + 1);
    }
    return push(bundle, certificate, err);
}

/* The certificates beside a signature; what is signed, and by whom, is not asked. */
static int add_pkcs7(STACK_OF(X509) * bundle, const unsigned char *der, size_t length, struct error *err)
{
    const unsigned char *at = der;
    PKCS7 *message = d2i_PKCS7(NULL, &at, (long)length);
    STACK_OF(X509) *inside = NULL;
    int result = 0;

    if (message == NULL || at != der + length) {
        result = x509_error(err, ERROR_INVALID_ARGUMENT, "the PKCS#7 in the file cannot be read");
        goto out;
    }
    if (PKCS7_type_is_signed(message) && message->d.sign != NULL)
        inside = message->d.sign->cert;
    if (inside == NULL || sk_X509_num(inside) == 0)
        result = error_set(err, ERROR_INVALID_ARGUMENT, "the PKCS#7 in the file holds no certificate");
    for (int i = 0; result == 0 && i < sk_X509_num(inside); i++) {
        X509 *certificate = sk_X509_value(inside, i);

        X509_up_ref(certificate);
        result = push(bundle, certificate, err);
    }
out:
    PKCS7_free(message);
    return result;
}

static int not_a_certificate(const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID_ARGUMENT, "the file holds a %s where a certificate belongs", what);
}

static int add_pem(STACK_OF(X509) * bundle, const char *name, const unsigned char *data, size_t length,
                   struct error *err)
{
    size_t name_length = strlen(name);
    struct text shown = {0};
    const char *secret = "PRIVATE KEY";

    if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
        return add_certificate(bundle, data, length, err);
    if (strcmp(name, PEM_STRING_PKCS7) == 0 || strcmp(name, PEM_STRING_CMS) == 0 ||
        strcmp(name, PEM_STRING_PKCS7_SIGNED) == 0)
        return add_pkcs7(bundle, data, length, err);
    if (name_length >= strlen(secret) && strcmp(name + name_length - strlen(secret), secret) == 0)
        return not_a_certificate("private key", err);
    text_add_escaped(&shown, name, strnlen(name, 60), NULL);
    not_a_certificate(shown.data != NULL ? shown.data : "", err);
    text_free(&shown);
    return -1;
}

/* A block may turn out to be a private key: it is wiped like one. */
#define PEM_FLAGS (PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)

static int read_pem(STACK_OF(X509) * bundle, const char *bytes, size_t length, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    int result = bio != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");

    while (result == 0) {
        char *name = NULL, *header = NULL;
        unsigned char *data = NULL;
        long size = 0;

        if (PEM_read_bio_ex(bio, &name, &header, &data, &size, PEM_FLAGS) != 1) {
            if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                result = x509_error(err, ERROR_INVALID_ARGUMENT, "certificate %d of the file cannot be read",
                                    sk_X509_num(bundle) + 1);
            ERR_clear_error();
            break;
        }
        result = add_pem(bundle, name, data, (size_t)size, err);
        OPENSSL_secure_free(name);
        OPENSSL_secure_free(header);
        OPENSSL_secure_clear_free(data, (size_t)size);
    }
    BIO_free(bio);
    if (result == 0 && sk_X509_num(bundle) == 0)
        result = error_set(err, ERROR_INVALID_ARGUMENT,
                           "the file holds no certificate in PEM, DER or PKCS#7 form");
    return result;
}

/* The tag of the first element inside the outer SEQUENCE; -1 where there is none (X.690 section 8.1). */
static int inner_tag(const unsigned char *bytes, size_t length)
{
    size_t at = 2;

    if (length < 3)
        return -1;
    if (bytes[1] & 0x80)
        at += bytes[1] & 0x7f;
    return at < length ? bytes[at] : -1;
}

static int read_der(STACK_OF(X509) * bundle, const unsigned char *bytes, size_t length, struct error *err)
{
    switch (inner_tag(bytes, length)) {
    case TAG_OBJECT_IDENTIFIER:
        return add_pkcs7(bundle, bytes, length, err);
    case TAG_INTEGER:
        return not_a_certificate("private key or a PKCS#12", err);
    default:
        return add_certificate(bundle, bytes, length, err);
    }
}

STACK_OF(X509) * x509_read_bundle(const char *bytes, size_t length, struct error *err)
{
    STACK_OF(X509) *bundle = NULL;
    int failed;

    if (length == 0 || length > X509_BUNDLE_FILE_MAX) {
        error_set(err, ERROR_INVALID_ARGUMENT,
                  "a file of certificates has between 1 and %d bytes, this one has %zu", X509_BUNDLE_FILE_MAX,
                  length);
        return NULL;
    }
    bundle = sk_X509_new_null();
    if (bundle == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    /* DER starts with the tag of a SEQUENCE, which is the digit "0" in ASCII */
    if (bytes[0] == 0x30 && memmem(bytes, length, "-----BEGIN ", 11) == NULL)
        failed = read_der(bundle, (const unsigned char *)bytes, length, err);
    else
        failed = read_pem(bundle, bytes, length, err);
    ERR_clear_error();
    if (failed == 0)
        return bundle;
    x509_bundle_free(bundle);
    return NULL;
}
