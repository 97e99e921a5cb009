/* Subjects as they are written out: published forms, and certificates made to fool a reader. */
#include "x509/form.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/evp.h>

static EVP_PKEY *key;

static int make_key(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    return key == NULL ? -1 : 0;
}

static int free_key(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

/* A certificate for a ready name, signed with SHA-256. */
static X509 *certificate_for(X509_NAME *name)
{
    X509 *certificate = X509_new();

    assert_non_null(certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0x3af01c), 1);
    assert_int_equal(X509_set_subject_name(certificate, name), 1);
    assert_int_equal(X509_set_issuer_name(certificate, name), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static struct certificate_facts *facts_of(X509_NAME *name)
{
    X509 *certificate = certificate_for(name);
    struct error err = {0};
    struct certificate_facts *facts = x509_describe(certificate, &err);

    assert_string_equal(err.message, "");
    assert_non_null(facts);
    X509_free(certificate);
    return facts;
}

static void writes_the_published_forms(void **state)
{
    struct error err = {0};
    X509_NAME *name =
        x509_parse_subject("/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=prime-sec", &err);
    struct certificate_facts *facts = facts_of(name);

    (void)state;
    assert_string_equal(facts->subject_slash, "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=prime-sec");
    assert_string_equal(facts->subject_oneline,
                        "C = US, ST = CA, L = SJ, O = Cisco Systems, OU = Prime Infra, CN = prime-sec");
    assert_string_equal(facts->subject_reversed,
                        "CN=prime-sec, OU=Prime Infra, O=Cisco Systems, L=SJ, ST=CA, C=US");
    assert_string_equal(facts->issuer_oneline, facts->subject_oneline);
    assert_string_equal(facts->common_name, "prime-sec");
    assert_string_equal(facts->serial, "3AF01C");
    assert_string_equal(facts->names, "");
    assert_string_equal(facts->key, "ec, P-256");
    assert_string_equal(facts->signature, "ecdsa-with-SHA256");
    assert_int_equal(facts->not_after_ms - facts->not_before_ms, 86400 * 1000);
    x509_facts_free(facts);
    X509_NAME_free(name);
}

static void writes_what_is_empty_or_has_many_parts(void **state)
{
    X509_NAME *name = X509_NAME_new();
    struct certificate_facts *facts = facts_of(name);

    (void)state;
    assert_string_equal(facts->subject_slash, "");
    assert_string_equal(facts->subject_oneline, "");
    assert_string_equal(facts->subject_reversed, "");
    assert_string_equal(facts->common_name, "");
    x509_facts_free(facts);

    assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (void *)"Ä", -1, -1, 0), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (void *)"a", -1, -1, 0), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, (void *)"b", -1, -1, -1), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "1.2.3.4", MBSTRING_UTF8, (void *)"x", -1, -1, 0), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (void *)"last", -1, -1, 0), 1);
    facts = facts_of(name);
    assert_string_equal(facts->subject_slash, "/O=Ä/CN=a/OU=b/1.2.3.4=x/CN=last");
    assert_string_equal(facts->subject_oneline, "O = Ä, CN = a + OU = b, 1.2.3.4 = x, CN = last");
    assert_string_equal(facts->subject_reversed, "CN=last, OID.1.2.3.4=x, OU=b + CN=a, O=Ä");
    assert_string_equal(facts->common_name, "last");
    x509_facts_free(facts);
    X509_NAME_free(name);
}

/* The certificate's bytes with the value of O (all "Q") replaced in subject and issuer: OpenSSL itself would
 * not make some of these. */
static size_t patch_organization(X509 *certificate, const char *value, int length, int type,
                                 unsigned char **der)
{
    unsigned char pattern[64] = {0x55, 0x04, 0x0a, V_ASN1_UTF8STRING, (unsigned char)length};
    unsigned char *at;
    int total;

    *der = NULL;
    total = i2d_X509(certificate, der);
    assert_true(total > 0);
    memset(pattern + 5, 'Q', (size_t)length);
    for (int i = 0; i < 2; i++) {
        at = memmem(*der, (size_t)total, pattern, 5 + (size_t)length);
        assert_non_null(at);
        at[3] = (unsigned char)type;
        if (length > 0)
            memcpy(at + 5, value, (size_t)length);
        else
            at[2] = 0x0b; /* OU, so that the other one is found next */
    }
    return (size_t)total;
}

