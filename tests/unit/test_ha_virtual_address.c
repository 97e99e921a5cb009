/* What may be a virtual address, and what keepalived is told of it. */
#include "ha/virtual_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct virtual_address_network network = {.interface = "eth0", .prefix = 24};

static struct virtual_address plan(const char *own, const char *peer, const char *ipv4, const char *ipv6)
{
    struct virtual_address plan = {.router_id = 7, .heartbeat_ms = 5000};

    snprintf(plan.own, sizeof(plan.own), "%s", own);
    snprintf(plan.peer, sizeof(plan.peer), "%s", peer);
    snprintf(plan.ipv4, sizeof(plan.ipv4), "%s", ipv4);
    snprintf(plan.ipv6, sizeof(plan.ipv6), "%s", ipv6);
    return plan;
}

static void the_rules(void **state)
{
    static const struct {
        const char *own, *peer, *ipv4, *ipv6;
        enum error_code code;
        const char *says;
    } cases[] = {
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "", ERROR_NONE, NULL},
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "2001:db8::100", ERROR_NONE, NULL},
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "fe80::1", ERROR_INVALID_ARGUMENT, "fe80::/10"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "febf::1", ERROR_INVALID_ARGUMENT, "fe80::/10"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "ff02::1", ERROR_INVALID_ARGUMENT, "not the IPv6 address"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "::1", ERROR_INVALID_ARGUMENT, "not the IPv6 address"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.100", "::", ERROR_INVALID_ARGUMENT, "not the IPv6 address"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.1", "", ERROR_INVALID_ARGUMENT, "one of the nodes"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.2", "", ERROR_INVALID_ARGUMENT, "one of the nodes"},
        {"10.0.0.1", "10.0.0.1", "10.0.0.2", "", ERROR_INVALID_ARGUMENT, "both nodes"},
        {"10.0.0.1", "10.0.0.2", "10.0.1.100", "", ERROR_CONFLICT, "not in the subnet of both"},
        {"10.0.0.1", "10.0.1.2", "10.0.0.100", "", ERROR_CONFLICT, "not in one subnet"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.0", "", ERROR_INVALID_ARGUMENT, "broadcast"},
        {"10.0.0.1", "10.0.0.2", "10.0.0.255", "", ERROR_INVALID_ARGUMENT, "broadcast"},
        {"10.0.0.1", "10.0.0.2", "224.0.0.18", "", ERROR_INVALID_ARGUMENT, "of a host"},
        {"10.0.0.1", "10.0.0.2", "255.255.255.255", "", ERROR_INVALID_ARGUMENT, "of a host"},
        {"10.0.0.1", "10.0.0.2", "0.0.0.0", "", ERROR_INVALID_ARGUMENT, "of a host"},
        {"10.0.0.1", "10.0.0.2", "", "", ERROR_INVALID_ARGUMENT, "of a host"},
        {"::1", "10.0.0.2", "10.0.0.100", "", ERROR_INVALID_ARGUMENT, "this node's address"},
        {"127.0.0.11", "127.0.0.12", "127.0.0.100", "", ERROR_CONFLICT, "loopback"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct virtual_address wanted = plan(cases[i].own, cases[i].peer, cases[i].ipv4, cases[i].ipv6);
        struct error err = {0};
        int result = virtual_address_rules(&wanted, &network, &err);

        if (err.code != cases[i].code || (result == 0) != (cases[i].code == ERROR_NONE))
            fail_msg("case %zu: %s", i, err.message);
        if (cases[i].says != NULL && strstr(err.message, cases[i].says) == NULL)
            fail_msg("case %zu does not say \"%s\": %s", i, cases[i].says, err.message);
    }
}

