#include "identity/identity.h"

#include "base/host_port.h"
#include "base/text.h"
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

/* "DNS:<host name, perhaps behind *.>": the checked name, or NULL. */
static GENERAL_NAME *dns_name(const char *text)
{
    const char *labels = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    char canonical[HOST_TEXT_MAX];
    enum host_kind kind;
    GENERAL_NAME *name = NULL;
    ASN1_IA5STRING *value;

    if (host_parse(labels, &kind, canonical, NULL) != 0 || kind != HOST_NAME)
        return NULL;
    value = ASN1_IA5STRING_new();
    name = GENERAL_NAME_new();
    if (value == NULL || name == NULL || ASN1_STRING_set(value, text, (int)strlen(text)) != 1) {
        ASN1_IA5STRING_free(value);
        GENERAL_NAME_free(name);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_DNS, value);
    return name;
}

static GENERAL_NAME *address_name(const char *text)
{
    ASN1_OCTET_STRING *value = a2i_IPADDRESS(text);
    GENERAL_NAME *name = value == NULL ? NULL : GENERAL_NAME_new();

    if (name == NULL) {
        ASN1_OCTET_STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_IPADD, value);
    return name;
}

static void name_error(struct error *err, const char *typed)
{
    struct text shown = {0};

    text_add_escaped(&shown, typed, strnlen(typed, 100), NULL);
    error_set(err, ERROR_INVALID_ARGUMENT,
              "\"%s\" is not DNS:<host name> or IP:<address>, as an alternative name has to be",
              shown.data == NULL ? "" : shown.data);
    text_free(&shown);
}

/* Built piece by piece: OpenSSL's own text form would let a comma in a name make a second one. */
static int add_names(X509 *certificate, const struct identity_spec *spec, struct error *err)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    int result = -1;

    for (size_t i = 0; i < spec->name_count; i++) {
        const char *text = spec->names[i];
        GENERAL_NAME *name = NULL;

        if (strncmp(text, "DNS:", 4) == 0)
            name = dns_name(text + 4);
        else if (strncmp(text, "IP:", 3) == 0)
            name = address_name(text + 3);
        if (name == NULL || sk_GENERAL_NAME_push(names, name) <= 0) {
            GENERAL_NAME_free(name);
            ERR_clear_error();
            name_error(err, text);
            goto out;
        }
    }
    if (spec->name_count > 0 && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) != 1)
        x509_error(err, ERROR_INTERNAL, "cannot add the alternative names");
    else
        result = 0;
out:
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return result;
}

static int add_extensions(X509 *certificate, const struct identity_spec *spec, struct error *err)
{
    static const struct {
        int nid;
        const char *value;
    } rows[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature,keyEncipherment"},
        {NID_ext_key_usage, "serverAuth,clientAuth"},
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
    return add_names(certificate, spec, err);
}

static int fill(X509 *certificate, EVP_PKEY *key, const struct identity_spec *spec, struct error *err)
{
    int days = spec->days == 0 ? IDENTITY_DAYS : spec->days;
    X509_NAME *subject;
    int result = -1;

    if (days < 0 || days > IDENTITY_DAYS_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a certificate is valid for 1 to %d days, not %d",
                         IDENTITY_DAYS_MAX, days);
    subject = x509_parse_subject(spec->subject, err);
    if (subject == NULL)
        return -1;
    if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
        X509_set_subject_name(certificate, subject) != 1 || X509_set_issuer_name(certificate, subject) != 1 ||
        X509_set_pubkey(certificate, key) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0) == NULL ||
        X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL) == NULL) {
        x509_error(err, ERROR_INTERNAL, "cannot make a certificate");
        goto out;
    }
    if (set_serial(certificate, err) != 0 || add_extensions(certificate, spec, err) != 0)
        goto out;
    if (X509_sign(certificate, key, EVP_sha256()) == 0)
        x509_error(err, ERROR_INTERNAL, "cannot sign the certificate");
    else
        result = 0;
out:
    X509_NAME_free(subject);
    return result;
}

struct identity *identity_generate(const struct identity_spec *spec, struct error *err)
{
    struct identity *identity = calloc(1, sizeof(*identity));

    if (identity == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    identity->certificate = X509_new();
    identity->key = EVP_RSA_gen(IDENTITY_RSA_BITS);
    if (identity->certificate == NULL || identity->key == NULL)
        x509_error(err, ERROR_INTERNAL, "cannot make a key of %d bits", IDENTITY_RSA_BITS);
    else if (fill(identity->certificate, identity->key, spec, err) == 0)
        return identity;
    identity_free(identity);
    return NULL;
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
