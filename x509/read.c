#include "x509/x509.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define USUAL_CERTIFICATE 2048 /* bytes; most are smaller */

int x509_error(struct error *err, enum error_code code, const char *format, ...)
{
    unsigned long queued = ERR_peek_last_error();
    const char *reason = queued == 0 ? NULL : ERR_reason_error_string(queued);
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ERR_clear_error();
    if (reason == NULL)
        return error_set(err, code, "%s", text);
    return error_set(err, code, "%s: %s", text, reason);
}

/* Looked up once: OpenSSL 3 otherwise searches its providers for every certificate. Never freed. */
static EVP_MD *sha256_method;

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *get_sha256(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fetch_sha256);
    return sha256_method != NULL ? sha256_method : EVP_sha256();
}

int x509_hash(const void *bytes, size_t length, uint8_t sha256[FINGERPRINT_SIZE], struct error *err)
{
    if (EVP_Digest(bytes, length, sha256, NULL, get_sha256(), NULL) == 1)
        return 0;
    return x509_error(err, ERROR_INTERNAL, "cannot compute a SHA-256");
}

int x509_fingerprint(X509 *certificate, uint8_t sha256[FINGERPRINT_SIZE], struct error *err)
{
    unsigned char usual[USUAL_CERTIFICATE];
    unsigned char *at = usual;
    int length = i2d_X509(certificate, NULL);
    int done;

    /* without memory of its own, as every verdict starts here */
    if (length > 0 && length <= (int)sizeof(usual))
        done = i2d_X509(certificate, &at) == length &&
               EVP_Digest(usual, (size_t)length, sha256, NULL, get_sha256(), NULL) == 1;
    else
        done = X509_digest(certificate, get_sha256(), sha256, NULL) == 1;
    return done ? 0 : x509_error(err, ERROR_INTERNAL, "cannot compute the certificate's SHA-256");
}

int x509_key_fingerprint(X509 *certificate, uint8_t sha256[FINGERPRINT_SIZE], struct error *err)
{
    unsigned char *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    int result = 0;

    if (length <= 0 || EVP_Digest(der, (size_t)length, sha256, NULL, get_sha256(), NULL) != 1)
        result = x509_error(err, ERROR_INTERNAL, "cannot compute the SHA-256 of the certificate's key");
    OPENSSL_free(der);
    return result;
}

static X509 *read_der(const unsigned char *bytes, size_t length, struct error *err)
{
    const unsigned char *at = bytes;
    X509 *certificate = d2i_X509(NULL, &at, (long)length);

    if (certificate == NULL) {
        x509_error(err, ERROR_INVALID_ARGUMENT, "this is not a certificate");
        return NULL;
    }
    if (at != bytes + length) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%zu bytes follow the certificate",
                  (size_t)(bytes + length - at));
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* Without this, OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1;
}

static int check_nothing_follows(BIO *bio, struct error *err)
{
    char *rest = NULL;
    long length = BIO_get_mem_data(bio, &rest);

    for (long i = 0; i < length; i++) {
        if (!isspace((unsigned char)rest[i]))
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "something follows the certificate: only one certificate is taken here");
    }
    return 0;
}

static int not_pem(const char *bytes, size_t length, struct error *err)
{
    static const char secret[] = "PRIVATE KEY-----";

    if (memmem(bytes, length, secret, sizeof(secret) - 1) == NULL)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "this is not a certificate in PEM or DER form");
    ERR_clear_error();
    return error_set(err, ERROR_INVALID_ARGUMENT, "this is a private key, not a certificate");
}

static X509 *read_pem(const char *bytes, size_t length, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    unsigned char *der = NULL;
    long der_length = 0;
    X509 *certificate = NULL;

    if (bio == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    if (PEM_bytes_read_bio(&der, &der_length, NULL, PEM_STRING_X509, bio, no_passphrase, NULL) != 1)
        not_pem(bytes, length, err);
    else if (check_nothing_follows(bio, err) == 0)
        certificate = read_der(der, (size_t)der_length, err);
    OPENSSL_free(der);
    BIO_free(bio);
    return certificate;
}

X509 *x509_read(const char *bytes, size_t length, struct error *err)
{
    if (length == 0 || length > X509_FILE_MAX) {
        error_set(err, ERROR_INVALID_ARGUMENT, "a certificate has between 1 and %d bytes, not %zu",
                  X509_FILE_MAX, length);
        return NULL;
    }
    /* every DER certificate starts with the tag of a SEQUENCE, which is the digit "0" in ASCII */
    if (bytes[0] == 0x30 && length > 1 && !isalnum((unsigned char)bytes[1]))
        return read_der((const unsigned char *)bytes, length, err);
    return read_pem(bytes, length, err);
}

char *x509_to_pem(const uint8_t *der, size_t der_length, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    char *pem = NULL;
    long length;

    if (bio == NULL || PEM_write_bio(bio, PEM_STRING_X509, "", der, (long)der_length) <= 0) {
        x509_error(err, ERROR_INTERNAL, "cannot write the certificate as PEM");
        goto out;
    }
    length = BIO_get_mem_data(bio, &data);
    pem = strndup(data, (size_t)length);
    if (pem == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
out:
    BIO_free(bio);
    return pem;
}
