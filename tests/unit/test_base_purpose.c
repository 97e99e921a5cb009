/* The tables of purposes, trust stores and services hold together, and say what the source says. */
#include "base/purpose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void purposes_use_services_that_exist(void **state)
{
    (void)state;
    for (size_t i = 0; i < purpose_count; i++) {
        const struct purpose *purpose = &purposes[i];

        assert_ptr_equal(purpose_find(purpose->name, NULL), purpose);
        if (purpose->holder != NULL)
            assert_string_equal(purpose->holder, purpose->services[0]);
        for (size_t j = 0; j < PURPOSE_SERVICES_MAX && purpose->services[j] != NULL; j++) {
            const struct purpose_service *service = purpose_service_find(purpose->services[j], NULL);

            assert_non_null(service);
            assert_true(purpose_is_used_by(purpose, service->name));
        }
        if (purpose->chain != NULL)
            assert_non_null(trust_store_find(purpose->chain, NULL));
        if (purpose->shown != NULL)
            assert_non_null(trust_store_find(purpose->shown, NULL));
        assert_true(!purpose->can_request || purpose->chain != NULL);
    }
}

static void names_are_found(void **state)
{
    struct error err = {0};

    (void)state;
    assert_string_equal(purpose_find("tomcat/tomcat.pem", NULL)->name, "tomcat");
    assert_string_equal(purpose_find("TOMCAT-ecdsa", NULL)->name, "tomcat-ECDSA");
    assert_string_equal(purpose_find("CAPF/CAPF.csr", NULL)->name, "CAPF");
    assert_string_equal(purpose_find("cup-xmpp-s2s", NULL)->name, "cup-xmpp-s2s");
    assert_null(purpose_find("tomcat/ipsec.pem", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_null(purpose_find("tomcat-trust", NULL));
    assert_null(purpose_find("", NULL));
    assert_string_equal(trust_store_find("capf-TRUST", NULL)->name, "CAPF-trust");
    assert_null(trust_store_find("cup-trust", &err));
    assert_string_equal(purpose_service_find("cisco capf", NULL)->name,
                        "Cisco Certificate Authority Proxy Function");
    assert_null(purpose_service_find("Cisco", &err));
}

/* Table 3 of the source: name, services to restart. */
static void services_are_those_of_the_source(void **state)
{
    static const struct {
        const char *purpose;
        const char *services[3];
    } rows[] = {
        {"tomcat", {"Cisco Tomcat", "Cisco TFTP"}},
        {"tomcat-ECDSA", {"Cisco Tomcat", "Cisco TFTP"}},
        {"ipsec", {"Cisco DRF Local", "Cisco DRF Master"}},
        {"CallManager", {"Cisco CallManager", "Cisco CAPF", "Cisco CTIManager"}},
        {"CAPF", {"Cisco CallManager", "Cisco CAPF"}},
        {"TVS", {"Cisco Trust Verification Service"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct purpose *purpose = purpose_find(rows[i].purpose, NULL);
        size_t count = 0, expected = 0;

        while (count < PURPOSE_SERVICES_MAX && purpose->services[count] != NULL)
            count++;
        for (; expected < 3 && rows[i].services[expected] != NULL; expected++)
            assert_true(
                purpose_is_used_by(purpose, purpose_service_find(rows[i].services[expected], NULL)->name));
        assert_int_equal(count, expected);
    }
}

/* "From CAPF-trust, tomcat-trust, CallManager-trust or Phone-SAST-trust it is deleted on all servers", and
 * "imported into CAPF-trust, it is in force on this node only". */
static void trust_stores_reach_as_far_as_the_source_says(void **state)
{
    static const char *const everywhere[] = {"CAPF-trust", "tomcat-trust", "CallManager-trust",
                                             "Phone-SAST-trust"};
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
        assert_true(trust_store_find(everywhere[i], NULL)->pair_delete);
    for (size_t i = 0; i < trust_store_count; i++)
        count += trust_stores[i].pair_delete;
    assert_int_equal(count, 4);
    assert_false(trust_store_find("CAPF-trust", NULL)->pair_import);
    assert_true(trust_store_find("tomcat-trust", NULL)->pair_import);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purposes_use_services_that_exist),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(services_are_those_of_the_source),
        cmocka_unit_test(trust_stores_reach_as_far_as_the_source_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
