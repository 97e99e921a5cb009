#include "base/host_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads_and_prints_canonical(void **state)
{
    static const struct {
        const char *typed, *canonical;
        enum host_kind kind;
    } rows[] = {
        {"127.0.0.21_443", "127.0.0.21_443", HOST_IPV4},
        {"ISE.Example.COM._443", "ise.example.com_443", HOST_NAME},
        {"2001:DB8:0::1_443", "2001:db8::1_443", HOST_IPV6},
        {"::1_65535", "::1_65535", HOST_IPV6},
        {"prime-sec_1", "prime-sec_1", HOST_NAME},
        {"3com.example_80", "3com.example_80", HOST_NAME},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct host_port address;
        struct error err = {0};
        char text[HOST_PORT_TEXT_MAX];

        assert_int_equal(host_port_parse(rows[i].typed, &address, &err), 0);
        assert_int_equal(address.kind, rows[i].kind);
        host_port_format(&address, text);
        assert_string_equal(text, rows[i].canonical);
    }
}

static void refuses_with_what_was_typed(void **state)
{
    static const char *const rows[] = {
        "10.0.0.300_443", "x_99999", "_443",  "x",        "x_",      "x_0",       "x_44a",
        "x_-1",           "a..b_1",  "-a_1",  "a-_1",     "1.2.3_4", "[::1]_443", "fe80::1%eth0_443",
        "a b_1",          "x_443 ",  "x_+44", "x_000443", "a_b_443"};
    char longest[400];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct host_port address;
        struct error err = {0};

        assert_int_equal(host_port_parse(rows[i], &address, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, rows[i]));
        assert_non_null(strstr(err.message, "is not an address, a host name and a port joined by \"_\""));
    }
    memset(longest, 'a', 300);
    strncpy(longest + 300, "_443", 5);
    struct host_port address;
    struct error err = {0};
    assert_int_equal(host_port_parse(longest, &address, &err), -1);
    assert_int_equal(host_port_parse("a\033[2J_443", &address, &err), -1);
    assert_null(strchr(err.message, '\033'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_prints_canonical),
        cmocka_unit_test(refuses_with_what_was_typed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
