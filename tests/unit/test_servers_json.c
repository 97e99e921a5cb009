/* The answers of a DNA Center, good and bad, and its tokens. */
#include "servers/dnac_json.h"

#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JSON "application/json;charset=UTF-8"
#define NOW 1700000000000LL

static int token_of(const char *type, const char *body, char out[DNAC_TOKEN_MAX], struct error *err)
{
    return dnac_read_token(type, body, strlen(body), out, err);
}

static void a_token_is_read(void **state)
{
    char token[DNAC_TOKEN_MAX];
    struct error err = {0};

    (void)state;
    assert_int_equal(token_of(JSON, "{\"Token\":\"abc.def.ghi\"}", token, &err), 0);
    assert_string_equal(token, "abc.def.ghi");
    assert_int_equal(token_of("", "{\"x\":1,\"Token\":\"t\"}", token, &err), 0);
}

static void what_is_no_token_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "\"Token\"",
        "{\"Token\":\"\"}",
        "{\"Token\":7}",
        "{\"Token\":\"a b\"}",
        "{\"Token\":\"a\\r\\nX-Evil: 1\"}", /* would end the header */
        "{\"Token\":\"a\\u0000b\"}",
        "{\"Token\":\"\xc3\xa9\"}",
        "{\"Token\":\"\xff\"}",
        "{\"Token\":\"a\",\"Token\":\"b\"}",
        "{\"Token\":\"a\"",
        "{\"Token\":\"a\"} and more",
        "<html></html>",
    };
    char token[DNAC_TOKEN_MAX];
    char *longest = malloc(DNAC_TOKEN_MAX + 100);
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (token_of(JSON, bad[i], token, &err) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.code, ERROR_UNREACHABLE);
        assert_null(strstr(err.message, "Evil"));
    }
    snprintf(longest, DNAC_TOKEN_MAX + 100, "{\"Token\":\"%0*d\"}", DNAC_TOKEN_MAX, 7);
    assert_int_equal(token_of(JSON, longest, token, &err), -1);
    free(longest);
    assert_int_equal(token_of("application/json; charset=latin1", "{\"Token\":\"a\"}", token, &err), -1);
    assert_non_null(strstr(err.message, "charset"));
}

/* header.<claims>.signature, base64url without padding */
static void make_jwt(const char *claims, char *out, size_t size)
{
    char text[1024];

    base64_encode(claims, strlen(claims), text);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text[strcspn(text, "=")] = '\0';
    snprintf(out, size, "eyJhbGciOiJIUzI1NiJ9.%s.c2ln", text);
}

static void a_token_says_how_long_it_lasts(void **state)
{
    static const struct {
        const char *claims;
        int64_t until_ms;
    } tokens[] = {
        {"{\"exp\":1700003600}", NOW + 3600000 - DNAC_TOKEN_MARGIN_MS},
        {"{\"sub\":\"?>~\",\"exp\":1700000120}", NOW + 60000},
        {"{\"exp\":1700000060}", NOW},                      /* only for now */
        {"{\"exp\":1600000000}", NOW},                      /* over: not before now */
        {"{\"exp\":1800000000}", NOW + 24 * 3600 * 1000LL}, /* nobody trusts it for years */
        {"{\"exp\":9223372036854775807}", NOW + DNAC_TOKEN_TIME_MS - DNAC_TOKEN_MARGIN_MS},
        {"{\"exp\":-5}", NOW + DNAC_TOKEN_TIME_MS - DNAC_TOKEN_MARGIN_MS},
        {"{\"exp\":\"soon\"}", NOW + DNAC_TOKEN_TIME_MS - DNAC_TOKEN_MARGIN_MS},
        {"{}", NOW + DNAC_TOKEN_TIME_MS - DNAC_TOKEN_MARGIN_MS},
        {"[[[[[[[[[[[[[[[[[[[[[[[[", NOW + DNAC_TOKEN_TIME_MS - DNAC_TOKEN_MARGIN_MS},
    };
    static const char *const opaque[] = {"abc", "a.b", "a.b.c", "..", "a.!!!.c", "a..c"};
    char token[DNAC_TOKEN_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        make_jwt(tokens[i].claims, token, sizeof(token));
        if (dnac_token_until(token, NOW) != tokens[i].until_ms)
            fail_msg("%s: %lld", tokens[i].claims, (long long)(dnac_token_until(token, NOW) - NOW));
    }
    for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++)
        assert_int_equal(dnac_token_until(opaque[i], NOW), NOW + DNAC_TOKEN_TIME_MS - DNAC_TOKEN_MARGIN_MS);
}

