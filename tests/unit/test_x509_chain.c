/* Bundles and chains: order, rings, forged issuers, limits. */
#include "x509/bundle.h"
#include "x509/chain.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static X509 *make(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key, bool ca)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *name = x509_parse_subject(subject, NULL), *by = x509_parse_subject(issuer, NULL);
    X509_EXTENSION *basic = X509V3_EXT_nconf_nid(NULL, NULL, NID_basic_constraints,
                                                 ca ? "critical,CA:TRUE" : "critical,CA:FALSE");

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_set_subject_name(certificate, name);
    X509_set_issuer_name(certificate, by);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_add_ext(certificate, basic, -1);
    X509_sign(certificate, issuer_key, EVP_sha256());
    X509_EXTENSION_free(basic);
    X509_NAME_free(name);
    X509_NAME_free(by);
    return certificate;
}

enum { LEAF, ISSUING, ROOT, FAKE_ISSUING, RING_A, RING_B, COUNT };
static EVP_PKEY *keys[COUNT];
static X509 *certificates[COUNT];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        keys[i] = EVP_EC_gen("P-256");
    certificates[ROOT] = make("/CN=root", keys[ROOT], "/CN=root", keys[ROOT], true);
    certificates[ISSUING] = make("/CN=issuing", keys[ISSUING], "/CN=root", keys[ROOT], true);
    certificates[LEAF] = make("/CN=leaf", keys[LEAF], "/CN=issuing", keys[ISSUING], false);
    certificates[FAKE_ISSUING] = make("/CN=issuing", keys[FAKE_ISSUING], "/CN=root", keys[ROOT], true);
    certificates[RING_A] = make("/CN=a", keys[RING_A], "/CN=b", keys[RING_B], true);
    certificates[RING_B] = make("/CN=b", keys[RING_B], "/CN=a", keys[RING_A], true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        X509_free(certificates[i]);
        EVP_PKEY_free(keys[i]);
    }
    return 0;
}

/* A pool of these, which borrows them. */
static STACK_OF(X509) * pool_of(const int *members, size_t count)
{
    STACK_OF(X509) *pool = sk_X509_new_null();

    for (size_t i = 0; i < count; i++)
        sk_X509_push(pool, certificates[members[i]]);
    return pool;
}

static void finds_the_issuer_by_its_signature(void **state)
{
    const int members[] = {FAKE_ISSUING, ROOT, ISSUING, LEAF};
    STACK_OF(X509) *pool = pool_of(members, 4), *chain = x509_order_chain(certificates[LEAF], pool);
    struct error err = {0};

    (void)state;
    assert_int_equal(sk_X509_num(chain), 1); /* the root is left out */
    assert_ptr_equal(sk_X509_value(chain, 0), certificates[ISSUING]);
    x509_bundle_free(chain);
    assert_int_equal(x509_build_chain(certificates[LEAF], pool, &chain, &err), 0);
    assert_int_equal(sk_X509_num(chain), 1);
    assert_int_equal(X509_cmp(sk_X509_value(chain, 0), certificates[ISSUING]), 0);
    x509_bundle_free(chain);
    sk_X509_free(pool);
}

