#include "shell/modifier.h"

#include "shell_memory_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sink *make(const char *name, const char *argument, struct sink *next, struct error *err)
{
    for (size_t i = 0; i < modifier_kind_count; i++) {
        if (strcmp(modifier_kinds[i].name, name) == 0)
            return modifier_kinds[i].make(&argument, argument != NULL, next, err);
    }
    fail_msg("no modifier %s", name);
    return NULL;
}

/* Feeds `input` in pieces of `piece` bytes, whatever the line ends. */
static void expect_in_pieces(const char *name, const char *argument, const char *input, size_t piece,
                             const char *expected)
{
    struct text out = {0};
    struct error err = {0};
    struct sink *sink = make(name, argument, memory_sink(&out), &err);

    if (sink == NULL)
        fail_msg("%s", err.message);
    for (size_t at = 0, left = strlen(input); left > 0;) {
        size_t step = left < piece ? left : piece;

        sink_write(sink, input + at, step);
        at += step;
        left -= step;
    }
    sink_finish(sink);
    sink_free(sink);
    assert_string_equal(out.data, expected);
    text_free(&out);
}

static void expect(const char *name, const char *argument, const char *input, const char *expected)
{
    for (size_t piece = 1; piece < 12; piece += 3)
        expect_in_pieces(name, argument, input, piece, expected);
    expect_in_pieces(name, argument, input, 100000, expected);
}

static void patterns_choose_lines(void **state)
{
    static const char text[] = "one 1\ntwo 22\nthree 333\n\nfour 22";

    (void)state;
    expect("include", "2{2}$", text, "two 22\nfour 22\n");
    expect("include", "22", text, "two 22\nfour 22\n");
    expect("include", "^t|^f", text, "two 22\nthree 333\nfour 22\n");
    expect("exclude", "[0-9]", text, "\n");
    expect("exclude", "^$", text, "one 1\ntwo 22\nthree 333\nfour 22\n");
    expect("begin", "^th", text, "three 333\n\nfour 22\n");
    expect("end", "22", text, "one 1\ntwo 22\n");
    expect("begin", "none", text, "");
    expect("include", "x", "", "");
    expect("include", "caf.$", "caf\xc3\xa9\ncafe\n", "caf\xc3\xa9\ncafe\n");
}

static void counts_and_keeps_the_last(void **state)
{
    struct text many = {0}, last = {0};

    (void)state;
    expect("count", NULL, "a\nb\n\nc", "Count: 4 lines\n");
    expect("count", NULL, "", "Count: 0 lines\n");
    expect("last", "2", "a\nb\nc\nd", "c\nd\n");
    expect("last", "9", "a\nb\n", "a\nb\n");
    for (int i = 0; i < 5000; i++) {
        text_format(&many, "line %d\n", i);
        if (i >= 4990)
            text_format(&last, "line %d\n", i);
    }
    expect("last", NULL, many.data, last.data);
    text_free(&many);
    text_free(&last);
}

static void sections_follow_indentation(void **state)
{
    static const char config[] = "hostname a\n!\nha\n secondary b\n  deep c\n type ha\nrepository r\n url x\n"
                                 "!\nhandle\nend\n";

    (void)state;
    expect("section", "^ha$", config, "ha\n secondary b\n  deep c\n type ha\n");
    expect("section", "^h", config, "hostname a\nha\n secondary b\n  deep c\n type ha\nhandle\n");
    expect("section", "secondary", config, " secondary b\n  deep c\n");
    expect("section", "url", config, " url x\n");
}

static void sections_are_paragraphs_without_indentation(void **state)
{
    static const char blocks[] = "Host: a\nState: up\nPort: 1\n\nHost: b\nState: down\nPort: 2\n\nHost: c\n";

    (void)state;
    expect("section", "Host: b", blocks, "Host: b\nState: down\nPort: 2\n");
    expect("section", "State", blocks, "State: up\nPort: 1\nState: down\nPort: 2\n");
    expect("section", "Host: c", blocks, "Host: c\n");
    expect("section", "b", "a\nb\nc\n", "b\n");
}

static void refuses_bad_arguments_before_anything_runs(void **state)
{
    static const struct {
        const char *name, *argument;
    } rows[] = {{"include", "("},
                {"exclude", "[a"},
                {"begin", "*{"},
                {"section", "a{1,5000}"},
                {"include", ""},
                {"last", "0"},
                {"last", "x"},
                {"last", "-3"},
                {"last", "1e3"},
                {"count", "a"},
                {"end", "\\"},
                {"include", "((a{99}){99}){99}"},
                {"last", "99999999999999999999"}};
    struct text out = {0};
    struct sink *next = memory_sink(&out);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};

        assert_null(make(rows[i].name, rows[i].argument, next, &err));
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_true(err.message[0] != '\0');
    }
    sink_free(next);
    text_free(&out);
}

static void chains_and_stops(void **state)
{
    struct text out = {0};
    struct error err = {0};
    struct sink *sink = memory_sink(&out);

    (void)state;
    sink = make("last", "2", sink, &err);
    sink = make("end", "stop", sink, &err);
    sink = make("exclude", "no", sink, &err);
    sink_write(sink, "a\nno\nb\nstop\nc\n", 14);
    sink_write(sink, "d\n", 2);
    sink_finish(sink);
    assert_string_equal(out.data, "b\nstop\n");
    sink_free(sink);
    text_free(&out);
}

static void words_are_joined_and_nul_bytes_survive(void **state)
{
    static const char *const words[] = {"b", "c"};
    struct text out = {0};
    struct error err = {0};
    struct sink *sink = modifier_kinds[0].make(words, 2, memory_sink(&out), &err);

    (void)state;
    sink_write(sink, "a\0b c\nbc\n", 9);
    sink_finish(sink);
    assert_int_equal(out.length, 6);
    assert_memory_equal(out.data, "a\0b c\n", 6);
    sink_free(sink);
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_choose_lines),
        cmocka_unit_test(counts_and_keeps_the_last),
        cmocka_unit_test(sections_follow_indentation),
        cmocka_unit_test(sections_are_paragraphs_without_indentation),
        cmocka_unit_test(refuses_bad_arguments_before_anything_runs),
        cmocka_unit_test(chains_and_stops),
        cmocka_unit_test(words_are_joined_and_nul_bytes_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
