#include "control/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_request(const char *line, struct control_request *out, struct error *err)
{
    return control_request_read(line, strlen(line), out, err);
}

static void a_request_comes_back_as_written(void **state)
{
    json_t *params = json_pack("{s:s}", "host", "127.0.0.21_443");
    char *line = control_request_line(7, "pin.delete", params);
    struct control_request request;

    (void)state;
    assert_string_equal(line,
                        "{\"id\":7,\"method\":\"pin.delete\",\"params\":{\"host\":\"127.0.0.21_443\"}}\n");
    assert_int_equal(read_request(line, &request, NULL), 0);
    assert_int_equal(request.id, 7);
    assert_string_equal(request.method, "pin.delete");
    assert_true(json_equal(request.params, params));
    control_request_clear(&request);
    free(line);
    json_decref(params);
}

static void params_are_always_an_object(void **state)
{
    struct control_request request;

    (void)state;
    assert_int_equal(read_request("{\"id\":1,\"method\":\"a\"}\r\n", &request, NULL), 0);
    assert_true(json_is_object(request.params));
    control_request_clear(&request);
    assert_int_equal(read_request("{\"id\":1,\"method\":\"a\",\"params\":null}", &request, NULL), 0);
    assert_true(json_is_object(request.params));
    control_request_clear(&request);
}

static void bad_requests_are_refused_with_why(void **state)
{
    static const struct {
        const char *line, *why;
        int id;
    } rows[] = {
        {"", "is not JSON", 0},
        {"hello\n", "is not JSON", 0},
        {"\033[2J\n", "is not JSON", 0},
        {"[1]\n", "is not a JSON object", 0},
        {"{\"id\":1,\"method\":\"a\"} {}\n", "is not JSON", 0},
        {"{\"id\":1,\"id\":2,\"method\":\"a\"}\n", "is not JSON", 0},
        {"{\"method\":\"a\"}\n", "has no id", 0},
        {"{\"id\":\"1\",\"method\":\"a\"}\n", "has no id", 0},
        {"{\"id\":0,\"method\":\"a\"}\n", "has no id", 0},
        {"{\"id\":3}\n", "has no method", 3},
        {"{\"id\":3,\"method\":\"a b\"}\n", "has no method", 3},
        {"{\"id\":3,\"method\":\"\"}\n", "has no method", 3},
        {"{\"id\":3,\"method\":\"a\",\"params\":[]}\n", "params are not an object", 3},
        {"{\"id\":99999999999999999999,\"method\":\"a\"}\n", "is not JSON", 0},
        {"{\"id\":1,\"method\":\"a\",\"params\":{\"x\":\"\\u0000\"}}\n", "is not JSON", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct control_request request;
        struct error err = {0};

        assert_int_equal(read_request(rows[i].line, &request, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, rows[i].why));
        assert_null(strchr(err.message, '\033'));
        assert_int_equal(request.id, rows[i].id);
    }
}

static void depth_is_bounded(void **state)
{
    char line[200000];
    struct control_request request;
    struct error err = {0};

    (void)state;
    memset(line, '[', sizeof(line));
    assert_int_equal(control_request_read(line, sizeof(line), &request, &err), -1);
    assert_non_null(strstr(err.message, "nested more than"));
    /* brackets inside a string are text */
    memset(line, '[', 200);
    line[0] = '"';
    line[199] = '"';
    assert_int_equal(control_request_read(line, 200, &request, &err), -1);
    assert_non_null(strstr(err.message, "not JSON"));
}

static void replies_come_back_as_written(void **state)
{
    json_t *body = json_pack("{s:i}", "percent", 40);
    struct control_reply reply;
    struct error err = {0};
    char *line;

    (void)state;
    line = control_progress_line(4, body);
    assert_string_equal(line, "{\"id\":4,\"progress\":{\"percent\":40}}\n");
    assert_int_equal(control_reply_read(line, strlen(line), &reply, NULL), 0);
    assert_int_equal(reply.kind, CONTROL_PROGRESS);
    assert_true(json_equal(reply.body, body));
    control_reply_clear(&reply);
    free(line);

    line = control_result_line(4, NULL);
    assert_string_equal(line, "{\"id\":4,\"result\":{}}\n");
    free(line);

    error_set(&err, ERROR_NOT_FOUND, "no pin of \"x\\y\" \xff\n");
    error_hint(&err, "see listcerts");
    line = control_error_line(4, &err);
    assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
    assert_int_equal(control_reply_read(line, strlen(line), &reply, NULL), 0);
    assert_int_equal(reply.kind, CONTROL_ERROR);
    assert_int_equal(reply.error.code, ERROR_NOT_FOUND);
    assert_string_equal(reply.error.message, "no pin of \"x\\5cy\" \\ff\\0a");
    assert_string_equal(reply.error.hint, "see listcerts");
    control_reply_clear(&reply);
    free(line);
    json_decref(body);
}

static void bad_replies_are_refused(void **state)
{
    static const char *const rows[] = {"",
                                       "x\n",
                                       "{}\n",
                                       "{\"id\":1}\n",
                                       "{\"id\":-1,\"result\":{}}\n",
                                       "{\"id\":1,\"error\":{}}\n",
                                       "{\"id\":1,\"error\":5}\n",
                                       "{\"id\":1,\"error\":{\"code\":5,\"message\":[]}}\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct control_reply reply;
        struct error err = {0};

        assert_int_equal(control_reply_read(rows[i], strlen(rows[i]), &reply, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        control_reply_clear(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back_as_written),   cmocka_unit_test(params_are_always_an_object),
        cmocka_unit_test(bad_requests_are_refused_with_why), cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(replies_come_back_as_written),      cmocka_unit_test(bad_replies_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
