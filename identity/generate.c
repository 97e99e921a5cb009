#include "identity/identity.h"

#include "identity/key.h"

#include "x509/names.h"
#include "x509/request.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_OCTETS 20 /* the most that RFC 5280 section 4.1.2.2 allows */

static int set_serial(X509 *certificate, struct error *err)
{
    unsigned char octets[SERIAL_OCTETS];
    BIGNUM *number = NULL;
    int result = -1;

    if (RAND_bytes(octets, sizeof(octets)) == 1) {
        octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, and always of the same length */
        number = BN_bin2bn(octets, sizeof(octets), NULL);
    }
    if (number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL)
        result = 0;
    else
        x509_error(err, ERROR_INTERNAL, "cannot make a serial number");
    BN_free(number);
    return result;
}

static int add_names(X509 *certificate, const GENERAL_NAMES *names, struct error *err)
{
    if (names == NULL || sk_GENERAL_NAME_num(names) == 0 ||
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, (void *)(uintptr_t)names, 0, 0) == 1)
        return 0;
    return x509_error(err, ERROR_INTERNAL, "cannot add the alternative names");
}

static int add_extensions(X509 *certificate, const EVP_PKEY *key, const GENERAL_NAMES *names,
                          struct error *err)
{
    const struct {
        int nid;
        const char *value;
    } rows[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, x509_key_usage_for(key)},
        {NID_ext_key_usage, X509_EXTENDED_KEY_USAGE},
        {NID_subject_key_identifier, "hash"},
    };
    X509V3_CTX context;

    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, rows[i].nid, rows[i].value);
        int added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

        X509_EXTENSION_free(extension);
        if (!added)
            return x509_error(err, ERROR_INTERNAL, "cannot add the certificate's extensions");
    }
    return add_names(certificate, names, err);
}

static int fill(X509 *certificate, EVP_PKEY *key, const X509_NAME *subject, int days, struct error *err)
{
    if (days == 0)
        days = IDENTITY_DAYS;
    if (days < 0 || days > IDENTITY_DAYS_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a certificate is valid for 1 to %d days, not %d",
                         IDENTITY_DAYS_MAX, days);
    if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
        X509_set_subject_name(certificate, subject) != 1 || X509_set_issuer_name(certificate, subject) != 1 ||
        X509_set_pubkey(certificate, key) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0) == NULL ||
        X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL) == NULL)
        return x509_error(err, ERROR_INTERNAL, "cannot make a certificate");
    return set_serial(certificate, err);
}

struct identity *identity_self_signed(EVP_PKEY *key, const X509_NAME *subject, const GENERAL_NAMES *names,
                                      int days, struct error *err)
{
    struct identity *identity = calloc(1, sizeof(*identity));

    if (identity == NULL) {
        EVP_PKEY_free(key);
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    identity->key = key;
    identity->certificate = X509_new();
    if (identity->certificate == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
    } else if (fill(identity->certificate, key, subject, days, err) == 0 &&
               add_extensions(identity->certificate, key, names, err) == 0) {
        if (X509_sign(identity->certificate, key, x509_digest_for(key)) > 0)
            return identity;
        x509_error(err, ERROR_INTERNAL, "cannot sign the certificate");
    }
    identity_free(identity);
    return NULL;
}

struct identity *identity_generate(const struct identity_spec *spec, struct error *err)
{
    const struct key_kind kind = {KEY_RSA, IDENTITY_RSA_BITS};
    X509_NAME *subject = x509_parse_subject(spec->subject, err);
    GENERAL_NAMES *names = subject == NULL ? NULL : x509_make_names(spec->names, spec->name_count, err);
    EVP_PKEY *key = names == NULL ? NULL : key_generate(&kind, NULL, NULL, err);
    struct identity *identity =
        key == NULL ? NULL : identity_self_signed(key, subject, names, spec->days, err);

    GENERAL_NAMES_free(names);
    X509_NAME_free(subject);
    return identity;
}

void identity_free(struct identity *identity)
{
    if (identity == NULL)
        return;
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    sk_X509_pop_free(identity->chain, X509_free);
    free(identity);
}
