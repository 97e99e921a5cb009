/* The answers of an ISE's monitoring API, good and bad. */
#include "servers/ise_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VERSION                                                                                      \
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<product name=\"Cisco Identity " \
    "Services Engine\">\n  <version>3.1.0.518</version><type_of_node>2</type_of_node></product>\n"

struct reading {
    struct ise_session sessions[8];
    size_t count;
    size_t most;
};

static bool keep_session(void *arg, const struct ise_session *session)
{
    struct reading *reading = arg;

    if (reading->count < 8)
        reading->sessions[reading->count] = *session;
    return ++reading->count < reading->most;
}

/* Feeds a document in parts of `step` bytes. */
static int read_parts(struct ise_reader *reader, const char *bytes, size_t length, size_t step,
                      struct error *err)
{
    for (size_t at = 0; at < length; at += step) {
        if (ise_reader_add(reader, bytes + at, length - at < step ? length - at : step, err) != 0)
            return -1;
    }
    return ise_reader_finish(reader, err);
}

static int read_text(enum ise_document document, const char *charset, const char *text, struct error *err)
{
    struct ise_reader *reader = ise_reader_new(document, charset, NULL, NULL, err);
    int result = reader == NULL ? -1 : read_parts(reader, text, strlen(text), 1000, err);

    ise_reader_free(reader);
    return result;
}

static void a_version_is_read_however_it_arrives(void **state)
{
    static const size_t steps[] = {1, 3, 1000};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct error err = {0};
        struct ise_reader *reader = ise_reader_new(ISE_VERSION, "", NULL, NULL, &err);

        assert_int_equal(read_parts(reader, VERSION, strlen(VERSION), steps[i], &err), 0);
        assert_string_equal(ise_reader_version(reader)->product, "Cisco Identity Services Engine");
        assert_string_equal(ise_reader_version(reader)->version, "3.1.0.518");
        assert_int_equal(ise_reader_version(reader)->node, 2);
        ise_reader_free(reader);
    }
}

static void a_count_is_read(void **state)
{
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(ISE_COUNT, "UTF-8", NULL, NULL, &err);
    const char *text = "<ns:sessionCount xmlns:ns='x'><ns:count> 123456 </ns:count></ns:sessionCount>";

    (void)state;
    assert_int_equal(read_parts(reader, text, strlen(text), 5, &err), 0);
    assert_int_equal(ise_reader_count(reader), 123456);
    ise_reader_free(reader);
}

static void sessions_come_one_by_one(void **state)
{
    static const char text[] =
        "<activeList noOfActiveSession=\"2\"><other><user_name>nobody</user_name></other>"
        "<activeSession><user_name>Fran\xc3\xa7ois &amp; S\xc3\xb6hne</user_name>"
        "<calling_station_id>00:11</calling_station_id><framed_ipv6_address><ipv6_address>x</ipv6_address>"
        "</framed_ipv6_address><framed_ip_address>10.1.1.5</framed_ip_address>"
        "<acct_session_id>acct</acct_session_id><audit_session_id>audit</audit_session_id>"
        "<nas_ip_address>10.0.0.1</nas_ip_address><server>ise-1</server></activeSession>"
        "<activeSession><acct_session_id>acct2</acct_session_id>"
        "<framed_ipv6_address>2001:db8::5</framed_ipv6_address></activeSession></activeList>";
    struct reading reading = {.most = 100};
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(ISE_LIST, "", keep_session, &reading, &err);

    (void)state;
    assert_int_equal(read_parts(reader, text, strlen(text), 7, &err), 0);
    assert_int_equal(ise_reader_sessions(reader), 2);
    assert_int_equal(reading.count, 2);
    assert_string_equal(reading.sessions[0].user, "Fran\xc3\xa7ois & S\xc3\xb6hne");
    assert_string_equal(reading.sessions[0].station, "00:11");
    assert_string_equal(reading.sessions[0].address, "10.1.1.5");
    assert_string_equal(reading.sessions[0].session, "audit");
    assert_string_equal(reading.sessions[0].device, "10.0.0.1");
    assert_string_equal(reading.sessions[0].server, "ise-1");
    assert_string_equal(reading.sessions[1].session, "acct2");
    assert_string_equal(reading.sessions[1].address, "2001:db8::5");
    assert_string_equal(reading.sessions[1].user, "");
    ise_reader_free(reader);
}

