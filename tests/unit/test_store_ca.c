#include "store_fixture.h"

#include "store/ca.h"
#include "store/certificate.h"
#include "store/expiry.h"
#include "store/ocsp.h"
#include "store/own_ca.h"

struct order {
    enum trust_zone zone;
    struct ca_certificate ca;
    bool delete;
};

static int order_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct order *order = arg;

    if (order->delete)
        return ca_delete(txn, order->zone, order->ca.alias, err);
    return ca_add(txn, order->zone, &order->ca, err);
}

static enum error_code run(struct store *store, enum trust_zone zone, const char *alias, bool delete)
{
    struct order order = {.zone = zone, .delete = delete, .ca = {.added_ms = 5, .not_after_ms = 7}};
    struct error err = {0};

    snprintf(order.ca.alias, sizeof(order.ca.alias), "%s", alias);
    order.ca.subject_slash = "/CN=Root";
    memset(order.ca.sha256, alias[0], FINGERPRINT_SIZE);
    return store_run(store, order_job, &order, &err) == 0 ? ERROR_NONE : err.code;
}

static uint64_t generation(struct store *store, enum trust_zone zone)
{
    struct store_txn *txn = store_read(store, NULL);
    struct ca_state state;

    assert_int_equal(ca_state_get(txn, zone, &state, NULL), 0);
    store_end(txn);
    return state.generation;
}

static int append_alias(void *arg, const struct ca_certificate *ca)
{
    assert_string_equal(ca->subject_slash, "/CN=Root");
    assert_int_equal(ca->not_after_ms, 7);
    assert_int_equal(ca->sha256[31], ca->alias[0]);
    snprintf((char *)arg + strlen(arg), 100, "%s", ca->alias);
    return 0;
}

static void zones_are_apart_and_changes_are_seen(void **state)
{
    struct store *store = *state;
    uint64_t before;
    char aliases[200] = "";
    struct store_txn *txn;

    assert_int_equal(generation(store, TRUST_ZONE_USER), 0);
    assert_int_equal(run(store, TRUST_ZONE_USER, "b", false), ERROR_NONE);
    before = generation(store, TRUST_ZONE_USER);
    assert_true(before != 0);
    assert_int_equal(generation(store, TRUST_ZONE_SYSTEM), 0);
    assert_int_equal(run(store, TRUST_ZONE_USER, "b", false), ERROR_CONFLICT);
    assert_int_equal(generation(store, TRUST_ZONE_USER), before);
    assert_int_equal(run(store, TRUST_ZONE_USER, "a", false), ERROR_NONE);
    assert_int_equal(run(store, TRUST_ZONE_SYSTEM, "c", false), ERROR_NONE);
    assert_true(generation(store, TRUST_ZONE_USER) != before);
    txn = store_read(store, NULL);
    assert_int_equal(ca_each(txn, TRUST_ZONE_USER, append_alias, aliases, NULL), 0);
    assert_string_equal(aliases, "ab");
    store_end(txn);
    assert_int_equal(run(store, TRUST_ZONE_SYSTEM, "a", true), ERROR_NOT_FOUND);
    assert_int_equal(run(store, TRUST_ZONE_USER, "a", true), ERROR_NONE);
    assert_int_equal(run(store, TRUST_ZONE_USER, "a/b", false), ERROR_INVALID_ARGUMENT);
    assert_int_equal(run(store, TRUST_ZONE_USER, "", false), ERROR_INVALID_ARGUMENT);
}

static int state_job(struct store_txn *txn, void *arg, struct error *err)
{
    return ca_state_set(txn, TRUST_ZONE_USER, arg, err);
}

static void the_state_of_a_zone_keeps_its_generation(void **state)
{
    struct ca_state wanted = {.generation = 1, .auto_update = true, .updated_ms = 9, .problem = "no file"};
    struct store *store = *state;
    struct ca_state got;
    struct store_txn *txn;
    uint64_t before;

    assert_int_equal(run(store, TRUST_ZONE_USER, "a", false), ERROR_NONE);
    before = generation(store, TRUST_ZONE_USER);
    assert_int_equal(store_run(store, state_job, &wanted, NULL), 0);
    txn = store_read(store, NULL);
    assert_int_equal(ca_state_get(txn, TRUST_ZONE_USER, &got, NULL), 0);
    assert_true(got.auto_update && got.updated_ms == 9 && got.generation == before);
    assert_string_equal(got.problem, "no file");
    store_end(txn);
}

static int ocsp_job(struct store_txn *txn, void *arg, struct error *err)
{
    return ocsp_setting_set(txn, arg, err);
}