static void counts(void **state)
{
    static const char *const bad[] = {"{}",
                                      "{\"response\":-1}",
                                      "{\"response\":\"5\"}",
                                      "{\"response\":1.5}",
                                      "{\"response\":[]}",
                                      "5",
                                      "{\"response\":99999999999999999999}"};
    struct error err = {0};
    uint64_t count = 0;

    (void)state;
    assert_int_equal(dnac_read_count(JSON, "{\"response\":5,\"version\":\"1.0\"}", 30, &count, &err), 0);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(dnac_read_count(JSON, bad[i], strlen(bad[i]), &count, &err), -1);
}

static void a_release_is_read(void **state)
{
    static const struct {
        const char *body;
        const char *version; /* NULL: refused */
    } cases[] = {
        {"{\"response\":{\"installedVersion\":\"2.3.3.7-72328\",\"displayVersion\":\"2.3.3.7\"}}", "2.3.3.7"},
        {"{\"response\":{\"installedVersion\":\"2.1.2\"}}", "2.1.2"},
        {"{\"response\":{\"installedVersion\":\"2.1.2\",\"displayVersion\":\"\"}}", "2.1.2"},
        {"{\"response\":{\"displayVersion\":\"a\\u001bb\"}}", "a\\1bb"},
        {"{\"response\":{\"displayVersion\":7}}", ""},
        {"{\"response\":[]}", ""},
        {"{}", ""},
        {"[]", NULL},
        {"{\"response\":", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *body = cases[i].body;
        char version[DNAC_FIELD_MAX] = "";
        struct error err = {0};
        int result = dnac_read_release(JSON, body, strlen(body), version, &err);

        assert_int_equal(result, cases[i].version == NULL ? -1 : 0);
        if (cases[i].version != NULL)
            assert_string_equal(version, cases[i].version);
    }
}

struct reading {
    struct dnac_device first;
    size_t count;
    size_t most;
};

static bool keep_device(void *arg, const struct dnac_device *device)
{
    struct reading *reading = arg;

    if (reading->count == 0)
        reading->first = *device;
    return ++reading->count < reading->most;
}

static void devices(void **state)
{
    static const char text[] =
        "{\"response\":[{\"hostname\":\"a\\u001b[2Jb\\nc\",\"managementIpAddress\":\"10.0.0.1\","
        "\"platformId\":null,\"softwareVersion\":17,\"reachabilityStatus\":\"Reachable\",\"other\":{\"x\":[1]"
        "}},"
        "{},[],null,\"x\"]}";
    struct reading reading = {.most = 100};
    struct error err = {0};
    size_t count = 0;

    (void)state;
    assert_int_equal(dnac_read_devices(JSON, text, strlen(text), keep_device, &reading, &count, &err), 0);
    assert_int_equal(count, 5);
    assert_int_equal(reading.count, 5);
    assert_string_equal(reading.first.name, "a\\1b[2Jb\\0ac");
    assert_string_equal(reading.first.address, "10.0.0.1");
    assert_string_equal(reading.first.platform, "");
    assert_string_equal(reading.first.version, "");
    reading = (struct reading){.most = 2};
    assert_int_equal(dnac_read_devices(JSON, text, strlen(text), keep_device, &reading, &count, &err), 0);
    assert_int_equal(reading.count, 2);
    assert_int_equal(dnac_read_devices(JSON, "{\"response\":{}}", 15, keep_device, &reading, &count, &err),
                     -1);
}

/* Small bytes that would become much memory. */
static void deep_and_crowded_ones_are_refused(void **state)
{
    size_t length = 4 * 1024 * 1024;
    char *text = malloc(length);
    struct error err = {0};
    uint64_t count;

    (void)state;
    memset(text, '[', length);
    memcpy(text, "{\"response\":", 12);
    assert_int_equal(dnac_read_count(JSON, text, length, &count, &err), -1);
    assert_non_null(strstr(err.message, "nested too deeply"));
    for (size_t i = 12; i + 3 <= length; i += 3)
        memcpy(text + i, "[],", 3);
    text[12] = '[';
    assert_int_equal(dnac_read_count(JSON, text, length, &count, &err), -1);
    assert_non_null(strstr(err.message, "parts"));
    free(text);
    /* brackets inside of texts are none */
    assert_int_equal(
        dnac_read_count(JSON, "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[\",\"response\":1}", 44, &count, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_read),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_token_says_how_long_it_lasts),
        cmocka_unit_test(counts),
        cmocka_unit_test(a_release_is_read),
        cmocka_unit_test(devices),
        cmocka_unit_test(deep_and_crowded_ones_are_refused),
    };

    return cmocka_run_group_tests_name("servers_json", tests, NULL, NULL);
}
