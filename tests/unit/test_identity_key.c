/* Kinds of keys: read from text, made, known again; and what a certificate has to name. */
#include "identity/accept.h"
#include "identity/identity.h"
#include "identity/key.h"
#include "x509/names.h"
#include "x509/request.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

static void reads_algorithms_and_sizes(void **state)
{
    static const struct {
        const char *algorithm;
        const char *size;
        int expected; /* -1: refused */
        const char *shown;
    } rows[] = {
        {"rsa", NULL, 4096, "4096"},   {"RSA", "2048", 2048, "2048"}, {"rsa", "3072", 3072, "3072"},
        {"rsa", "8192", 8192, "8192"}, {"rsa", "1024", -1, ""},       {"rsa", "P-256", -1, ""},
        {"rsa", "2048x", -1, ""},      {"ec", NULL, 256, "P-256"},    {"ec", "p-384", 384, "P-384"},
        {"ec", "521", 521, "P-521"},   {"ec", "2048", -1, ""},        {"ec", "P-192", -1, ""},
        {"ed25519", "", 0, ""},        {"Ed25519", "256", -1, ""},    {"ed25519", NULL, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum key_algorithm algorithm;
        struct key_kind kind;
        struct error err = {0};
        char shown[KEY_SIZE_TEXT_MAX];

        assert_int_equal(key_algorithm_parse(rows[i].algorithm, &algorithm, &err), 0);
        if (rows[i].expected < 0) {
            assert_int_equal(key_size_parse(algorithm, rows[i].size, &kind, &err), -1);
            assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
            continue;
        }
        assert_int_equal(key_size_parse(algorithm, rows[i].size, &kind, &err), 0);
        assert_int_equal(kind.size, rows[i].expected);
        key_size_format(&kind, shown);
        assert_string_equal(shown, rows[i].shown);
    }
}

static void refuses_other_algorithms(void **state)
{
    static const char *const others[] = {"", "dsa", "rsa ", "ec2", "\033[2Jrsa"};
    enum key_algorithm algorithm;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct error err = {0};

        assert_int_equal(key_algorithm_parse(others[i], &algorithm, &err), -1);
        assert_null(strchr(err.message, '\033'));
    }
}

static void makes_every_kind_and_knows_it_again(void **state)
{
    static const struct {
        struct key_kind kind;
        const char *shown;
        int digest; /* of its signatures */
    } rows[] = {
        {{KEY_RSA, 2048}, "rsa, 2048 bits", NID_sha256}, {{KEY_EC, 256}, "ec, P-256", NID_sha256},
        {{KEY_EC, 384}, "ec, P-384", NID_sha384},        {{KEY_EC, 521}, "ec, P-521", NID_sha512},
        {{KEY_ED25519, 0}, "ed25519", NID_undef},
    };
    X509_NAME *subject = x509_parse_subject("/CN=node", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *key = key_generate(&rows[i].kind, NULL, NULL, NULL);
        struct key_kind again;
        struct text shown = {0};
        struct identity *identity;
        X509_REQ *request;

        assert_non_null(key);
        assert_true(key_kind_of(key, &again));
        assert_int_equal(again.algorithm, rows[i].kind.algorithm);
        assert_int_equal(again.size, rows[i].kind.size);
        x509_add_key(&shown, key);
        assert_string_equal(shown.data, rows[i].shown);
        text_free(&shown);
        assert_int_equal(x509_digest_for(key) == NULL ? NID_undef : EVP_MD_get_type(x509_digest_for(key)),
                         rows[i].digest);
        request = x509_make_request(key, subject, NULL, NULL);
        assert_int_equal(X509_REQ_verify(request, key), 1);
        X509_REQ_free(request);
        identity = identity_self_signed(key, subject, NULL, 0, NULL);
        assert_int_equal(X509_verify(identity->certificate, key), 1);
        /* only RSA enciphers (RFC 8446 has no such exchange, RFC 5246 has for RSA alone) */
        assert_int_equal((X509_get_key_usage(identity->certificate) & KU_KEY_ENCIPHERMENT) != 0,
                         rows[i].kind.algorithm == KEY_RSA);
        identity_free(identity);
    }
    X509_NAME_free(subject);
}

static bool yes(void *arg)
{
    ++*(int *)arg;
    return true;
}

/* A key on P-256 with the private half of one and the public half of another. */
static EVP_PKEY *make_halves(EVP_PKEY *one, EVP_PKEY *other)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    unsigned char point[65];
    size_t length = 0;
    BIGNUM *secret = NULL;
    OSSL_PARAM *parameters;
    EVP_PKEY *made = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(one, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(other, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length), 1);
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    parameters = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, parameters), 1);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(secret);
    EVP_PKEY_CTX_free(context);
    return made;
}

