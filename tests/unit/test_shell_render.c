#include "shell/render.h"

#include "shell_memory_sink.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct shell_column pin_columns[] = {
    {"host", "Host", SHELL_TEXT, 0},    {"subject", "Subject", SHELL_TEXT, 0},
    {"count", "Seen", SHELL_NUMBER, 0}, {"trusted", "Trusted", SHELL_BOOL, 0},
    {"since", "Since", SHELL_TIME, 0},  {"inner", NULL, SHELL_TEXT, 0},
};
enum { HOST, SUBJECT, SEEN, TRUSTED, SINCE, INNER, COLUMNS };

static struct shell_listing listing_of(enum shell_listing_form form)
{
    return (struct shell_listing){.name = "pins",
                                  .form = form,
                                  .columns = pin_columns,
                                  .column_count = COLUMNS,
                                  .line = "host={host};  subject= {subject}"};
}

struct world {
    struct text out;
    struct sink *sink;
    struct shell_output *output;
};

static struct world begin(enum render_form form, struct text *out)
{
    struct world world = {0};

    world.sink = memory_sink(out);
    world.output = render_new(form, world.sink);
    assert_non_null(world.output);
    return world;
}

static void end(struct world *world, const struct error *err)
{
    render_finish(world->output, err);
    render_free(world->output);
    sink_free(world->sink);
}

static void lines_follow_the_template_in_any_order(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_LINES);

    (void)state;
    listing.header = "Host certificates\nare these\n";
    listing.line = "{host}: {subject} ({host}) {nothing} {trusted}{";
    output_begin(world.output, &listing);
    output_string(world.output, HOST, "a_1");
    output_string(world.output, SUBJECT, "/CN=a");
    output_bool(world.output, TRUSTED, true);
    output_row_end(world.output);
    output_bool(world.output, TRUSTED, false);
    output_number(world.output, SEEN, 3);
    output_text(world.output, SUBJECT, "/CN=bcd", 6);
    output_string(world.output, HOST, "b_2");
    output_row_end(world.output);
    output_row_end(world.output);
    output_string(world.output, HOST, "");
    output_string(world.output, SUBJECT, "s");
    output_row_end(world.output);
    output_end(world.output);
    end(&world, NULL);
    assert_string_equal(out.data, "Host certificates\nare these\n"
                                  "a_1: /CN=a (a_1) {nothing} yes{\n"
                                  "b_2: /CN=bc (b_2) {nothing} no{\n"
                                  ":  () {nothing} {\n"
                                  ": s () {nothing} {\n");
    text_free(&out);
}

static void tables_align_cells_and_leave_no_blanks_behind(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_TABLE);

    (void)state;
    output_begin(world.output, &listing);
    output_string(world.output, HOST, "127.0.0.1_443");
    output_string(world.output, SUBJECT, "/CN=\xe6\xbc\xa2\xe5\xad\x97"); /* two characters, four cells */
    output_number(world.output, SEEN, -7);
    output_time(world.output, SINCE, 1795221716123);
    output_row_end(world.output);
    output_string(world.output, SUBJECT, "/CN=e\xcc\x81");
    output_number(world.output, SEEN, INT64_MIN);
    output_bool(world.output, TRUSTED, true);
    output_string(world.output, INNER, "not shown");
    output_row_end(world.output);
    output_end(world.output);
    end(&world, NULL);
    assert_string_equal(out.data,
                        "Host           Subject   Seen                  Trusted  Since\n"
                        "127.0.0.1_443  /CN=\xe6\xbc\xa2\xe5\xad\x97  -7                    -        "
                        "2026-11-21T00:41:56Z\n"
                        "-              /CN=e\xcc\x81     -9223372036854775808  yes      -\n");
    text_free(&out);
}

