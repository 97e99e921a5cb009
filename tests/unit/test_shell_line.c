#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shell/line.h"

#include <stdio.h>
#include <string.h>

/* The words in brackets, each with its bytes; bars as they are. */
static void split(const char *text, bool typing, char *out, size_t size)
{
    struct arena arena = {0};
    struct line line;
    struct error err = {0};
    size_t bad = 999, used = 0;

    out[0] = '\0';
    if (line_split(&line, &arena, text, strlen(text), typing, &bad, &err) != 0)
        snprintf(out, size, "bad at %zu", bad);
    for (size_t i = 0; i < line.count && bad == 999; i++) {
        const struct line_word *word = &line.words[i];
        if (word->bar)
            used += (size_t)snprintf(out + used, size - used, "|");
        else
            used +=
                (size_t)snprintf(out + used, size - used, "[%s]%zu-%zu", word->text, word->start, word->end);
    }
    arena_free(&arena);
}

static void splits_with_columns(void **state)
{
    static const struct {
        const char *typed, *words;
    } rows[] = {
        {"", ""},
        {"   ", ""},
        {"show clock", "[show]0-4[clock]5-10"},
        {"  show\tclock  ", "[show]2-6[clock]7-12"},
        {"echo \"a b\"", "[echo]0-4[a b]5-10"},
        {"echo 'a b' c", "[echo]0-4[a b]5-10[c]11-12"},
        {"echo \"\"", "[echo]0-4[]5-7"},
        {"echo \"say \\\"hi\\\"\"", "[echo]0-4[say \"hi\"]5-17"},
        {"echo \"a\\\\b\"", "[echo]0-4[a\\b]5-11"},
        {"echo \"a\\.b\"", "[echo]0-4[a\\.b]5-11"},
        {"echo 'a\\'", "[echo]0-4[a\\]5-9"},
        {"echo DOM\\user", "[echo]0-4[DOM\\user]5-13"},
        {"echo \\\\server\\share", "[echo]0-4[\\\\server\\share]5-19"},
        {"echo a\\ b", "[echo]0-4[a b]5-9"},
        {"echo a\\|b", "[echo]0-4[a|b]5-9"},
        {"echo \\\"x", "[echo]0-4[\"x]5-8"},
        {"echo end\\", "[echo]0-4[end\\]5-9"},
        {"echo it's", "[echo]0-4[it's]5-9"},
        {"show | include x", "[show]0-4|[include]7-14[x]15-16"},
        {"show|include x", "[show]0-4|[include]5-12[x]13-14"},
        {"show | include a|b", "[show]0-4|[include]7-14[a|b]15-18"},
        {"show | include a| count", "[show]0-4|[include]7-14[a]15-16|[count]18-23"},
        {"show | include a |count", "[show]0-4|[include]7-14[a]15-16|[count]18-23"},
        {"show | include \"a | b\"", "[show]0-4|[include]7-14[a | b]15-22"},
        {"show |count|count", "[show]0-4|[count]6-11|[count]12-17"},
        {"||", "||"},
        {"echo \"a b", "bad at 5"},
        {"echo 'a", "bad at 5"},
        {"echo \"a b\"c", "bad at 10"},
        {"echo \"a\"|count", "[echo]0-4[a]5-8|[count]9-14"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char words[256];
        split(rows[i].typed, false, words, sizeof(words));
        assert_string_equal(words, rows[i].words);
    }
}

static void takes_an_open_quote_while_typing(void **state)
{
    char words[64];

    (void)state;
    split("echo \"two wo", true, words, sizeof(words));
    assert_string_equal(words, "[echo]0-4[two wo]5-12");
}

static void refuses_what_is_no_line(void **state)
{
    static char longest[LINE_MOST + 2];
    struct error err = {0};

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(line_check(longest, LINE_MOST, &err), 0);
    assert_int_equal(line_check(longest, LINE_MOST + 1, &err), -1);
    assert_string_equal(err.message, "the line is longer than 4000 bytes");
    assert_int_equal(line_check("a\0b", 3, &err), -1);
    assert_string_equal(err.message, "the line holds a control character (0x00)");
    assert_int_equal(line_check("a\x1b[2J", 5, &err), -1);
    assert_int_equal(line_check("a\x7f", 2, &err), -1);
    assert_int_equal(line_check("a\xc3", 2, &err), -1);
    assert_string_equal(err.message, "the line is not valid UTF-8");
    assert_int_equal(line_check("a\tb \xc3\xa9", 6, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_with_columns),
        cmocka_unit_test(takes_an_open_quote_while_typing),
        cmocka_unit_test(refuses_what_is_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