static void responders_are_kept(void **state)
{
    struct ocsp_setting wanted = {.hard = true, .urls = {"http://a/", ""}};
    struct ocsp_setting got;
    struct store_txn *txn = store_read(*state, NULL);

    assert_int_equal(ocsp_setting_get(txn, &got, NULL), 0);
    assert_true(!got.custom && !got.hard && got.urls[0][0] == '\0');
    store_end(txn);
    assert_int_equal(store_run(*state, ocsp_job, &wanted, NULL), 0);
    txn = store_read(*state, NULL);
    assert_int_equal(ocsp_setting_get(txn, &got, NULL), 0);
    assert_true(!got.custom && got.hard);
    assert_string_equal(got.urls[0], "http://a/");
    store_end(txn);
}

static int issuer_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct own_ca issuer = {.alias = "corp-1"};
    struct certificate_facts facts = {.subject_slash = "/CN=Issuing",
                                      .subject_oneline = "",
                                      .subject_reversed = "",
                                      .common_name = "",
                                      .issuer_oneline = "",
                                      .serial = "",
                                      .names = "",
                                      .key = "",
                                      .signature = "",
                                      .not_after_ms = 9};

    (void)arg;
    memset(facts.sha256, 0x55, FINGERPRINT_SIZE);
    memcpy(issuer.sha256, facts.sha256, FINGERPRINT_SIZE);
    if (certificate_put(txn, &facts, (const uint8_t *)"der", 3, err) != 0)
        return -1;
    return own_ca_set(txn, &issuer, 1, err);
}

static int count_one(void *arg, const struct expiry *expiry)
{
    int *counts = arg;

    counts[expiry->kind]++;
    if (expiry->kind == EXPIRY_CA)
        assert_string_equal(expiry->name, "user/a");
    if (expiry->kind == EXPIRY_ISSUER) {
        assert_string_equal(expiry->name, "corp-1");
        assert_string_equal(expiry->subject_slash, "/CN=Issuing");
        assert_int_equal(expiry->not_after_ms, 9);
    }
    return 0;
}

static void ends_are_found_everywhere(void **state)
{
    int counts[EXPIRY_KINDS] = {0};
    struct error err = {0};
    struct store_txn *txn;

    assert_int_equal(run(*state, TRUST_ZONE_USER, "a", false), ERROR_NONE);
    assert_int_not_equal(fixture_add(*state, "h_443", &err), 0);
    assert_int_equal(store_run(*state, issuer_job, NULL, NULL), 0);
    txn = store_read(*state, NULL);
    assert_int_equal(expiry_each(txn, count_one, counts, NULL), 0);
    store_end(txn);
    assert_int_equal(counts[EXPIRY_CA], 1);
    assert_int_equal(counts[EXPIRY_PINNED], 1);
    assert_int_equal(counts[EXPIRY_OWN], 0);
    assert_int_equal(counts[EXPIRY_ISSUER], 1);
}

#define DAY_MS (24 * 3600 * 1000LL)

/* One look a day, from long before the end until long after it: each notice comes once, at its time. */
static void each_notice_comes_once(void **state)
{
    const int64_t end_ms = 1000 * DAY_MS + 5 * 3600 * 1000LL;
    int days[8];
    size_t count = 0;

    (void)state;
    for (int64_t now_ms = 800 * DAY_MS; now_ms < 1100 * DAY_MS; now_ms += DAY_MS) {
        int passed = expiry_passed(end_ms, now_ms - DAY_MS, now_ms);

        if (passed < 0)
            continue;
        assert_true(count < 8);
        days[count++] = passed;
        assert_true(now_ms >= end_ms - passed * DAY_MS && now_ms < end_ms - passed * DAY_MS + DAY_MS);
    }
    assert_int_equal(count, 5);
    assert_memory_equal(days, ((int[]){90, 30, 7, 1, 0}), 5 * sizeof(int));
    /* who looks for the first time gets the nearest one only; who was off for a month as well */
    assert_int_equal(expiry_passed(end_ms, 0, end_ms - 20 * DAY_MS), 30);
    assert_int_equal(expiry_passed(end_ms, end_ms - 95 * DAY_MS, end_ms - 5 * DAY_MS), 7);
    assert_int_equal(expiry_passed(end_ms, 0, end_ms + 50 * DAY_MS), 0);
    assert_int_equal(expiry_passed(end_ms, 0, end_ms - 91 * DAY_MS), -1);
    assert_int_equal(expiry_passed(end_ms, end_ms - 29 * DAY_MS, end_ms - 8 * DAY_MS), -1);
}

static char home[FIXTURE_PATH_MAX];

static int setup(void **state)
{
    struct error err = {0};

    fixture_home(home);
    *state = store_open(home, STORE_WRITE, &err);
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    store_close(*state);
    fixture_remove(home);
    return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(zones_are_apart_and_changes_are_seen),
        WITH_STORE(the_state_of_a_zone_keeps_its_generation),
        WITH_STORE(responders_are_kept),
        WITH_STORE(ends_are_found_everywhere),
        cmocka_unit_test(each_notice_comes_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
