/* URLs of files: what is read, what is refused, and that a password in one is neither. */
#include "base/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void reads_urls(void **state)
{
    static const struct {
        const char *text;
        enum url_scheme scheme;
        const char *user;
        const char *host;
        unsigned port;
        const char *path;
        const char *formatted;
    } rows[] = {
        {"sftp://bob@10.1.1.1/a/b", URL_SFTP, "bob", "10.1.1.1", 22, "/a/b", "sftp://10.1.1.1/a/b"},
        {"SCP://Host.Example:2222/~/x", URL_SCP, "", "host.example", 2222, "/~/x",
         "scp://host.example:2222/~/x"},
        {"https://h/x?y=1", URL_HTTPS, "", "h", 443, "/x?y=1", "https://h/x?y=1"},
        {"http://h", URL_HTTP, "", "h", 80, "/", "http://h/"},
        {"ftp://a@b@h:2121/", URL_FTP, "a@b", "h", 2121, "/", "ftp://h:2121/"},
        {"tftp://[2001:DB8::1]:6969/f", URL_TFTP, "", "2001:db8::1", 6969, "/f",
         "tftp://[2001:db8::1]:6969/f"},
        {"http://h/a b\xc3\xa9", URL_HTTP, "", "h", 80, "/a b\xc3\xa9", "http://h/a%20b%C3%A9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char formatted[3 * URL_TEXT_MAX];
        struct error err = {0};
        struct url url;

        if (url_parse(rows[i].text, &url, &err) != 0)
            fail_msg("%s: %s", rows[i].text, err.message);
        assert_int_equal(url.scheme, rows[i].scheme);
        assert_string_equal(url.user, rows[i].user);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_string_equal(url.path, rows[i].path);
        url_format(&url, formatted);
        assert_string_equal(formatted, rows[i].formatted);
    }
}

static void refuses_what_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "disk:/x",
                                        "file:///etc/passwd",
                                        "gopher://h/x",
                                        "sftp:/h/x",
                                        "sftp://",
                                        "sftp:///x",
                                        "sftp://@h/x",
                                        "sftp://-oProxyCommand=x@h/x",
                                        "sftp://bob@-oProxyCommand=x/x",
                                        "http://h:0/x",
                                        "http://h:65536/x",
                                        "http://h:/x",
                                        "http://h:1x/x",
                                        "http://300.1.1.1/x",
                                        "http://2001:db8::1/x",
                                        "http://[10.1.1.1]/x",
                                        "http://[::1/x",
                                        "http://[::1]x/x",
                                        "http://h?x",
                                        "http://h/x#y",
                                        "http://h/%00",
                                        "http://h/%4",
                                        "http://h/%zz",
                                        "http://h/a\nb",
                                        "http://h/\xff",
                                        "http://a%40b@h/x"};
    char longest[4096];
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct error err = {0};

        if (url_parse(texts[i], &url, &err) == 0)
            fail_msg("\"%s\" is taken for a URL", texts[i]);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    }
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "http://h/", 9);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(url_parse(longest, &url, NULL), -1);
    memcpy(longest, "http://aa", 9);
    assert_int_equal(url_parse(longest, &url, NULL), -1);
}

static void repeats_no_password(void **state)
{
    struct error err = {0};
    struct url url;

    (void)state;
    assert_int_equal(url_parse("ftp://bob:geheim@h/x", &url, &err), -1);
    assert_null(strstr(err.message, "geheim"));
    assert_null(strstr(err.hint, "geheim"));
    assert_int_equal(url_parse("ftp://bob:ge@heim@h/x", &url, &err), -1);
    assert_null(strstr(err.message, "heim"));
}

static void builds_paths(void **state)
{
    char decoded[URL_PATH_MAX];
    struct url url;

    (void)state;
    assert_int_equal(url_parse("sftp://h/a%20b/", &url, NULL), 0);
    assert_string_equal(url_file_name(&url), "");
    assert_int_equal(url_append_name(&url, "100% sure?.txt", NULL), 0);
    assert_string_equal(url.path, "/a%20b/100%25%20sure%3F.txt");
    assert_int_equal(url_decode_path(&url, decoded, NULL), 0);
    assert_string_equal(decoded, "/a b/100% sure?.txt");
    assert_int_equal(url_append_slash(&url, NULL), 0);
    assert_int_equal(url_append_slash(&url, NULL), 0);
    assert_string_equal(url.path, "/a%20b/100%25%20sure%3F.txt/");
    for (int i = 0; i < URL_PATH_MAX; i++) {
        size_t before = strlen(url.path);

        if (url_append_name(&url, "x", NULL) != 0)
            break;
        assert_int_equal(strlen(url.path), before + 1);
    }
    assert_true(strlen(url.path) < URL_PATH_MAX);
    assert_int_equal(url_append_name(&url, "x", NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(repeats_no_password),
        cmocka_unit_test(builds_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