/* No forms expected (NULL): OpenSSL does not read such a name at all, so neither does a TLS handshake. */
static void check_hostile(const char *value, int length, int type, const char *const forms[3])
{
    char placeholder[64];
    X509_NAME *name = X509_NAME_new();
    X509_NAME_ENTRY *entry;
    X509 *certificate;
    struct error err = {0};
    struct certificate_facts *facts;
    unsigned char *der;
    size_t der_length;

    memset(placeholder, 'Q', sizeof(placeholder));
    entry = X509_NAME_ENTRY_create_by_NID(NULL, NID_organizationName, V_ASN1_UTF8STRING,
                                          (unsigned char *)placeholder, 1);
    assert_int_equal(ASN1_STRING_set(X509_NAME_ENTRY_get_data(entry), placeholder, length), 1);
    assert_int_equal(X509_NAME_add_entry(name, entry, -1, 0), 1);
    X509_NAME_ENTRY_free(entry);
    certificate = certificate_for(name);
    der_length = patch_organization(certificate, value, length, type, &der);
    X509_free(certificate);
    certificate = x509_read((const char *)der, der_length, &err);
    if (forms[0] == NULL) {
        assert_null(certificate);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    } else {
        assert_non_null(certificate);
        facts = x509_describe(certificate, &err);
        assert_string_equal(facts->subject_slash, forms[0]);
        assert_string_equal(facts->subject_oneline, forms[1]);
        assert_string_equal(facts->subject_reversed, forms[2]);
        x509_facts_free(facts);
    }
    X509_free(certificate);
    OPENSSL_free(der);
    X509_NAME_free(name);
}

/* Values made to look like something else; type is the ASN.1 string type they are kept as. */
static void hostile_values_stay_values(void **state)
{
    static const struct {
        const char *bytes;
        int length;
        int type;
        const char *slash, *oneline, *reversed;
    } rows[] = {
        {"a\0b", 3, V_ASN1_UTF8STRING, "/O=a\\00b", "O = a\\00b", "O=a\\00b"},
        {"a\nhost=x", 8, V_ASN1_UTF8STRING, "/O=a\\0ahost=x", "O = \"a\\0ahost=x\"", "O=a\\0ahost=x"},
        {"\033[2J", 4, V_ASN1_PRINTABLESTRING, "/O=\\1b[2J", "O = \\1b[2J", "O=\\1b[2J"},
        {"a\xff"
         "b",
         3, V_ASN1_UTF8STRING, NULL, NULL, NULL},
        {"\0A\0\xe4", 4, V_ASN1_BMPSTRING, "/O=Aä", "O = Aä", "O=Aä"},
        {"\0A\0", 3, V_ASN1_BMPSTRING, NULL, NULL, NULL},
        {"\xd8\0\0A", 4, V_ASN1_BMPSTRING, NULL, NULL, NULL},
        {"\0\0\0A", 4, V_ASN1_UNIVERSALSTRING, "/O=A", "O = A", "O=A"},
        {"\0\x11\0\0", 4, V_ASN1_UNIVERSALSTRING, NULL, NULL, NULL},
        {"\xe4", 1, V_ASN1_T61STRING, "/O=ä", "O = ä", "O=ä"},
        {"\x9b", 1, V_ASN1_T61STRING, "/O=\\c2\\9b", "O = \\c2\\9b", "O=\\c2\\9b"},
        {"x/CN=prime-pri", 14, V_ASN1_UTF8STRING, "/O=x\\2fCN=prime-pri", "O = \"x/CN=prime-pri\"",
         "O=x/CN=prime-pri"},
        {"Cisco Systems, Inc.", 19, V_ASN1_UTF8STRING, "/O=Cisco Systems, Inc.",
         "O = \"Cisco Systems, Inc.\"", "O=Cisco Systems\\, Inc."},
        {"x\", CN = \"y", 11, V_ASN1_UTF8STRING, "/O=x\", CN = \"y", "O = \"x\\22, CN = \\22y\"",
         "O=x\\\"\\, CN = \\\"y"},
        {"a\\", 2, V_ASN1_UTF8STRING, "/O=a\\5c", "O = a\\5c", "O=a\\5c"},
        {" a ", 3, V_ASN1_UTF8STRING, "/O= a ", "O = \" a \"", "O=\\ a\\ "},
        {"#a", 2, V_ASN1_UTF8STRING, "/O=#a", "O = \"#a\"", "O=\\#a"},
        {"a + b", 5, V_ASN1_UTF8STRING, "/O=a + b", "O = \"a + b\"", "O=a \\+ b"},
        {"\xe2\x80\xae"
         "gpj",
         6, V_ASN1_UTF8STRING, "/O=\\e2\\80\\aegpj", "O = \\e2\\80\\aegpj", "O=\\e2\\80\\aegpj"},
        {"", 0, V_ASN1_UTF8STRING, "/OU=", "OU = ", "OU="},
        {"\x03\xff", 2, V_ASN1_BIT_STRING, "/O=\\f8", "O = \\f8", "O=\\f8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_hostile(rows[i].bytes, rows[i].length, rows[i].type,
                      (const char *[]){rows[i].slash, rows[i].oneline, rows[i].reversed});
}

static void reads_subjects_back(void **state)
{
    static const char *const whole[] = {"/CN=x",
                                        "/O=a\\2fb/CN=c\\5cd",
                                        "/O=a, b = \"c\"/CN=ä",
                                        "/CN=a=b",
                                        "/emailAddress=a@b.example/CN=x",
                                        "/1.2.3.4=x"};
    static const char *const bad[] = {"",         "/",        "CN=x",      "/CN",    "/CN=",     "/=x",
                                      "//CN=x",   "/CN=x/",   "/C=USA",    "/XY=z",  "/CN=a\\n", "/CN=a\\",
                                      "/CN=\xff", "/CN=\\ff", "/CN=x\n/O", "/C=\033"};
    struct error err = {0};
    X509_NAME *name;

    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        struct certificate_facts *facts;

        name = x509_parse_subject(whole[i], &err);
        assert_non_null(name);
        facts = facts_of(name);
        assert_string_equal(facts->subject_slash, whole[i]);
        x509_facts_free(facts);
        X509_NAME_free(name);
    }
    name = x509_parse_subject("/O=a\\/b\\\\c", &err);
    assert_non_null(name);
    X509_NAME_free(name);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct error){0};
        assert_null(x509_parse_subject(bad[i], &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_null(strchr(err.message, '\033'));
        assert_null(strchr(err.message, '\n'));
    }
    x509_parse_subject("/CN=ok/XY=z", &err);
    assert_string_equal(err.message, "cannot read \"XY=z\" in the subject: there is no such type");
}