static void tables_go_on_after_the_lookahead(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_TABLE);
    size_t rows = 0;

    (void)state;
    listing.column_count = 2;
    output_begin(world.output, &listing);
    for (int i = 0; i < SHELL_TABLE_LOOKAHEAD * 3 + 5; i++) {
        output_string(world.output, HOST, i < SHELL_TABLE_LOOKAHEAD ? "ab" : "abcdefgh");
        output_string(world.output, SUBJECT, "x");
        output_row_end(world.output);
    }
    output_say(world.output, "%d rows", SHELL_TABLE_LOOKAHEAD * 3 + 5);
    end(&world, NULL);
    for (const char *at = out.data; (at = strchr(at, '\n')) != NULL; at++)
        rows++;
    assert_int_equal(rows, SHELL_TABLE_LOOKAHEAD * 3 + 5 + 2);
    assert_non_null(strstr(out.data, "Host  Subject\nab    x\nab    x\n"));
    assert_non_null(strstr(out.data, "ab    x\nabcdefgh  x\n"));
    assert_string_equal(out.data + out.length - 9, "773 rows\n");
    text_free(&out);
}

static void blocks_leave_out_what_is_unset(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_BLOCKS);

    (void)state;
    output_begin(world.output, &listing);
    output_string(world.output, HOST, "a_1");
    output_bool(world.output, TRUSTED, false);
    output_row_end(world.output);
    output_string(world.output, SUBJECT, "");
    output_number(world.output, SEEN, 0);
    output_row_end(world.output);
    end(&world, NULL);
    assert_string_equal(out.data, "Host:    a_1\nTrusted: no\n\nSubject:\nSeen:    0\n");
    text_free(&out);
}

static void says_when_there_are_none(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_TABLE);

    (void)state;
    listing.none = "No pins";
    output_begin(world.output, &listing);
    output_end(world.output);
    listing.form = SHELL_LINES;
    output_begin(world.output, &listing);
    output_string(world.output, HOST, "never ended");
    end(&world, NULL);
    assert_string_equal(out.data, "No pins\nNo pins\n");
    text_free(&out);
}

static void says_lines_in_front_of_the_row_under_way(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_LINES);

    (void)state;
    output_begin(world.output, &listing);
    output_string(world.output, HOST, "a_1");
    output_say(world.output, "%s", "note");
    output_string(world.output, SUBJECT, "s");
    output_row_end(world.output);
    output_flush(world.output);
    assert_string_equal(out.data, "note\nhost=a_1;  subject= s\n");
    end(&world, NULL);
    text_free(&out);
}

static void rows_of_any_size_arrive_whole(void **state)
{
    struct text out = {0}, expected = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_LINES);
    static char big[300000];

    (void)state;
    memset(big, 'x', sizeof(big));
    output_begin(world.output, &listing);
    for (size_t i = 0; i < 2000; i++) {
        size_t length = i % 97 == 0 ? sizeof(big) / (i + 1) : i % 61;

        output_text(world.output, HOST, big, length);
        output_text(world.output, SUBJECT, big, i % 7);
        output_row_end(world.output);
        text_format(&expected, "host=%.*s;  subject= %.*s\n", (int)length, big, (int)(i % 7), big);
    }
    end(&world, NULL);
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(out.data, expected.data, out.length);
    text_free(&out);
    text_free(&expected);
}

static json_t *parsed(const struct text *out)
{
    json_error_t why;
    json_t *json = json_loadb(out->data, out->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);

    if (json == NULL)
        fail_msg("%s at %d: %s", why.text, why.position, out->data);
    return json;
}

