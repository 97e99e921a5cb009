/* Certificates and requests by purpose carry what the tables say, and survive being sealed. */
#include "identity/accept.h"
#include "identity/purpose_certificate.h"
#include "identity/sealed.h"
#include "store_fixture.h"
#include "x509/names.h"

#include <openssl/x509v3.h>

static const struct key_kind quick = {KEY_EC, 256};

static struct identity *make(const char *name, struct error *err)
{
    const struct purpose *purpose = purpose_find(name, err);
    X509_NAME *subject = purpose_subject(purpose, "/O=Lab/CN=old/OU=Unit", "node", err);
    GENERAL_NAMES *names = x509_parse_names("DNS:node,IP:10.0.0.1", err);
    struct purpose_usage usage;
    struct identity *identity;

    purpose_usage(purpose, true, &usage);
    identity =
        identity_self_signed_for(key_generate(&quick, NULL, NULL, err), subject, names, 0, &usage.usage, err);
    X509_NAME_free(subject);
    GENERAL_NAMES_free(names);
    return identity;
}

static const struct {
    unsigned bit;
    uint32_t flag;
} usages[] = {
    {PURPOSE_DIGITAL_SIGNATURE, KU_DIGITAL_SIGNATURE}, {PURPOSE_KEY_ENCIPHERMENT, KU_KEY_ENCIPHERMENT},
    {PURPOSE_DATA_ENCIPHERMENT, KU_DATA_ENCIPHERMENT}, {PURPOSE_SIGN_CERTIFICATES, KU_KEY_CERT_SIGN},
    {PURPOSE_KEY_AGREEMENT, KU_KEY_AGREEMENT},
};

static void self_signed_ones_have_the_usage_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < purpose_count; i++) {
        struct error err = {0};
        struct identity *identity = make(purposes[i].name, &err);
        uint32_t flags, extended;

        if (identity == NULL)
            fail_msg("%s", err.message);
        flags = X509_get_extension_flags(identity->certificate);
        extended = X509_get_extended_key_usage(identity->certificate);
        for (size_t j = 0; j < sizeof(usages) / sizeof(usages[0]); j++)
            assert_int_equal((X509_get_key_usage(identity->certificate) & usages[j].flag) != 0,
                             (purposes[i].key_usage & usages[j].bit) != 0);
        assert_int_equal((flags & EXFLAG_XKUSAGE) != 0, purposes[i].extended != 0);
        if (purposes[i].extended != 0) {
            assert_int_equal((extended & XKU_SSL_SERVER) != 0, (purposes[i].extended & PURPOSE_SERVER) != 0);
            assert_int_equal((extended & XKU_SSL_CLIENT) != 0, (purposes[i].extended & PURPOSE_CLIENT) != 0);
        }
        assert_int_equal((flags & EXFLAG_CA) != 0, (purposes[i].key_usage & PURPOSE_SIGN_CERTIFICATES) != 0);
        identity_free(identity);
    }
}

static void assert_common_name(const char *purpose, const char *expected, size_t compared)
{
    struct error err = {0};
    struct identity *identity = make(purpose, &err);
    char name[128];

    assert_non_null(identity);
    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(identity->certificate), NID_commonName, name,
                                          sizeof(name)) > 0);
    assert_int_equal(strncmp(name, expected, compared), 0);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(identity->certificate)), 3);
    identity_free(identity);
}

static void subjects_have_the_purposes_common_name(void **state)
{
    (void)state;
    assert_common_name("ipsec", "node", sizeof("node"));
    assert_common_name("tomcat-ECDSA", "node-EC", sizeof("node-EC"));
    assert_common_name("ITLRecovery", "ITLRECOVERY_node", sizeof("ITLRECOVERY_node"));
    assert_common_name("authz", "AUTHZ_node", sizeof("AUTHZ_node"));
    assert_common_name("CAPF", "CAPF-", 5);
}

