/* The stand-ins' parts: tokens, pages, records, templates, paths, credentials, moods. */
#include "lab/api.h"
#include "lab/jwt.h"
#include "lab/page.h"

#include "base/base64.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct lab_server ise = {.name = "ise", .kind = LAB_STANDIN};
static const struct lab_server dnac = {.name = "dnac-2", .kind = LAB_STANDIN};

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/primesh-lab-test.XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static const char *write_data(const char *name, const char *text)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
    return path;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"table", "users"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* --- tokens -----------------------------------------------------------------------------------------------
 */

/* The example of RFC 7515 appendix A.1: the key and the token as printed there. */
static void verifies_the_standards_token(void **state)
{
    static const unsigned char key[] = {3,   35,  53,  75,  43,  15,  165, 188, 131, 126, 6,   101, 119,
                                        123, 166, 143, 90,  179, 40,  230, 240, 84,  201, 40,  169, 15,
                                        132, 178, 210, 80,  46,  191, 211, 251, 90,  146, 210, 6,   71,
                                        239, 150, 138, 180, 195, 119, 98,  61,  34,  61,  46,  33,  114,
                                        5,   46,  79,  8,   192, 205, 154, 245, 103, 208, 128, 163};
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    json_t *claims = jwt_verify(token, key, sizeof(key));

    (void)state;
    assert_non_null(claims);
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), "joe");
    json_decref(claims);
    assert_null(jwt_verify(token, key, sizeof(key) - 1));
}

static void takes_no_altered_token(void **state)
{
    json_t *claims = json_pack("{s:s, s:i}", "username", "admin?>~", "exp", 12);
    char *token = jwt_sign(claims, "secret", 6);
    json_t *again = jwt_verify(token, "secret", 6);
    const size_t length = strlen(token);

    (void)state;
    assert_non_null(again);
    assert_true(json_equal(claims, again));
    json_decref(again);
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            token[i] = (char)(token[i] ^ 1 << bit);
            again = token[i] == '\0' ? NULL : jwt_verify(token, "secret", 6);
            if (again != NULL)
                fail_msg("bit %d of digit %zu altered nothing", bit, i);
            token[i] = (char)(token[i] ^ 1 << bit);
        }
    }
    token[length - 1] = '\0';
    assert_null(jwt_verify(token, "secret", 6));
    assert_null(jwt_verify("", "secret", 6));
    assert_null(jwt_verify("..", "secret", 6));
    free(token);
    json_decref(claims);
}

/* --- records and pages ------------------------------------------------------------------------------------
 */

static void makes_records_from_rows(void **state)
{
    static const struct {
        size_t number;
        const char *column;
        const char *expected;
    } rows[] = {
        {1, "name", "core"},          {2, "name", "edge"},
        {3, "name", "core-2"},        {4, "name", "edge-2"},
        {5, "name", "core-3"},        {1, "address", "10.0.0.1"},
        {256, "address", "10.0.1.0"}, {70000, "address", "10.1.17.112"},
        {258, "mac", "00:01:02"},     {43981, "mac", "00:ab:cd"},
        {43981, "MAC", "00:AB:CD"},   {7, "id", "0000000000070000007"},
        {1, "odd", "${what} ${"},
    };
    struct error err = {0};
    struct records *records = records_read(
        write_data("table",
                   "# comment\n\nname | address|mac | MAC | id |odd\n"
                   "core${round} | 10.${a}.${b}.${c}\t|${ha}:${hb}:${hc}| ${Ha}:${Hb}:${Hc} | "
                   "${x12}0${n6} | ${what} ${\r\n"
                   "edge${round}|10.${a}.${b}.${c}|${ha}:${hb}:${hc}|${Ha}:${Hb}:${Hc}|${x12}0${n6}|\n"),
        &err);

    (void)state;
    if (records == NULL)
        fail_msg("%s", err.message);
    assert_int_equal(records_row_count(records), 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text field = {0};
        char *value;

        assert_true(records_field(records, rows[i].number, rows[i].column, &field));
        value = text_take(&field);
        assert_string_equal(value, rows[i].expected);
        free(value);
    }
    assert_false(records_have(records, "nothing"));
    records_free(records);
}

