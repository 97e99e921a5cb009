#include "x509/request.h"

#include "x509/name.h"
#include "x509/names.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

const EVP_MD *x509_digest_for(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return NULL;
    case EVP_PKEY_EC: /* RFC 5480 section 4 */
        return bits <= 256 ? EVP_sha256() : bits <= 384 ? EVP_sha384() : EVP_sha512();
    default:
        return EVP_sha256();
    }
}

const char *x509_key_usage_for(const EVP_PKEY *key)
{
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? "critical,digitalSignature,keyEncipherment"
                                                     : "critical,digitalSignature";
}

static int push_extension(X509_EXTENSIONS *extensions, X509_EXTENSION *extension)
{
    if (extension != NULL && sk_X509_EXTENSION_push(extensions, extension) > 0)
        return 0;
    X509_EXTENSION_free(extension);
    return -1;
}

static int add_extensions(X509_REQ *request, const EVP_PKEY *key, const GENERAL_NAMES *names)
{
    X509_EXTENSIONS *extensions = sk_X509_EXTENSION_new_null();
    int result = -1;

    if (extensions == NULL)
        return -1;
    if (push_extension(extensions,
                       X509V3_EXT_nconf_nid(NULL, NULL, NID_key_usage, x509_key_usage_for(key))) == 0 &&
        push_extension(extensions,
                       X509V3_EXT_nconf_nid(NULL, NULL, NID_ext_key_usage, X509_EXTENDED_KEY_USAGE)) == 0 &&
        (names == NULL || sk_GENERAL_NAME_num(names) == 0 ||
         push_extension(extensions, X509V3_EXT_i2d(NID_subject_alt_name, 0, (void *)(uintptr_t)names)) ==
             0) &&
        X509_REQ_add_extensions(request, extensions) == 1)
        result = 0;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return result;
}

X509_REQ *x509_make_request(EVP_PKEY *key, const X509_NAME *subject, const GENERAL_NAMES *names,
                            struct error *err)
{
    X509_REQ *request = X509_REQ_new();

    if (request != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
        X509_REQ_set_subject_name(request, subject) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
        add_extensions(request, key, names) == 0 && X509_REQ_sign(request, key, x509_digest_for(key)) > 0)
        return request;
    x509_error(err, ERROR_INTERNAL, "cannot make the signing request");
    X509_REQ_free(request);
    return NULL;
}

char *x509_request_to_pem(X509_REQ *request, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    char *pem = NULL;

    if (bio == NULL || PEM_write_bio_X509_REQ(bio, request) != 1) {
        x509_error(err, ERROR_INTERNAL, "cannot write the signing request as PEM");
    } else {
        long length = BIO_get_mem_data(bio, &data);

        pem = strndup(data, (size_t)length);
        if (pem == NULL)
            error_set(err, ERROR_INTERNAL, "out of memory");
    }
    BIO_free(bio);
    return pem;
}

int x509_request_subject(const X509_REQ *request, struct text *out, struct error *err)
{
    return name_add(out, X509_REQ_get_subject_name(request), NAME_SLASH, err);
}

void x509_request_names(X509_REQ *request, struct text *out, const char *separator)
{
    X509_EXTENSIONS *extensions = X509_REQ_get_extensions(request);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);

    x509_add_names(out, names, separator);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    ERR_clear_error();
}