static void acceptance_asks_for_the_usage(void **state)
{
    static const char addresses[1][HOST_TEXT_MAX] = {"10.0.0.1"};
    const struct node_names names = {"node", addresses, 1};
    const int64_t now = (int64_t)time(NULL) * 1000 + 1000;
    struct error err = {0};
    struct identity *ipsec = make("ipsec", &err), *tomcat = make("tomcat", &err), *capf = make("CAPF", &err);

    (void)state;
    assert_ok(purpose_accept(purpose_find("ipsec", NULL), ipsec->certificate, &names, now, &err), err);
    assert_ok(purpose_accept(purpose_find("tomcat", NULL), ipsec->certificate, &names, now, &err), err);
    assert_ok(purpose_accept(purpose_find("CAPF", NULL), capf->certificate, &names, now, &err), err);
    assert_int_equal(purpose_accept(purpose_find("ipsec", NULL), tomcat->certificate, &names, now, &err), -1);
    assert_non_null(strstr(err.message, "IPsec"));
    assert_int_equal(purpose_accept(purpose_find("CAPF", NULL), tomcat->certificate, &names, now, &err), -1);
    assert_int_equal(purpose_accept(purpose_find("tomcat", NULL), capf->certificate, &names, now, &err), -1);
    assert_int_equal(purpose_accept(purpose_find("CAPF", NULL), capf->certificate, &names, now * 2, &err),
                     -1);
    identity_free(ipsec);
    identity_free(tomcat);
    identity_free(capf);
}

static void sealed_keys_come_back_only_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct seal *seal = seal_open(fixture->home, &err);
    struct identity *identity = make("TVS", &err), *back;
    size_t length;
    uint8_t *sealed;

    assert_non_null(seal);
    sealed = identity_seal(identity, seal, "purpose/TVS/waiting", &length, &err);
    assert_non_null(sealed);
    assert_null(memmem(sealed, length, "PRIVATE KEY", 11));
    back = identity_unseal(sealed, length, seal, "purpose/TVS/waiting", &err);
    assert_non_null(back);
    assert_int_equal(X509_cmp(back->certificate, identity->certificate), 0);
    assert_int_equal(EVP_PKEY_eq(back->key, identity->key), 1);
    identity_free(back);
    assert_null(identity_unseal(sealed, length, seal, "purpose/TVS/in-service", &err));
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    sealed[length / 2] ^= 1;
    assert_null(identity_unseal(sealed, length, seal, "purpose/TVS/waiting", &err));
    assert_null(identity_unseal(sealed, 3, seal, "purpose/TVS/waiting", &err));
    free(sealed);
    identity_free(identity);
    seal_close(seal);
}

static void sealed_requests_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct seal *seal = seal_open(fixture->home, &err);
    X509_NAME *subject = purpose_subject(purpose_find("TVS", NULL), "/CN=x", "node", &err);
    struct pending pending = {.key = key_generate(&quick, NULL, NULL, &err), .made_ms = 1795227664123};
    struct pending *back;
    size_t length;
    uint8_t *sealed;

    pending.request = x509_make_request(pending.key, subject, NULL, &err);
    sealed = pending_seal(&pending, seal, "purpose/TVS/pending", &length, &err);
    assert_non_null(sealed);
    back = pending_unseal(sealed, length, seal, "purpose/TVS/pending", &err);
    assert_non_null(back);
    assert_true(back->made_ms == pending.made_ms);
    assert_int_equal(EVP_PKEY_eq(back->key, pending.key), 1);
    assert_int_equal(X509_REQ_check_private_key(back->request, pending.key), 1);
    pending_free(back);
    free(sealed);
    X509_REQ_free(pending.request);
    EVP_PKEY_free(pending.key);
    X509_NAME_free(subject);
    seal_close(seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_signed_ones_have_the_usage_of_the_table),
        cmocka_unit_test(subjects_have_the_purposes_common_name),
        cmocka_unit_test(acceptance_asks_for_the_usage),
        cmocka_unit_test_setup_teardown(sealed_keys_come_back_only_as_they_were, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(sealed_requests_come_back, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
