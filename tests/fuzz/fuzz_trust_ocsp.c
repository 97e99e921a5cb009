/*
 * Arbitrary bytes as an OCSP answer about a fixed certificate. None of them can be sound, as nobody here has
 * the CA's key any more; whatever is wrong with them is one printable sentence.
 */
#include "base/clock.h"
#include "base/text.h"
#include "trust/ocsp.h"
#include "x509/x509.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ocsp_subject subject;
static unsigned char *sound;
static int sound_length;

static X509 *make(const char *name, X509 *issuer, EVP_PKEY *key, EVP_PKEY *issuer_key,
                  const char *constraints)
{
    X509 *certificate = X509_new();
    X509_NAME *subject_name = x509_parse_subject(name, NULL);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, NULL, NID_basic_constraints, constraints);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_set_subject_name(certificate, subject_name);
    X509_set_issuer_name(certificate, issuer == NULL ? subject_name : X509_get_subject_name(issuer));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_add_ext(certificate, extension, -1);
    if (X509_sign(certificate, issuer_key, EVP_sha256()) <= 0)
        abort();
    X509_EXTENSION_free(extension);
    X509_NAME_free(subject_name);
    return certificate;
}

static void make_sound_answer(X509 *ca, EVP_PKEY *ca_key)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, sk_X509_value(subject.path, 0), ca);
    ASN1_TIME *from = X509_gmtime_adj(NULL, -60);
    ASN1_TIME *to = X509_gmtime_adj(NULL, 86400);
    OCSP_RESPONSE *response;
    struct ocsp_entry entry;

    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, to);
    if (OCSP_basic_sign(basic, ca, ca_key, EVP_sha256(), NULL, OCSP_NOCERTS) != 1)
        abort();
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    sound_length = i2d_OCSP_RESPONSE(response, &sound);
    if (ocsp_read(&subject, sound, (size_t)sound_length, clock_wall_ms(), &entry, NULL) != 0)
        abort();
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
}

static void set_up(void)
{
    static const struct ocsp_setting setting = {.custom = true, .urls = {"http://127.0.0.1/"}};
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make("/CN=Root", NULL, ca_key, ca_key, "critical,CA:TRUE");
    STACK_OF(X509) *path = sk_X509_new_null();
    X509_STORE *anchors = X509_STORE_new();

    sk_X509_push(path, make("/CN=server", ca, key, ca_key, "CA:FALSE"));
    sk_X509_push(path, ca);
    X509_STORE_add_cert(anchors, ca);
    if (ocsp_subject_init(&subject, path, 0, anchors, &setting, NULL) != 0)
        abort();
    make_sound_answer(ca, ca_key);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

/* DER read leniently has more than one spelling: one that says the very same is no harm, any other is
 * refused. */
static void alter_sound_answer(const uint8_t *data, size_t size)
{
    unsigned char *altered = malloc((size_t)sound_length);
    int64_t now = clock_wall_ms();
    struct ocsp_entry entry;
    struct ocsp_entry said;

    memset(&entry, 0, sizeof(entry));
    memset(&said, 0, sizeof(said));

    memcpy(altered, sound, (size_t)sound_length);
    for (size_t i = 0; i + 2 < size; i += 3)
        altered[(data[i] << 8 | data[i + 1]) % sound_length] ^= data[i + 2];
    if (ocsp_read(&subject, sound, (size_t)sound_length, now, &said, NULL) != 0)
        abort();
    if (ocsp_read(&subject, altered, (size_t)sound_length, now, &entry, NULL) == 0 &&
        memcmp(&entry, &said, sizeof(entry)) != 0)
        abort();
    free(altered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ocsp_entry entry;
    struct error err = {0};

    if (subject.path == NULL)
        set_up();
    if (size > 0 && data[0] == 0)
        alter_sound_answer(data + 1, size - 1);
    if (ocsp_read(&subject, data, size, clock_wall_ms(), &entry, &err) == 0)
        abort();
    if (err.code == ERROR_NONE || err.message[0] == '\0' ||
        !text_is_printable(err.message, strlen(err.message)) || ERR_peek_error() != 0)
        abort();
    /* an address that a certificate may name */
    if (size > 0 && size < 2000) {
        char *url = strndup((const char *)data, size);

        if (url != NULL && trust_check_responder(url, &err) == 0 && !text_is_printable(url, strlen(url)))
            abort();
        free(url);
    }
    return 0;
}
