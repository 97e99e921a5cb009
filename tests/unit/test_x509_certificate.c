/* Certificates from outside: read, checked and described, whatever their bytes are. */
#include "base/text.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static EVP_PKEY *keys[3]; /* RSA, EC, Ed25519 */

static int make_keys(void **state)
{
    (void)state;
    keys[0] = EVP_RSA_gen(2048);
    keys[1] = EVP_EC_gen("P-256");
    keys[2] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return keys[0] == NULL || keys[1] == NULL || keys[2] == NULL ? -1 : 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        EVP_PKEY_free(keys[i]);
    return 0;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);

    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Valid from 2026-01-02 03:04:05 to 2027-01-02 03:04:05, or as the caller patches it. Not signed yet. */
static X509 *unsigned_certificate(EVP_PKEY *key, const char *common_name)
{
    X509 *certificate = X509_new();

    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)common_name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)), 1);
    assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(certificate), "260102030405Z"), 1);
    assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(certificate), "270102030405Z"), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    return certificate;
}

static X509 *signed_certificate(EVP_PKEY *key, const EVP_MD *digest)
{
    X509 *certificate = unsigned_certificate(key, "x");

    assert_true(X509_sign(certificate, key, digest) > 0);
    return certificate;
}

static size_t to_der(X509 *certificate, unsigned char **der)
{
    int length;

    *der = NULL;
    length = i2d_X509(certificate, der);
    assert_true(length > 0);
    return (size_t)length;
}

