#include "base/tls_versions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void versions_are_read_in_any_order(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {{"TLSv1.2", "TLSv1.2"},
                {"TLSv1.3", "TLSv1.3"},
                {"TLSv1.3 TLSv1.2", "TLSv1.2 TLSv1.3"},
                {" tlsv1.2,TLSv1.3 ", "TLSv1.2 TLSv1.3"},
                {"TLSv1.2 TLSv1.2", "TLSv1.2"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_versions versions;
        char shown[TLS_VERSIONS_TEXT_MAX];

        assert_int_equal(tls_versions_parse(rows[i].text, &versions, NULL), 0);
        tls_versions_format(&versions, ' ', shown);
        assert_string_equal(shown, rows[i].shown);
    }
}

static void what_is_withdrawn_or_none_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {{"", "no version"},
                {" , ", "no version"},
                {"TLSv1", "TLSv1 is withdrawn"},
                {"TLSv1.2 TLSv1.1", "TLSv1.1 is withdrawn"},
                {"SSLv3", "SSLv3 is withdrawn"},
                {"TLSv1.4", "TLSv1.4 is not a version of TLS"},
                {"TLSv1.2x", "TLSv1.2x is not"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_versions versions;
        struct error err = {0};

        assert_int_equal(tls_versions_parse(rows[i].text, &versions, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, rows[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read_in_any_order),
        cmocka_unit_test(what_is_withdrawn_or_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