static void refuses_broken_tables(void **state)
{
    static const char *const tables[] = {"", "# only a comment\n", "a | b\n", "a | b\n1\n", "a\n1 | 2\n"};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        assert_null(records_read(write_data("table", tables[i]), &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    }
    assert_null(records_read("/nowhere/at/all", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void reads_pages(void **state)
{
    static const struct {
        const char *query;
        size_t offset; /* 0: refused */
        size_t limit;
    } rows[] = {
        {"", 1, 500},
        {"offset=3&limit=2", 3, 2},
        {"limit=500", 1, 500},
        {"limit=501", 0, 0},
        {"limit=0", 0, 0},
        {"offset=0", 0, 0},
        {"offset=-1", 0, 0},
        {"offset=+1", 0, 0},
        {"offset=%31%32", 12, 500},
        {"offset=2147483647", 2147483647, 500},
        {"offset=2147483648", 0, 0},
        {"offset=18446744073709551617", 0, 0},
        {"limit=0x10", 0, 0},
        {"limit=", 0, 0},
        {"hostname=x&offset=9", 9, 500},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        struct page page;
        int failed = page_parse(rows[i].query, &page, &err);

        if ((failed != 0) != (rows[i].offset == 0))
            fail_msg("%s: %s", rows[i].query, failed != 0 ? err.message : "taken");
        if (failed == 0) {
            assert_int_equal(page.offset, rows[i].offset);
            assert_int_equal(page.limit, rows[i].limit);
        }
    }
}

static void filters_records(void **state)
{
    static const struct {
        const char *query;
        const char *admitted; /* of the three, as digits; NULL: refused */
    } rows[] = {
        {"", "123"},
        {"name=core", "1"},
        {"name=CORE", "1"},
        {"name=.*", "123"},
        {"name=.*o.*", "13"},
        {"name=c.*e", "1"},
        {"name=c.*r", ""},
        {"name=.*e.*&role=a", "12"},
        {"role=a&limit=1", "12"},
        {"nothing=1", NULL},
        {"name=", ""},
        {"name=.*.*core.*.*", "1"},
        {"name=core.*x", ""},
    };
    struct records *records = records_read(write_data("table", "name|role\ncore|a\nedge|a\nfoo|b\n"), NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct page_filter *filter = page_filter_parse(rows[i].query, records, NULL);
        char admitted[8] = "";

        assert_int_equal(filter == NULL, rows[i].admitted == NULL);
        for (size_t n = 1; filter != NULL && n <= 3; n++) {
            if (page_filter_admits(filter, n))
                snprintf(admitted + strlen(admitted), 2, "%zu", n);
        }
        if (filter != NULL && strcmp(admitted, rows[i].admitted) != 0)
            fail_msg("%s admits %s", rows[i].query, admitted);
        page_filter_free(filter);
    }
    records_free(records);
}

/* --- templates, paths, headers ----------------------------------------------------------------------------
 */

static enum template_kind resolve(void *arg, const char *word, struct text *value)
{
    (void)arg;
    text_add_string(value, "<a b=\"\\\">\x01&'\n");
    return strcmp(word, "value") == 0  ? TEMPLATE_VALUE
           : strcmp(word, "part") == 0 ? TEMPLATE_PART
                                       : TEMPLATE_UNKNOWN;
}

static void writes_only_characters(void **state)
{
    struct text out = {0};

    (void)state;
    template_escape(&out, TEMPLATE_XML, "\xc3\xa9\xc3|\xff|\xef\xbf\xbf|\xf0\x9f\x98\x80");
    assert_string_equal(out.data, "\xc3\xa9?|?|?|\xf0\x9f\x98\x80");
    text_free(&out);
}

static void escapes_values(void **state)
{
    static const struct {
        const char *template;
        enum template_form form;
        const char *expected; /* NULL: refused */
    } rows[] = {
        {"[${value}]", TEMPLATE_XML, "[&lt;a b=&quot;\\&quot;&gt;?&amp;&apos;\n]"},
        {"[${value}]", TEMPLATE_JSON, "[<a b=\\\"\\\\\\\">\\u0001&'\\u000a]"},
        {"[${part}$]", TEMPLATE_XML, "[<a b=\"\\\">\x01&'\n$]"},
        {"$ {} $value", TEMPLATE_XML, "$ {} $value"},
        {"${other}", TEMPLATE_XML, NULL},
        {"${", TEMPLATE_XML, NULL},
        {"${value", TEMPLATE_XML, NULL},
        {"${aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", TEMPLATE_XML, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text out = {0};
        int failed = template_expand(rows[i].template, rows[i].form, resolve, NULL, &out, NULL);

        assert_int_equal(failed != 0, rows[i].expected == NULL);
        if (failed == 0)
            assert_string_equal(out.data, rows[i].expected);
        text_free(&out);
    }
}

static void matches_paths(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        const char *first; /* NULL: no match */
    } rows[] = {
        {"/a/b", "/a/b", ""},     {"/a/b", "/a/b/", NULL},    {"/a/b", "/a", NULL},
        {"/a/b", "/a/bc", NULL},  {"/a/*", "/a/x", "x"},      {"/a/*", "/a/", NULL},
        {"/a/*", "/a", NULL},     {"/a/*", "/a/x/y", NULL},   {"/a/*/c", "/a/%2f%20/c", "/ "},
        {"/a/*", "/a/%00", NULL}, {"/a/*", "/a/a%00b", NULL}, {"/a/*", "/a/%zz", "%zz"},
        {"/a/*", "/a/+", "+"},    {"/*/*", "/x/y", "x"},      {"/a", "", NULL},
        {"/a", "a", NULL},        {"/*", "//", NULL},         {"/a/*", "/a/%c3%a9", "\xc3\xa9"},
    };
    char parameters[API_PARAMETERS_MAX][API_PARAMETER_MAX + 1];
    char longest[1024] = "/a/";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(parameters, 0, sizeof(parameters));
        if (api_match(rows[i].pattern, rows[i].path, parameters) != (rows[i].first != NULL))
            fail_msg("%s and %s", rows[i].pattern, rows[i].path);
        if (rows[i].first != NULL)
            assert_string_equal(parameters[0], rows[i].first);
    }
    memset(longest + 3, 'x', API_PARAMETER_MAX);
    assert_true(api_match("/a/*", longest, parameters));
    longest[3 + API_PARAMETER_MAX] = 'x';
    assert_false(api_match("/a/*", longest, parameters));
}

static void judges_accept(void **state)
{
    static const struct {
        const char *accept;
        bool admitted;
    } rows[] = {
        {NULL, true},
        {"", true},
        {"*/*", true},
        {"application/xml", true},
        {"APPLICATION/XML", true},
        {"application/*", true},
        {"text/html, application/xml;q=0.2", true},
        {"text/html;level=1 , */* ; q=0.1", true},
        {"application/json", false},
        {"application/xml;q=0", false},
        {"application/xml; q=0.0, text/html", false},
        {"application/xml;q=0, */*", false},
        {"*/*;q=0, application/*;q=0, application/xml;q=0.1", true},
        {"application/xmlx", false},
        {"text/*", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (api_accepts(rows[i].accept, "application/xml") != rows[i].admitted)
            fail_msg("%s", rows[i].accept);
    }
}

static enum api_role role_of(const char *credentials, struct api_reply *reply)
{
    char header[512] = "Basic ";
    struct api api = {.type = &api_ise};
    struct api_request request = {.authorization = header};
    struct api_call call = {.api = &api, .request = &request, .reply = reply};

    snprintf(api.folder, sizeof(api.folder), "%s", folder);
    base64_encode(credentials, strlen(credentials), header + strlen(header));
    return api_basic(&call);
}

static void knows_users(void **state)
{
    static const struct {
        const char *credentials;
        enum api_role role;
        const char *user;
    } rows[] = {
        {"admin:pass", API_SUPER, "admin"},
        {"admin:pas", API_NOBODY, "admin"},
        {"admin:passs", API_NOBODY, "admin"},
        {"admin", API_NOBODY, ""},
        {"admin:", API_NOBODY, "admin"},
        {"view er:a:b c", API_READER, "view er"},
        {"empty:", API_SUPER, "empty"},
        {"nobody:x", API_NOBODY, ""},
        {"other:x", API_NOBODY, ""},
        {"# super x:y", API_NOBODY, ""},
        {":", API_NOBODY, ""},
        {"adm:in:pass", API_NOBODY, ""},
    };

    (void)state;
    write_data("users",
               "# super x:y\nsuper admin:pass\nreader view er:a:b c\nsuper empty:\nking other:x\n\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct api_reply reply = {0};

        if (role_of(rows[i].credentials, &reply) != rows[i].role || strcmp(reply.user, rows[i].user) != 0)
            fail_msg("%s: user \"%s\"", rows[i].credentials, reply.user);
    }
}

/* --- moods ------------------------------------------------------------------------------------------------
 */

static int set(struct settings *settings, const struct lab_server *server, const char *line)
{
    char *copy = strdup(line);
    int failed = settings_set_line(settings, server, copy, NULL);

    free(copy);
    return failed;
}

static void reads_moods(void **state)
{
    static const struct {
        const char *line;
        const char *formatted; /* NULL: refused */
    } rows[] = {
        {"normal", "normal"},
        {"slow", "slow 2000"},
        {"slow 5", "slow 5"},
        {"slow 5 times 3 path /x", "slow 5 times 3 path /x"},
        {"slow path /x", "slow 2000 path /x"},
        {"429", "429 5"},
        {"429 0", "429 0"},
        {"500 times 1", "500 times 1"},
        {"wrong-length -3", "wrong-length -3"},
        {"redirect", "redirect same"},
        {"redirect other", "redirect other"},
        {"redirect https://x/", "redirect https://x/"},
        {"charset utf-16", "charset utf-16"},
        {"redirect oth", NULL},
        {"redirect or", NULL},
        {"charset utf", NULL},
        {"slow x", NULL},
        {"slow 5x", NULL},
        {"slow 0", NULL},
        {"slow 99999999999999999999", NULL},
        {"500 7", NULL},
        {"500 times", NULL},
        {"500 times 0", NULL},
        {"500 until 3", NULL},
        {"half-open times 1", NULL},
        {"sulky", NULL},
    };
    struct settings settings = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text text = {0};
        int failed = set(&settings, &ise, rows[i].line);

        if ((failed != 0) != (rows[i].formatted == NULL))
            fail_msg("%s: %d", rows[i].line, failed);
        mood_format(&settings.mood, &text);
        if (failed == 0)
            assert_string_equal(text.data, rows[i].formatted);
        text_free(&text);
    }
    /* what is formatted is read again */
    for (size_t i = 0; i < mood_type_count; i++) {
        struct text text = {0};

        assert_int_equal(set(&settings, &ise, mood_types[i].name), 0);
        mood_format(&settings.mood, &text);
        assert_int_equal(set(&settings, &dnac, text.data), 0);
        assert_ptr_equal(settings.mood.type, &mood_types[i]);
        text_free(&text);
    }
}

static void reads_settings(void **state)
{
    struct settings settings = {0};

    (void)state;
    assert_int_equal(set(&settings, &ise, "type 3"), 0);
    assert_int_equal(settings.type, 3);
    assert_int_equal(set(&settings, &ise, "type 4"), -1);
    assert_int_equal(set(&settings, &ise, "type"), -1);
    assert_int_equal(set(&settings, &ise, "type 1 2"), -1);
    assert_int_equal(set(&settings, &dnac, "type 1"), -1);
    assert_int_equal(set(&settings, &dnac, "devices 10000"), 0);
    assert_int_equal(settings.devices, 10000);
    assert_int_equal(set(&settings, &ise, "devices 1"), -1);
    assert_int_equal(set(&settings, &dnac, "token-lifetime 0"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_the_standards_token),
        cmocka_unit_test(takes_no_altered_token),
        cmocka_unit_test(makes_records_from_rows),
        cmocka_unit_test(refuses_broken_tables),
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(filters_records),
        cmocka_unit_test(escapes_values),
        cmocka_unit_test(writes_only_characters),
        cmocka_unit_test(matches_paths),
        cmocka_unit_test(judges_accept),
        cmocka_unit_test(knows_users),
        cmocka_unit_test(reads_moods),
        cmocka_unit_test(reads_settings),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