static void describes_every_kind_of_key(void **state)
{
    static const char *const described[] = {"rsa, 2048 bits", "ec, P-256", "ed25519"};
    static const char *const signature[] = {"sha256WithRSAEncryption", "ecdsa-with-SHA256", "ED25519"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        X509 *certificate = signed_certificate(keys[i], i == 2 ? NULL : EVP_sha256());
        struct error err = {0};
        struct certificate_facts *facts = x509_describe(certificate, &err);
        unsigned char *spki = NULL;
        unsigned char digest[FINGERPRINT_SIZE];
        int length = i2d_PUBKEY(keys[i], &spki);

        assert_non_null(facts);
        assert_string_equal(facts->key, described[i]);
        assert_string_equal(facts->signature, signature[i]);
        assert_int_equal(facts->not_before_ms, 1767323045000LL);
        assert_int_equal(facts->not_after_ms, 1798859045000LL);
        assert_int_equal(EVP_Digest(spki, (size_t)length, digest, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(digest, facts->spki_sha256, FINGERPRINT_SIZE);
        OPENSSL_free(spki);
        x509_facts_free(facts);
        X509_free(certificate);
    }
}

static void shows_weak_signatures_and_refuses_none(void **state)
{
    const EVP_MD *digests[] = {EVP_md5(), EVP_sha1()};
    static const char *const shown[] = {"md5WithRSAEncryption", "sha1WithRSAEncryption"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        X509 *certificate = signed_certificate(keys[0], digests[i]);
        struct error err = {0};
        struct certificate_facts *facts = x509_describe(certificate, &err);

        assert_non_null(facts);
        assert_string_equal(facts->signature, shown[i]);
        x509_facts_free(facts);
        X509_free(certificate);
    }
}

static void lists_alternative_names(void **state)
{
    X509 *certificate = unsigned_certificate(keys[1], "x");
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *forged = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    struct error err = {0};
    struct certificate_facts *facts;

    (void)state;
    add_extension(certificate, NID_subject_alt_name,
                  "DNS:prime-pri,IP:127.0.0.11,IP:2001:db8::1,email:a@b.example,URI:https://x/,RID:1.2.3");
    assert_true(X509_sign(certificate, keys[1], EVP_sha256()) > 0);
    facts = x509_describe(certificate, &err);
    assert_string_equal(facts->names, "DNS:prime-pri, IP:127.0.0.11, IP:2001:db8::1, email:a@b.example, "
                                      "URI:https://x/, RID:1.2.3");
    x509_facts_free(facts);
    X509_free(certificate);

    certificate = unsigned_certificate(keys[1], "x");
    ASN1_STRING_set(value, "a\n, IP:1.2.3.4\0", 15);
    GENERAL_NAME_set0_value(forged, GEN_DNS, value);
    for (int i = 0; i < 300; i++)
        sk_GENERAL_NAME_push(names, forged);
    assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
    assert_true(X509_sign(certificate, keys[1], EVP_sha256()) > 0);
    facts = x509_describe(certificate, &err);
    assert_true(strncmp(facts->names, "DNS:a\\0a\\2c IP:1.2.3.4\\00, DNS:", 31) == 0);
    assert_true(strlen(facts->names) < 6000);
    assert_non_null(strstr(facts->names, ", and "));
    x509_facts_free(facts);
    X509_free(certificate);
    sk_GENERAL_NAME_free(names);
    GENERAL_NAME_free(forged);
}

/* Every form of a time but the two of RFC 5280, put into the field as it would arrive. */
static void refuses_times_that_break_the_rules(void **state)
{
    static const struct {
        int type;
        const char *text;
        bool good;
    } rows[] = {
        {V_ASN1_UTCTIME, "260102030405Z", true},
        {V_ASN1_GENERALIZEDTIME, "20600102030405Z", true},
        {V_ASN1_UTCTIME, "260102030405+0100", false},
        {V_ASN1_UTCTIME, "2601020304Z", false},
        {V_ASN1_UTCTIME, "260102030405", false},
        {V_ASN1_UTCTIME, "261302030405Z", false},
        {V_ASN1_UTCTIME, "260132030405Z", false},
        {V_ASN1_UTCTIME, "260102250405Z", false},
        {V_ASN1_UTCTIME, "26010203040\nZ", false},
        {V_ASN1_UTCTIME, "", false},
        {V_ASN1_UTCTIME, "20260102030405Z", false},
        {V_ASN1_GENERALIZEDTIME, "20600102030405.5Z", false},
        {V_ASN1_GENERALIZEDTIME, "206001020304Z", false},
        {V_ASN1_GENERALIZEDTIME, "20600102030405", false},
        {V_ASN1_GENERALIZEDTIME, "20600102030405-0500", false},
        {V_ASN1_GENERALIZEDTIME, "260102030405Z", false},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        X509 *certificate = unsigned_certificate(keys[1], "x");
        ASN1_TIME *time = i % 2 ? X509_getm_notAfter(certificate) : X509_getm_notBefore(certificate);
        struct error err = {0};
        unsigned char *der;
        size_t length;
        X509 *read;

        assert_int_equal(ASN1_STRING_set(time, rows[i / 2].text, -1), 1);
        time->type = rows[i / 2].type;
        assert_true(X509_sign(certificate, keys[1], EVP_sha256()) > 0);
        length = to_der(certificate, &der);
        read = x509_read((const char *)der, length, &err);
        assert_non_null(read);
        assert_int_equal(x509_check_form(read, &err), rows[i / 2].good ? 0 : -1);
        if (!rows[i / 2].good) {
            assert_int_equal(err.code, ERROR_UNTRUSTED);
            assert_non_null(strstr(err.message, i % 2 ? "notAfter" : "notBefore"));
            assert_null(strchr(err.message, '\n'));
            assert_null(x509_describe(read, &err));
        }
        OPENSSL_free(der);
        X509_free(read);
        X509_free(certificate);
    }
}

static void assert_malformed(X509 *certificate, const char *why)
{
    struct error err = {0};

    assert_int_equal(x509_check_form(certificate, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    assert_non_null(strstr(err.message, why));
    assert_null(x509_describe(certificate, &err));
    X509_free(certificate);
}

static void refuses_what_is_too_big_or_does_not_fit(void **state)
{
    static char long_name[60 * 1024];
    unsigned char octets[21] = {0x40};
    X509 *certificate = unsigned_certificate(keys[1], "x");
    X509_NAME_ENTRY *entry =
        X509_NAME_ENTRY_create_by_NID(NULL, NID_organizationName, V_ASN1_UTF8STRING, (void *)"x", 1);
    BIGNUM *number = BN_bin2bn(octets, sizeof(octets), NULL);
    const X509_ALGOR *outside;
    struct error err = {0};

    (void)state;
    memset(long_name, 'a', sizeof(long_name));
    ASN1_STRING_set(X509_NAME_ENTRY_get_data(entry), long_name, sizeof(long_name));
    X509_NAME_add_entry(X509_get_subject_name(certificate), entry, -1, 0);
    X509_NAME_ENTRY_free(entry);
    assert_true(X509_sign(certificate, keys[1], EVP_sha256()) > 0);
    assert_malformed(certificate, "subject has 61448 bytes, more than 4096");

    certificate = unsigned_certificate(keys[1], "x");
    assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
    assert_true(X509_sign(certificate, keys[1], EVP_sha256()) > 0);
    assert_malformed(certificate, "serial number has 21 octets");
    BN_bin2bn(octets, 20, number);
    certificate = unsigned_certificate(keys[1], "x");
    assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
    assert_true(X509_sign(certificate, keys[1], EVP_sha256()) > 0);
    assert_int_equal(x509_check_form(certificate, &err), 0);

    X509_get0_signature(NULL, &outside, certificate);
    assert_int_equal(X509_ALGOR_set0((X509_ALGOR *)(uintptr_t)outside, OBJ_nid2obj(NID_ecdsa_with_SHA512),
                                     V_ASN1_UNDEF, NULL),
                     1);
    assert_malformed(certificate, "two different signature algorithms");
    BN_free(number);
}

static void refuses_a_key_that_cannot_be_read(void **state)
{
    X509 *certificate = signed_certificate(keys[1], EVP_sha256());
    unsigned char *der;
    size_t length = to_der(certificate, &der);
    static const unsigned char point[] = {0x03, 0x42, 0x00, 0x04}; /* BIT STRING, uncompressed point */
    struct error err = {0};
    unsigned char *found = memmem(der, length, point, sizeof(point));

    (void)state;
    assert_non_null(found);
    found[3] = 0x09;
    X509_free(certificate);
    certificate = x509_read((const char *)der, length, &err);
    assert_non_null(certificate);
    OPENSSL_free(der);
    assert_malformed(certificate, "public key cannot be read");
}

static void reads_pem_and_der_and_nothing_behind(void **state)
{
    static const char secret[] = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
    X509 *certificate = signed_certificate(keys[1], EVP_sha256());
    unsigned char *der;
    size_t length = to_der(certificate, &der);
    struct error err = {0};
    char *pem = x509_to_pem(der, length, &err);
    X509 *read = x509_read(pem, strlen(pem), &err);
    struct text text = {0};
    static const char encrypted[] = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                                    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
                                    "-----END CERTIFICATE-----\n";

    (void)state;
    assert_non_null(read);
    assert_int_equal(X509_cmp(read, certificate), 0);
    X509_free(read);
    text_format(&text, "some words in front\n%s\n \r\n", pem);
    read = x509_read(text.data, text.length, &err);
    assert_non_null(read);
    X509_free(read);
    text_add_string(&text, pem);
    assert_null(x509_read(text.data, text.length, &err));
    assert_non_null(strstr(err.message, "only one certificate"));
    text_clear(&text);
    text_add(&text, (char *)der, length);
    text_add(&text, "", 1);
    assert_null(x509_read(text.data, text.length, &err));
    assert_string_equal(err.message, "1 bytes follow the certificate");
    assert_null(x509_read("", 0, &err));
    assert_null(x509_read("0", 1, &err));
    assert_null(x509_read("hello", 5, &err));
    assert_non_null(strstr(err.message, "not a certificate in PEM or DER form"));
    assert_null(x509_read(secret, sizeof(secret) - 1, &err));
    assert_string_equal(err.message, "this is a private key, not a certificate");
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_null(x509_read(encrypted, sizeof(encrypted) - 1, &err));
    text_free(&text);
    free(pem);
    OPENSSL_free(der);
    X509_free(certificate);
}

/* Cut at every length, and with every single byte turned over: an error or a certificate, never a crash. */
static void survives_every_cut_and_every_turned_byte(void **state)
{
    X509 *certificate = signed_certificate(keys[1], EVP_sha256());
    unsigned char *der;
    size_t length = to_der(certificate, &der);

    (void)state;
    for (size_t cut = 0; cut < length; cut++) {
        struct error err = {0};
        char *copy = malloc(cut + 1); /* so that reading behind the cut is found */

        memcpy(copy, der, cut);
        assert_null(x509_read(copy, cut, &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        free(copy);
    }
    for (size_t at = 0; at < length; at++) {
        struct error err = {0};
        X509 *read;

        der[at] ^= 0xff;
        read = x509_read((const char *)der, length, &err);
        if (read != NULL) {
            struct certificate_facts *facts = x509_describe(read, &err);
            if (facts != NULL)
                assert_true(text_is_printable(facts->subject_slash, strlen(facts->subject_slash)));
            x509_facts_free(facts);
        }
        X509_free(read);
        der[at] ^= 0xff;
    }
    OPENSSL_free(der);
    X509_free(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_every_kind_of_key),
        cmocka_unit_test(shows_weak_signatures_and_refuses_none),
        cmocka_unit_test(lists_alternative_names),
        cmocka_unit_test(refuses_times_that_break_the_rules),
        cmocka_unit_test(refuses_what_is_too_big_or_does_not_fit),
        cmocka_unit_test(refuses_a_key_that_cannot_be_read),
        cmocka_unit_test(reads_pem_and_der_and_nothing_behind),
        cmocka_unit_test(survives_every_cut_and_every_turned_byte),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
