/* Whether two servers can be a pair: the table, and whether this node is connected to anything. */
#include "store_fixture.h"

#include "ha/readiness.h"
#include "ha/witness.h"

#include <arpa/inet.h>
#include <math.h>
#include <sys/socket.h>

#define WITNESS_MS 300

static const char *field(const struct ha_readiness *readiness, size_t row, const char *name)
{
    return json_string_value(json_object_get(json_array_get(readiness->tests, row), name));
}

static void a_machine_is_looked_at_and_leaves_nothing_behind(void **state)
{
    struct ha_machine machine;
    struct error err = {0};
    char home[FIXTURE_PATH_MAX];
    char trial[FIXTURE_PATH_MAX + 32];

    (void)state;
    fixture_home(home);
    assert_int_equal(ha_machine_look(home, &machine, &err), 0);
    assert_int_equal(machine.cpus, sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(machine.memory_bytes > 0);
    assert_true(machine.disk_bytes >= machine.disk_free_bytes);
    assert_true(machine.write_mb_s > 0);
    snprintf(trial, sizeof(trial), "%s/readiness.trial", home);
    assert_int_equal(access(trial, F_OK), -1);
    fixture_remove(home);
    assert_int_equal(ha_machine_look(home, &machine, &err), -1);
    assert_non_null(strstr(err.message, "cannot look at the disk"));
}

static void a_machine_travels_as_json(void **state)
{
    const struct ha_machine sent = {3, 5ULL << 30, 7ULL << 40, 6ULL << 40, 123.5};
    struct ha_machine got;
    json_t *object = ha_machine_write(&sent);

    (void)state;
    ha_machine_read(object, &got);
    json_decref(object);
    assert_int_equal(got.cpus, sent.cpus);
    assert_true(got.memory_bytes == sent.memory_bytes && got.disk_bytes == sent.disk_bytes &&
                got.disk_free_bytes == sent.disk_free_bytes);
    assert_true(fabs(got.write_mb_s - sent.write_mb_s) < 0.01);
    ha_machine_read(NULL, &got); /* an answer without it */
    assert_int_equal(got.cpus, 0);
}

static void only_a_failure_counts_as_failed(void **state)
{
    struct ha_readiness readiness = {.tests = json_array()};

    (void)state;
    ha_readiness_add(&readiness, "One", "a", "b", HA_PASS, "");
    ha_readiness_add(&readiness, "Two", "a", "b", HA_WARNING, "look");
    ha_readiness_add(&readiness, "Three", "a", "-", HA_NOT_TESTED, "");
    assert_int_equal(readiness.failed, 0);
    ha_readiness_add(&readiness, "Four", "a", "b", HA_FAIL, "do this");
    ha_readiness_steps(&readiness, "it broke", json_pack("[s, s]", "first", "then"));
    assert_int_equal(readiness.failed, 1);
    assert_int_equal(json_array_size(readiness.tests), 4);
    assert_string_equal(field(&readiness, 0, "verdict"), "PASS");
    assert_string_equal(field(&readiness, 1, "verdict"), "WARNING");
    assert_string_equal(field(&readiness, 1, "advice"), "look");
    assert_string_equal(field(&readiness, 2, "verdict"), "-");
    assert_string_equal(field(&readiness, 3, "verdict"), "FAIL");
    assert_string_equal(field(&readiness, 3, "because"), "it broke");
    assert_int_equal(json_array_size(json_object_get(json_array_get(readiness.tests, 3), "steps")), 2);
    assert_null(json_object_get(json_array_get(readiness.tests, 2), "steps"));
    json_decref(readiness.tests);
}

static void a_small_machine_is_advice_and_no_refusal(void **state)
{
    const struct ha_machine good = {READINESS_CPUS, READINESS_MEMORY, 2 * READINESS_DISK_FREE,
                                    READINESS_DISK_FREE, READINESS_WRITE_MB_S};
    struct ha_machine small = good;
    struct ha_readiness readiness = {.tests = json_array()};

    (void)state;
    small.cpus--;
    small.write_mb_s--;
    ha_readiness_machines(&readiness, &good, &good);
    ha_readiness_machines(&readiness, &good, &small);
    ha_readiness_machines(&readiness, &small, NULL);
    assert_int_equal(readiness.failed, 0);
    assert_int_equal(json_array_size(readiness.tests), 12);
    for (size_t row = 0; row < 4; row++)
        assert_string_equal(field(&readiness, row, "verdict"), "PASS");
    for (size_t row = 4; row < 12; row++) {
        bool is_small = row % 4 == 0 || row % 4 == 3; /* CPU count, disk write rate */

        assert_string_equal(field(&readiness, row, "verdict"), is_small ? "WARNING" : "PASS");
        assert_int_equal(field(&readiness, row, "advice")[0] != '\0', is_small);
    }
    assert_string_equal(field(&readiness, 4, "advice"), "give each server 2 or more");
    assert_string_equal(field(&readiness, 8, "secondary"), "-");
    json_decref(readiness.tests);
}

static void this_machine_answers_as_a_witness(void **state)
{
    struct error err = {0};

    (void)state;
    assert_true(ha_witness_answers("127.0.0.1", WITNESS_MS, &err)); /* a pong, or a refusal */
    assert_true(ha_witness_answers("::1", WITNESS_MS, &err) || err.code == ERROR_UNREACHABLE);
}

static void who_does_not_answer_is_no_witness(void **state)
{
    struct error err = {0};

    (void)state;
    assert_false(ha_witness_answers("fe80::1", WITNESS_MS, &err)); /* without an interface: nowhere */
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    assert_non_null(strstr(err.message, "the witness fe80::1 does not answer"));
    assert_false(ha_witness_answers("not-an-address", WITNESS_MS, &err));
    assert_non_null(strstr(err.message, "is not an address"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_looked_at_and_leaves_nothing_behind),
        cmocka_unit_test(a_machine_travels_as_json),
        cmocka_unit_test(only_a_failure_counts_as_failed),
        cmocka_unit_test(a_small_machine_is_advice_and_no_refusal),
        cmocka_unit_test(this_machine_answers_as_a_witness),
        cmocka_unit_test(who_does_not_answer_is_no_witness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