static void halves_of_two_keys_are_told(void **state)
{
    const struct key_kind kind = {KEY_EC, 256};
    EVP_PKEY *one = key_generate(&kind, NULL, NULL, NULL), *other = key_generate(&kind, NULL, NULL, NULL);
    EVP_PKEY *mixed = make_halves(one, other), *whole = make_halves(one, one);
    struct error err = {0};

    (void)state;
    assert_int_equal(EVP_PKEY_eq(mixed, other), 1); /* as the certificate of the other would say */
    assert_int_equal(key_check_halves(mixed, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    assert_int_equal(key_check_halves(whole, NULL), 0);
    EVP_PKEY_free(one);
    EVP_PKEY_free(other);
    EVP_PKEY_free(mixed);
    EVP_PKEY_free(whole);
}

static void making_one_can_be_cut_short(void **state)
{
    const struct key_kind kind = {KEY_RSA, 8192};
    struct error err = {0};
    int asked = 0;

    (void)state;
    assert_null(key_generate(&kind, yes, &asked, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_true(asked > 0);
}

static void knows_which_names_are_missing(void **state)
{
    static const struct {
        const char *names;
        const char *hostname;
        const char *missing;
    } rows[] = {
        {"DNS:node,IP:10.0.0.1,IP:2001:db8::1", "node", ""},
        {"dns:node", "node", NULL},
        {"DNS:NODE,IP:10.0.0.1,IP:2001:db8:0::1", "node", ""},
        {"DNS:node.example.com,IP:10.0.0.1,IP:2001:db8::1", "node", ""},
        {"DNS:nodes.example.com,IP:10.0.0.1,IP:2001:db8::1", "node", "DNS:node"},
        {"DNS:node2,IP:10.0.0.1,IP:2001:db8::1", "node", "DNS:node"},
        {"DNS:node,IP:10.0.0.1", "node", "IP:2001:db8::1"},
        {"", "node", "DNS:node, IP:10.0.0.1, IP:2001:db8::1"},
        {"DNS:*.example.com,IP:10.0.0.1,IP:2001:db8::1", "node.example.com", ""},
        {"DNS:*.example.com,IP:10.0.0.1,IP:2001:db8::1", "a.node.example.com", "DNS:a.node.example.com"},
        {"DNS:*.com,IP:10.0.0.1,IP:2001:db8::1", "node.example.com", "DNS:node.example.com"},
        {"DNS:node,IP:10.0.0.1,IP:2001:db8::1", "node.example.com", "DNS:node.example.com"},
    };
    static const char addresses[][HOST_TEXT_MAX] = {"10.0.0.1", "2001:db8::1", "127.0.0.1", "::1"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct node_names node = {rows[i].hostname, addresses, 4};
        GENERAL_NAMES *names = x509_parse_names(rows[i].names, NULL);
        struct text missing = {0};

        if (rows[i].missing == NULL) {
            assert_null(names);
            continue;
        }
        assert_non_null(names);
        accept_uncovered(names, &node, &missing);
        assert_string_equal(missing.data != NULL ? missing.data : "", rows[i].missing);
        text_free(&missing);
        GENERAL_NAMES_free(names);
    }
}

static void reads_and_writes_names(void **state)
{
    static const struct {
        const char *typed;
        const char *shown; /* NULL: refused */
    } rows[] = {
        {"DNS:a,IP:1.2.3.4", "DNS:a,IP:1.2.3.4"},
        {" DNS:a , IP:::1 ", "DNS:a,IP:::1"},
        {"DNS:*.a.b", "DNS:*.a.b"},
        {"", ""},
        {"DNS:a,", "DNS:a"},
        {"DNS:a,,DNS:b", NULL},
        {"a", NULL},
        {"DNS:a b", NULL},
        {"IP:a", NULL},
        {"IP:1.2.3", NULL},
        {"email:a@b", NULL},
        {"DNS:", NULL},
        {"IP:1.2.3.4/8", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        struct text shown = {0};
        GENERAL_NAMES *names = x509_parse_names(rows[i].typed, &err);

        if (rows[i].shown == NULL) {
            assert_null(names);
            assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
            continue;
        }
        x509_add_names(&shown, names, ",");
        assert_string_equal(shown.data != NULL ? shown.data : "", rows[i].shown);
        text_free(&shown);
        GENERAL_NAMES_free(names);
    }
}

static void takes_no_more_names_than_it_may(void **state)
{
    struct text many = {0};
    struct error err = {0};

    (void)state;
    for (int i = 0; i <= X509_NAMES_MAX; i++)
        text_format(&many, "DNS:n%d,", i);
    assert_null(x509_parse_names(many.data, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    text_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_algorithms_and_sizes),          cmocka_unit_test(refuses_other_algorithms),
        cmocka_unit_test(makes_every_kind_and_knows_it_again), cmocka_unit_test(making_one_can_be_cut_short),
        cmocka_unit_test(knows_which_names_are_missing),       cmocka_unit_test(reads_and_writes_names),
        cmocka_unit_test(takes_no_more_names_than_it_may),     cmocka_unit_test(halves_of_two_keys_are_told),
    };

    return cmocka_run_group_tests_name("identity key", tests, NULL, NULL);
}