static void whoever_has_enough_is_left_alone(void **state)
{
    static const char text[] = "<activeList><activeSession/><activeSession/><activeSession/></activeList>";
    struct reading reading = {.most = 2};
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(ISE_LIST, "", keep_session, &reading, &err);

    (void)state;
    assert_int_equal(read_parts(reader, text, strlen(text), 1000, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(reading.count, 2);
    ise_reader_free(reader);
}

/* A field can end no line, move no cursor and be no longer than it may. */
static void fields_are_escaped_and_cut(void **state)
{
    char text[4096] = "<product name='a&#x9b;&#10;b'><type_of_node>0</type_of_node><version>";
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(ISE_VERSION, "", NULL, NULL, &err);

    (void)state;
    for (int i = 0; i < 300; i++)
        strncat(text, "\xc3\xa9", sizeof(text) - strlen(text) - 1);
    strncat(text, "</version></product>", sizeof(text) - strlen(text) - 1);
    assert_int_equal(read_parts(reader, text, strlen(text), 1000, &err), 0);
    assert_string_equal(ise_reader_version(reader)->product, "a\\c2\\9b\\0ab");
    assert_int_equal(strlen(ise_reader_version(reader)->version), 254); /* not in the middle of one */
    ise_reader_free(reader);
}

static void what_is_none_is_refused(void **state)
{
    static const struct {
        enum ise_document document;
        const char *charset;
        const char *text;
        const char *why;
    } bad[] = {
        {ISE_VERSION, "", "", "nothing where XML should be"},
        {ISE_VERSION, "", "   ", "nothing where XML should be"},
        {ISE_VERSION, "", "{\"response\":1}", "broken XML"},
        {ISE_VERSION, "", "<product><version>1</version>", "broken XML"},
        {ISE_VERSION, "", "<html></html>", "another document"},
        {ISE_VERSION, "", "<sessionCount><count>1</count></sessionCount>", "another document"},
        {ISE_VERSION, "", "<product><version>1</version></product>", "does not say its version"},
        {ISE_VERSION, "", "<product><type_of_node>1</type_of_node></product>", "does not say its version"},
        {ISE_VERSION, "", "<product><version/><type_of_node>1</type_of_node></product>", "does not say"},
        {ISE_VERSION, "", "<product><version>1</version><type_of_node>-1</type_of_node></product>",
         "a number that is none"},
        {ISE_VERSION, "", "<product><version>1</version><type_of_node>1 2</type_of_node></product>",
         "a number that is none"},
        {ISE_COUNT, "", "<sessionCount></sessionCount>", "how many sessions"},
        {ISE_COUNT, "", "<sessionCount><count>99999999999999999999</count></sessionCount>",
         "a number that is none"},
        {ISE_COUNT, "", "<!DOCTYPE x><sessionCount><count>1</count></sessionCount>", "document type"},
        {ISE_COUNT, "", "<!DOCTYPE x [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><sessionCount/>",
         "document type"},
        {ISE_COUNT, "", "<!DOCTYPE x SYSTEM 'file:///etc/passwd'><sessionCount/>", "document type"},
        {ISE_COUNT, "", "<sessionCount><count>&undefined;</count></sessionCount>", "broken XML"},
        {ISE_COUNT, "", "<?xml version='1.0' encoding='windows-1252'?><sessionCount/>", "charset"},
        {ISE_COUNT, "EBCDIC", "<sessionCount><count>1</count></sessionCount>", "charset"},
        {ISE_COUNT, "UTF-8", "<sessionCount><count>\xff</count></sessionCount>", "broken XML"},
        {ISE_COUNT, "UTF-16", "<sessionCount><count>1</count></sessionCount>", "broken XML"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};

        assert_int_equal(read_text(bad[i].document, bad[i].charset, bad[i].text, &err), -1);
        if (strstr(err.message, bad[i].why) == NULL)
            fail_msg("%s: %s", bad[i].text, err.message);
    }
}

static void charsets_that_are_read(void **state)
{
    static const char utf16[] = "\xff\xfe<\0s\0e\0s\0s\0i\0o\0n\0C\0o\0u\0n\0t\0>\0<\0c\0o\0u\0n\0t\0>\0"
                                "7\0<\0/\0c\0o\0u\0n\0t\0>\0<\0/\0s\0e\0s\0s\0i\0o\0n\0C\0o\0u\0n\0t\0>";
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(ISE_COUNT, "", NULL, NULL, &err);

    (void)state;
    assert_int_equal(read_parts(reader, utf16, sizeof(utf16), 3, &err), 0);
    assert_int_equal(ise_reader_count(reader), 7);
    ise_reader_free(reader);
    reader = ise_reader_new(ISE_VERSION, "ISO-8859-1", NULL, NULL, &err);
    assert_int_equal(ise_reader_add(reader, "<product name='\xe9'><version>1</version>", 38, &err), 0);
    assert_string_equal(ise_reader_version(reader)->product, "\xc3\xa9");
    ise_reader_free(reader);
}

static void deep_and_endless_ones_are_refused(void **state)
{
    struct error err = {0};
    struct ise_reader *reader = ise_reader_new(ISE_LIST, "", NULL, NULL, &err);
    char *tag = malloc(300000);
    size_t fed = 0;
    int result = ise_reader_add(reader, "<activeList>", 12, &err);

    (void)state;
    for (int i = 0; i < 100000 && result == 0; i++)
        result = ise_reader_add(reader, "<a>", 3, &err);
    assert_int_equal(result, -1);
    assert_non_null(strstr(err.message, "nested too deeply"));
    ise_reader_free(reader);

    memset(tag, 'a', 300000);
    tag[0] = '<';
    reader = ise_reader_new(ISE_LIST, "", NULL, NULL, &err);
    assert_int_equal(ise_reader_add(reader, "<activeList>", 12, &err), 0);
    for (result = 0; result == 0 && fed < 300000; fed += 1000)
        result = ise_reader_add(reader, tag + fed, 1000, &err);
    assert_int_equal(result, -1);
    assert_non_null(strstr(err.message, "a tag without an end"));
    assert_true(fed < 200000);
    ise_reader_free(reader);
    free(tag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_read_however_it_arrives),
        cmocka_unit_test(a_count_is_read),
        cmocka_unit_test(sessions_come_one_by_one),
        cmocka_unit_test(whoever_has_enough_is_left_alone),
        cmocka_unit_test(fields_are_escaped_and_cut),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(charsets_that_are_read),
        cmocka_unit_test(deep_and_endless_ones_are_refused),
    };

    return cmocka_run_group_tests_name("servers_xml", tests, NULL, NULL);
}