static void says_where_a_chain_breaks(void **state)
{
    static const struct {
        int members[2];
        size_t count;
        const char *says;
    } rows[] = {
        {{ISSUING, 0}, 1, "/CN=root, which issued /CN=issuing, is neither"},
        {{ROOT, 0}, 1, "/CN=issuing, which issued /CN=leaf, is neither"},
        {{ROOT, FAKE_ISSUING}, 2, "the chain is broken"},
        {{0, 0}, 0, "/CN=issuing, which issued /CN=leaf, is neither"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        STACK_OF(X509) *pool = pool_of(rows[i].members, rows[i].count), *chain = NULL;
        struct error err = {0};

        assert_int_equal(x509_build_chain(certificates[LEAF], pool, &chain, &err), -1);
        assert_null(chain);
        assert_int_equal(err.code, ERROR_UNTRUSTED);
        assert_non_null(strstr(err.message, rows[i].says));
        sk_X509_free(pool);
    }
}

static void a_ring_ends(void **state)
{
    const int members[] = {RING_A, RING_B};
    STACK_OF(X509) *pool = pool_of(members, 2), *chain = x509_order_chain(certificates[RING_A], pool);
    struct error err = {0};

    (void)state;
    assert_true(sk_X509_num(chain) <= 20);
    x509_bundle_free(chain);
    assert_int_equal(x509_build_chain(certificates[RING_A], pool, &chain, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    sk_X509_free(pool);
}

static void a_self_signed_one_needs_no_issuer(void **state)
{
    STACK_OF(X509) *chain = NULL;

    (void)state;
    assert_true(x509_is_self_signed(certificates[ROOT]));
    assert_false(x509_is_self_signed(certificates[ISSUING]));
    assert_int_equal(x509_build_chain(certificates[ROOT], NULL, &chain, NULL), 0);
    assert_int_equal(sk_X509_num(chain), 0);
    x509_bundle_free(chain);
}

static void puts_issuers_before_what_they_issued(void **state)
{
    static const struct {
        int bundle[4], in_bundle;
        int pool[2], in_pool;
        int ordered[4]; /* -1: behind the last */
        int orphan;     /* -1: none */
    } rows[] = {
        {{LEAF, ISSUING, ROOT}, 3, {0}, 0, {ROOT, ISSUING, LEAF, -1}, -1},
        {{ISSUING, LEAF}, 2, {ROOT}, 1, {ISSUING, LEAF, -1}, -1},
        {{LEAF}, 1, {ISSUING}, 1, {LEAF, -1}, -1},
        {{LEAF, ISSUING}, 2, {ISSUING, ROOT}, 2, {ISSUING, LEAF, -1}, -1},
        {{LEAF, ISSUING}, 2, {0}, 0, {0}, LEAF},
        {{ROOT, LEAF}, 2, {FAKE_ISSUING}, 1, {0}, LEAF},
        {{RING_A, RING_B, ROOT}, 3, {0}, 0, {0}, RING_A},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        STACK_OF(X509) *bundle = pool_of(rows[i].bundle, (size_t)rows[i].in_bundle);
        STACK_OF(X509) *pool = pool_of(rows[i].pool, (size_t)rows[i].in_pool), *ordered = NULL;
        X509 *orphan = NULL;
        struct error err = {0};
        int failed = x509_roots_first(bundle, pool, &ordered, &orphan, &err);

        assert_int_equal(failed, rows[i].orphan < 0 ? 0 : -1);
        assert_ptr_equal(orphan, rows[i].orphan < 0 ? NULL : certificates[rows[i].orphan]);
        assert_int_equal(err.code, rows[i].orphan < 0 ? ERROR_NONE : ERROR_UNTRUSTED);
        for (int at = 0; failed == 0 && at < sk_X509_num(ordered); at++)
            assert_ptr_equal(sk_X509_value(ordered, at), certificates[rows[i].ordered[at]]);
        if (failed == 0)
            assert_int_equal(rows[i].ordered[sk_X509_num(ordered)], -1);
        x509_bundle_free(ordered);
        sk_X509_free(bundle);
        sk_X509_free(pool);
    }
}

#define LADDER 150

/* Each the issuer of the one before, as a trap has it: under one name, so that names say nothing, and the
 * last without an issuer. */
static STACK_OF(X509) * make_ladder(void)
{
    STACK_OF(X509) *ladder = sk_X509_new_null();
    EVP_PKEY *own = EVP_EC_gen("P-256");

    for (int i = 0; i < LADDER; i++) {
        EVP_PKEY *above = EVP_EC_gen("P-256");

        sk_X509_push(ladder, make("/CN=x", own, "/CN=x", above, true));
        EVP_PKEY_free(own);
        own = above;
    }
    sk_X509_push(ladder, make("/CN=x", own, "/CN=x", own, true));
    EVP_PKEY_free(own);
    return ladder;
}

static void gives_up_where_names_are_a_trap(void **state)
{
    STACK_OF(X509) *ladder = make_ladder(), *out = NULL;
    X509 *orphan = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(x509_roots_first(ladder, NULL, &out, &orphan, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "bear one name"));
    assert_null(out);
    assert_null(orphan);
    error_clear(&err);
    assert_int_equal(x509_build_chain(sk_X509_value(ladder, LADDER - 40), ladder, &out, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_null(out);
    out = x509_order_chain(sk_X509_value(ladder, LADDER - 40), ladder);
    assert_non_null(out);
    x509_bundle_free(out);
    x509_bundle_free(ladder);
}

static STACK_OF(X509) * read_many(int count, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    STACK_OF(X509) * bundle;
    char *data;
    long length;

    for (int i = 0; i < count; i++)
        PEM_write_bio_X509(bio, certificates[LEAF]);
    length = BIO_get_mem_data(bio, &data);
    bundle = x509_read_bundle(data, (size_t)length, err);
    BIO_free(bio);
    return bundle;
}

static void reads_as_many_as_it_may(void **state)
{
    struct error err = {0};
    STACK_OF(X509) *bundle = read_many(X509_BUNDLE_MAX, &err);

    (void)state;
    assert_int_equal(sk_X509_num(bundle), X509_BUNDLE_MAX);
    x509_bundle_free(bundle);
    assert_null(read_many(X509_BUNDLE_MAX + 1, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

static void refuses_every_truncation(void **state)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificates[LEAF], &der);

    (void)state;
    for (int cut = 0; cut < length; cut++) {
        /* a copy of that very size, so that the sanitizer sees a read behind it */
        char *copy = malloc(cut > 0 ? (size_t)cut : 1);
        struct error err = {0};

        memcpy(copy, der, (size_t)cut);
        assert_null(x509_read_bundle(copy, (size_t)cut, &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        free(copy);
    }
    OPENSSL_free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_issuer_by_its_signature),
        cmocka_unit_test(says_where_a_chain_breaks),
        cmocka_unit_test(a_ring_ends),
        cmocka_unit_test(a_self_signed_one_needs_no_issuer),
        cmocka_unit_test(puts_issuers_before_what_they_issued),
        cmocka_unit_test(gives_up_where_names_are_a_trap),
        cmocka_unit_test(reads_as_many_as_it_may),
        cmocka_unit_test(refuses_every_truncation),
    };

    return cmocka_run_group_tests_name("x509 chain", tests, set_up, tear_down);
}