static void small_subnets(void **state)
{
    const struct virtual_address_network two = {.interface = "eth0", .prefix = 31};
    const struct virtual_address_network four = {.interface = "eth0", .prefix = 30};
    struct virtual_address wanted = plan("10.0.0.1", "10.0.0.2", "10.0.0.3", "");
    struct error err = {0};

    (void)state;
    assert_int_equal(virtual_address_rules(&wanted, &four, &err), -1); /* the broadcast address */
    wanted = plan("10.0.0.2", "10.0.0.3", "10.0.0.4", "");
    assert_int_equal(virtual_address_rules(&wanted, &two, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void a_shared_loopback(void **state)
{
    const struct virtual_address_network loopback = {.interface = "lo", .is_loopback = true, .prefix = 8};
    struct virtual_address wanted = plan("10.9.9.1", "10.9.9.2", "10.9.9.100", "");
    struct error err = {0};

    (void)state;
    assert_int_equal(virtual_address_rules(&wanted, &loopback, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "10.9.9.1 is on the loopback interface"));
    assert_non_null(strstr(err.hint, "without a virtual address"));
}

static void the_configuration(void **state)
{
    struct virtual_address wanted = plan("10.0.0.1", "10.0.0.2", "10.0.0.100", "2001:db8::100");
    char text[VIRTUAL_ADDRESS_CONF_MAX];

    (void)state;
    assert_true(virtual_address_conf(&wanted, &network, "/run/primesh/x/active", text, sizeof(text)));
    assert_non_null(strstr(text, "    file \"/run/primesh/x/active\"\n"));
    assert_non_null(strstr(text, "    interface eth0\n    virtual_router_id 7\n"));
    assert_non_null(strstr(text, "    advert_int 1.000\n"));
    assert_non_null(
        strstr(text, "    unicast_src_ip 10.0.0.1\n    unicast_peer {\n        10.0.0.2\n    }\n"));
    assert_non_null(strstr(text, "    virtual_ipaddress {\n        10.0.0.100/32 dev eth0\n    }\n"));
    assert_non_null(
        strstr(text, "    virtual_ipaddress_excluded {\n        2001:db8::100/128 dev eth0\n    }\n"));
    assert_non_null(strstr(text, "enable_script_security\n"));
    wanted.ipv6[0] = '\0';
    assert_true(virtual_address_conf(&wanted, &network, "/run/primesh/x/active", text, sizeof(text)));
    assert_null(strstr(text, "excluded"));
    assert_false(virtual_address_conf(&wanted, &network, "/run/primesh/x/active", text, 200));
}

static void adverts_follow_the_heartbeat(void **state)
{
    (void)state;
    assert_int_equal(virtual_address_advert_ms(5000), 1000);
    assert_int_equal(virtual_address_advert_ms(1000), 200);
    assert_int_equal(virtual_address_advert_ms(100), 20);
    assert_int_equal(virtual_address_advert_ms(50), 20);
    assert_int_equal(virtual_address_advert_ms(60000), 1000);
}

static void the_later_epoch_weighs_more(void **state)
{
    (void)state;
    for (uint64_t epoch = 0; epoch < 1000; epoch++) {
        int weight = virtual_address_weight(true, epoch);

        assert_true(weight >= 0 && weight < 200);
        if (epoch % 200 != 0)
            assert_true(weight > virtual_address_weight(true, epoch - 1));
        assert_int_equal(virtual_address_weight(false, epoch), -254);
    }
}

static void router_ids(void **state)
{
    char id[33];

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(id, sizeof(id), "%032x", i);
        assert_int_not_equal(virtual_address_router_id(id), 0);
        assert_int_equal(virtual_address_router_id(id), virtual_address_router_id(id));
    }
    assert_int_not_equal(virtual_address_router_id("a"), virtual_address_router_id("b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules),
        cmocka_unit_test(small_subnets),
        cmocka_unit_test(a_shared_loopback),
        cmocka_unit_test(the_configuration),
        cmocka_unit_test(adverts_follow_the_heartbeat),
        cmocka_unit_test(the_later_epoch_weighs_more),
        cmocka_unit_test(router_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
