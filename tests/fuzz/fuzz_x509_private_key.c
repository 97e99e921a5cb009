/* Arbitrary bytes as a private key or a PKCS#12, with a passphrase and without: never a crash, and never
 * long. */
#include "base/text.h"
#include "x509/bundle.h"
#include "x509/private_key.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_error(const struct error *err)
{
    check(err->code == ERROR_INVALID_ARGUMENT || err->code == ERROR_DENIED);
    check(text_is_printable(err->message, strlen(err->message)));
}

static void try_pem(const char *bytes, size_t size, const char *passphrase)
{
    struct error err = {0};
    EVP_PKEY *key = x509_read_private_key(bytes, size, passphrase, &err);

    if (key == NULL)
        check_error(&err);
    EVP_PKEY_free(key);
}

static void try_pkcs12(const char *bytes, size_t size, const char *passphrase)
{
    STACK_OF(X509) *certificates = NULL;
    EVP_PKEY *key = NULL;
    struct error err = {0};

    if (x509_read_pkcs12(bytes, size, passphrase, &key, &certificates, &err) == 0) {
        check(key != NULL && sk_X509_num(certificates) > 0);
    } else {
        check_error(&err);
        check(key == NULL && certificates == NULL);
    }
    EVP_PKEY_free(key);
    x509_bundle_free(certificates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;

    x509_needs_passphrase(bytes, size);
    if (x509_is_pkcs12(bytes, size)) {
        try_pkcs12(bytes, size, NULL);
        try_pkcs12(bytes, size, "word");
    } else {
        try_pem(bytes, size, NULL);
        try_pem(bytes, size, "word");
    }
    return 0;
}