/* Every kind of day, against the calendar of the C library. */
static void reads_times_as_the_calendar_has_them(void **state)
{
    static const char *const bad[] = {
        "20230229000000Z", "20230431000000Z", "19000229000000Z", "20241301000000Z",  "20240001000000Z",
        "20240100000000Z", "20240101240000Z", "20240101006000Z", "20240101000060Z",  "2024010100000Z",
        "20240101000000",  "20240101000000z", "202401010000 0Z", "20240101000000.5Z"};
    ASN1_TIME *time = ASN1_TIME_new();
    int64_t read_ms;

    (void)state;
    for (int64_t seconds = -62167219200; seconds < 253402300800; seconds += 86400 * 13 + 3607) {
        time_t moment = (time_t)seconds;
        struct tm tm;
        char text[32];

        assert_non_null(gmtime_r(&moment, &tm));
        snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_int_equal(ASN1_STRING_set(time, text, (int)strlen(text)), 1);
        time->type = V_ASN1_GENERALIZEDTIME;
        assert_int_equal(form_time(time, "notAfter", &read_ms, NULL), 0);
        assert_int_equal(read_ms, seconds * 1000);
        if (tm.tm_year < 50 || tm.tm_year >= 150)
            continue;
        assert_int_equal(ASN1_STRING_set(time, text + 2, (int)strlen(text) - 2), 1);
        time->type = V_ASN1_UTCTIME;
        assert_int_equal(form_time(time, "notAfter", &read_ms, NULL), 0);
        assert_int_equal(read_ms, seconds * 1000);
    }
    time->type = V_ASN1_GENERALIZEDTIME;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};

        assert_int_equal(ASN1_STRING_set(time, bad[i], (int)strlen(bad[i])), 1);
        assert_int_equal(form_time(time, "notAfter", &read_ms, &err), -1);
        assert_int_equal(err.code, ERROR_UNTRUSTED);
    }
    ASN1_TIME_free(time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_published_forms),
        cmocka_unit_test(writes_what_is_empty_or_has_many_parts),
        cmocka_unit_test(hostile_values_stay_values),
        cmocka_unit_test(reads_subjects_back),
        cmocka_unit_test(reads_times_as_the_calendar_has_them),
    };

    return cmocka_run_group_tests(tests, make_key, free_key);
}