static void json_is_one_stable_document(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_JSON, &out);
    struct shell_listing listing = listing_of(SHELL_TABLE);
    struct shell_listing single = listing_of(SHELL_BLOCKS);

    (void)state;
    single.name = "node";
    single.single = true;
    single.column_count = 2;
    output_begin(world.output, &listing);
    output_time(world.output, SINCE, 1795221716123);
    output_number(world.output, SEEN, -12);
    output_string(world.output, HOST, "a\"\\\n\x01\xff\xe2\x82\xac");
    output_bool(world.output, TRUSTED, false);
    output_row_end(world.output);
    output_row_end(world.output);
    output_say(world.output, "for people only");
    output_begin(world.output, &single);
    output_string(world.output, SUBJECT, "one");
    output_row_end(world.output);
    output_string(world.output, SUBJECT, "two");
    output_row_end(world.output);
    output_begin(world.output, &listing);
    end(&world, NULL);
    assert_string_equal(
        out.data,
        "{\"pins\":[\n{\"host\":\"a\\\"\\\\\\n\\u0001\\ufffd\xe2\x82\xac\",\"subject\":null,\"count\":-12,"
        "\"trusted\":false,\"since\":\"2026-11-21T00:41:56Z\",\"inner\":null},\n"
        "{\"host\":null,\"subject\":null,\"count\":null,\"trusted\":null,\"since\":null,\"inner\":null}\n],"
        "\"node\":{\"host\":null,\"subject\":\"one\"},\"pins_2\":[]}\n");
    json_decref(parsed(&out));
    text_free(&out);
}

static void json_tells_success_and_failure(void **state)
{
    struct shell_listing listing = listing_of(SHELL_LINES);
    struct error err = {0};
    struct text out = {0};
    struct world world = begin(RENDER_JSON, &out);

    (void)state;
    end(&world, NULL);
    assert_string_equal(out.data, "{\"ok\":true}\n");

    text_clear(&out);
    error_set(&err, ERROR_NOT_FOUND, "no pin of \"x_1\"");
    world = begin(RENDER_JSON, &out);
    end(&world, &err);
    assert_string_equal(out.data, "{\"error\":{\"code\":\"not-found\",\"message\":\"no pin of \\\"x_1\\\"\","
                                  "\"hint\":null}}\n");

    text_clear(&out);
    error_hint(&err, "look");
    world = begin(RENDER_JSON, &out);
    output_begin(world.output, &listing);
    output_string(world.output, HOST, "a_1");
    output_row_end(world.output);
    output_string(world.output, SUBJECT, "torn row");
    end(&world, &err);
    json_t *json = parsed(&out);
    assert_int_equal(json_array_size(json_object_get(json, "pins")), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "hint")), "look");
    json_decref(json);
    text_free(&out);
}

static void json_stays_valid_whatever_the_text(void **state)
{
    struct shell_listing listing = listing_of(SHELL_LINES);
    struct text out = {0};
    struct world world = begin(RENDER_JSON, &out);
    uint32_t seed = 12345;

    (void)state;
    output_begin(world.output, &listing);
    for (int row = 0; row < 3000; row++) {
        char bytes[40];

        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 24);
        }
        output_text(world.output, row % COLUMNS, bytes, sizeof(bytes));
        output_row_end(world.output);
    }
    end(&world, NULL);
    json_t *json = parsed(&out);
    assert_int_equal(json_array_size(json_object_get(json, "pins")), 3000);
    json_decref(json);
    text_free(&out);
}

static void stops_when_nobody_wants_more(void **state)
{
    struct text out = {0};
    struct world world = begin(RENDER_TEXT, &out);
    struct shell_listing listing = listing_of(SHELL_LINES);
    int fed = 0;

    (void)state;
    ((struct memory_sink *)world.sink)->stop_after = 100;
    output_begin(world.output, &listing);
    while (!output_stopped(world.output) && fed < 1000000) {
        output_string(world.output, HOST, "some.host.example.com_443");
        output_row_end(world.output);
        fed++;
    }
    assert_true(fed < 10000);
    end(&world, NULL);
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_follow_the_template_in_any_order),
        cmocka_unit_test(tables_align_cells_and_leave_no_blanks_behind),
        cmocka_unit_test(tables_go_on_after_the_lookahead),
        cmocka_unit_test(blocks_leave_out_what_is_unset),
        cmocka_unit_test(says_when_there_are_none),
        cmocka_unit_test(says_lines_in_front_of_the_row_under_way),
        cmocka_unit_test(rows_of_any_size_arrive_whole),
        cmocka_unit_test(json_is_one_stable_document),
        cmocka_unit_test(json_tells_success_and_failure),
        cmocka_unit_test(json_stays_valid_whatever_the_text),
        cmocka_unit_test(stops_when_nobody_wants_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
