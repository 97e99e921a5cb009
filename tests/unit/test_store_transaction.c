#include "store_fixture.h"

#include "base/clock.h"
#include "store/audit.h"
#include "store/certificate.h"
#include "store/change.h"
#include "store/feed.h"
#include "store/setting.h"

#include <pthread.h>

#define MANY 200 /* jobs submitted at once */

static int add_two_and_fail(struct store_txn *txn, void *arg, struct error *err)
{
    struct pin pin;

    (void)arg;
    fixture_pin(&pin, "first_1");
    assert_int_equal(pin_add(txn, &pin, err), 0);
    fixture_pin(&pin, "second_1");
    assert_int_equal(pin_add(txn, &pin, err), 0);
    assert_int_equal(pin_get(txn, "first_1", &pin, err), 0);
    return error_set(err, ERROR_CONFLICT, "on second thoughts");
}

static void undoes_all_of_a_job_that_fails(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct store_stats stats;

    assert_int_equal(store_run(fixture->store, add_two_and_fail, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(err.message, "on second thoughts");
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.pins, 0);
    assert_int_equal(stats.revision, 0);
}

static int hide_a_failure(struct store_txn *txn, void *name, struct error *err)
{
    setting_set(txn, "before", STORE_SCOPE_NODE, "x", 1, err);
    setting_set(txn, name, STORE_SCOPE_NODE, "x", 1, NULL);
    return 0;
}

static void a_job_cannot_hide_that_the_store_failed(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct store_stats stats;
    char name[600];

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(store_run(fixture->store, hide_a_failure, name, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_int_equal(store_run(fixture->store, hide_a_failure, "", &err), -1);
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.revision, 0);
}

struct group {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int good, bad, reported;
};

struct submitted {
    struct group *group;
    int number;
};

static int every_third_fails(struct store_txn *txn, void *arg, struct error *err)
{
    struct submitted *submitted = arg;
    struct pin pin;
    char host[32];

    snprintf(host, sizeof(host), "h%d_1", submitted->number);
    fixture_pin(&pin, host);
    if (pin_add(txn, &pin, err) != 0)
        return -1;
    return submitted->number % 3 == 0 ? error_set(err, ERROR_BUSY, "not this one") : 0;
}

static void count_report(void *arg, int result, const struct error *err)
{
    struct group *group = ((struct submitted *)arg)->group;

    pthread_mutex_lock(&group->lock);
    if (result == 0 && err == NULL)
        group->good++;
    if (result != 0 && err->code == ERROR_BUSY)
        group->bad++;
    group->reported++;
    pthread_cond_signal(&group->ended);
    pthread_mutex_unlock(&group->lock);
}

static void jobs_of_one_commit_do_not_touch_each_other(void **state)
{
    struct fixture *fixture = *state;
    struct group group = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    struct submitted submitted[MANY];
    struct error err = {0};
    struct store_stats stats;
    struct pin pin;

    for (int i = 0; i < MANY; i++) {
        submitted[i] = (struct submitted){&group, i};
        store_submit(fixture->store, every_third_fails, count_report, &submitted[i]);
    }
    pthread_mutex_lock(&group.lock);
    while (group.reported < MANY)
        pthread_cond_wait(&group.ended, &group.lock);
    pthread_mutex_unlock(&group.lock);
    assert_int_equal(group.bad, (MANY + 2) / 3);
    assert_int_equal(group.good, MANY - group.bad);
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.pins, group.good);
    assert_int_equal(stats.revision, group.good);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_int_equal(pin_get(txn, "h3_1", &pin, &err), -1);
    assert_ok(pin_get(txn, "h4_1", &pin, &err), err);
    store_end(txn);
}

static void closing_does_what_was_submitted(void **state)
{
    struct fixture *fixture = *state;
    struct group group = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    struct submitted submitted[MANY];

    for (int i = 0; i < MANY; i++) {
        submitted[i] = (struct submitted){&group, i};
        store_submit(fixture->store, every_third_fails, count_report, &submitted[i]);
    }
    store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(group.reported, MANY);
}

static void a_view_does_not_change(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct store_txn *before = store_read(fixture->store, &err);
    struct submitted submitted = {NULL, 1};
    struct store_stats stats = {0};
    struct pin pin;

    assert_int_equal(store_run(fixture->store, add_two_and_fail, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_INTERNAL); /* a reader may not wait for the writer */
    store_submit(fixture->store, every_third_fails, NULL, &submitted);
    while (stats.revision == 0)
        assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(pin_get(before, "h1_1", &pin, &err), -1);
    assert_int_equal(store_revision(before), 0);
    store_end(before);
}

static int change_some(struct store_txn *txn, void *revision, struct error *err)
{
    struct pin pin;

    *(uint64_t *)revision = store_revision(txn);
    fixture_pin(&pin, "p_1");
    if (pin_add(txn, &pin, err) != 0 || setting_set(txn, "own", STORE_SCOPE_NODE, "secret", 6, err) != 0 ||
        setting_set(txn, "shared", STORE_SCOPE_PAIR, "", 0, err) != 0 ||
        policy_set(txn, TRUST_ZONE_DEVICEMGMT, TRUST_POLICY_DISABLE, err) != 0)
        return -1;
    return setting_delete(txn, "shared", err);
}

static int nothing(struct store_txn *txn, void *arg, struct error *err)
{
    (void)txn;
    (void)arg;
    (void)err;
    return 0;
}

static int check_change(void *arg, const struct change *change)
{
    const struct change_record *records = change->records;

    ++*(int *)arg;
    assert_int_equal(change->revision, 1);
    assert_in_range(change->when_ms, clock_wall_ms() - 60000, clock_wall_ms());
    assert_int_equal(change->record_count, 5);
    assert_string_equal(records[0].database, "pins");
    assert_int_equal(records[0].scope, STORE_SCOPE_PAIR);
    assert_memory_equal(records[0].key, "p_1", 3);
    assert_non_null(records[0].value);
    assert_string_equal(records[1].database, "settings");
    assert_int_equal(records[1].scope, STORE_SCOPE_NODE);
    assert_memory_equal(records[1].key, "own", 3);
    assert_null(records[1].value);
    assert_non_null(records[2].value);
    assert_string_equal(records[3].database, "policies");
    assert_non_null(records[3].value); /* `disable` packs to no bytes at all, and is there */
    assert_int_equal(records[3].value_length, 0);
    assert_memory_equal(records[4].key, "shared", 6);
    assert_null(records[4].value);
    return 0;
}

static void every_change_has_a_revision_and_an_entry(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    uint64_t revision = 0;
    int count = 0;

    assert_ok(store_run(fixture->store, nothing, NULL, &err), err);
    assert_ok(store_run(fixture->store, change_some, &revision, &err), err);
    assert_ok(store_run(fixture->store, nothing, NULL, &err), err);
    assert_int_equal(revision, 1);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_int_equal(store_revision(txn), 1);
    assert_ok(change_each(txn, 0, check_change, &count, &err), err);
    assert_int_equal(count, 1);
    assert_ok(change_each(txn, 1, check_change, &count, &err), err);
    assert_int_equal(count, 1);
    assert_int_equal(change_each(txn, 2, check_change, &count, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    store_end(txn);
}

static int trim_job(struct store_txn *txn, void *kept, struct error *err)
{
    feed_trim(txn, *(uint64_t *)kept, 0, 100);
    return record_status(txn, err);
}

static int trim_old_job(struct store_txn *txn, void *arg, struct error *err)
{
    (void)arg;
    feed_trim(txn, UINT64_MAX, clock_wall_ms() + 1, 2);
    record_note(txn, DATABASE_META, STORE_SCOPE_NODE, record_key_text("x"), NULL);
    return record_status(txn, err);
}

static int count_change(void *arg, const struct change *change)
{
    (void)change;
    ++*(int *)arg;
    return 0;
}

static int set_job(struct store_txn *txn, void *name, struct error *err)
{
    return setting_set(txn, name, STORE_SCOPE_PAIR, "v", 1, err);
}

static int trim_and_set_job(struct store_txn *txn, void *kept, struct error *err)
{
    return trim_job(txn, kept, err) != 0 ? -1 : set_job(txn, "last", err);
}

static void the_feed_is_trimmed_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    uint64_t kept = 3;
    int count = 0;

    for (int i = 0; i < 10; i++)
        assert_ok(store_run(fixture->store, set_job, "name", &err), err);
    assert_ok(store_run(fixture->store, trim_and_set_job, &kept, &err), err);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_int_equal(change_each(txn, 6, count_change, &count, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_ok(change_each(txn, 7, count_change, &count, &err), err); /* 8, 9, 10 and this one: 11 */
    assert_int_equal(count, 4);
    store_end(txn);
    assert_ok(store_run(fixture->store, trim_old_job, NULL, &err), err);
    txn = store_read(fixture->store, &err);
    assert_int_equal(change_each(txn, 8, count_change, &count, &err), -1);
    count = 0;
    assert_ok(change_each(txn, 9, count_change, &count, &err), err);
    assert_int_equal(count, 2); /* 10 and 11: what a node does for itself alone has no revision */
    store_end(txn);
}

static int audit_job(struct store_txn *txn, void *line, struct error *err)
{
    return audit_append(txn,
                        &(struct audit_entry){.when_ms = 42,
                                              .user = "admin",
                                              .role = "admin",
                                              .origin = "local",
                                              .line = line,
                                              .result = "ok",
                                              .method = strcmp(line, "one") == 0
                                                            ? NULL
                                                            : "config.set", /* NULL: as before it was noted */
                                              .settings = "a/b, c\n"},
                        err);
}

static int last_line(void *arg, const struct audit_entry *entry)
{
    snprintf(arg, 100, "%llu %s %s%s|%s", (unsigned long long)entry->number, entry->line, entry->message,
             entry->method, entry->settings);
    return 0;
}

static int first_line(void *arg, const struct audit_entry *entry)
{
    last_line(arg, entry);
    return 1;
}

static void the_audit_trail_keeps_order_and_escapes(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    char line[100];

    assert_ok(store_run(fixture->store, audit_job, "one", &err), err);
    assert_ok(store_run(fixture->store, audit_job, "two", &err), err);
    assert_ok(store_run(fixture->store, audit_job, "three\nforged", &err), err);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(audit_each(txn, 0, first_line, line, &err), err);
    assert_string_equal(line, "1 one |a/b, c\\0a");
    assert_ok(audit_each(txn, 2, first_line, line, &err), err);
    assert_string_equal(line, "2 two config.set|a/b, c\\0a");
    assert_ok(audit_each(txn, 99, last_line, line, &err), err);
    assert_string_equal(line, "3 three\\0aforged config.set|a/b, c\\0a");
    store_end(txn);
}

static int certificate_job(struct store_txn *txn, void *name, struct error *err)
{
    struct certificate_facts facts = {.common_name = name, .serial = "01", .not_after_ms = 9};

    memset(facts.sha256, 3, FINGERPRINT_SIZE);
    return certificate_put(txn, &facts, (const uint8_t *)"\x30\x00\x01", 3, err);
}

static void keeps_a_certificate_once(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct certificate_facts facts;
    uint8_t sha256[FINGERPRINT_SIZE];
    struct store_stats stats;
    const uint8_t *der;
    size_t length;

    assert_ok(store_run(fixture->store, certificate_job, "first", &err), err);
    assert_ok(store_run(fixture->store, certificate_job, "second", &err), err);
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.certificates, 1);
    assert_int_equal(stats.revision, 0); /* no pair record refers to it */
    memset(sha256, 3, sizeof(sha256));
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(certificate_get(txn, sha256, &facts, &der, &length, &err), err);
    assert_string_equal(facts.common_name, "first");
    assert_string_equal(facts.names, "");
    assert_int_equal(facts.not_after_ms, 9);
    assert_memory_equal(facts.sha256, sha256, sizeof(sha256));
    assert_int_equal(length, 3);
    assert_memory_equal(der, "\x30\x00\x01", 3);
    sha256[0] = 4;
    assert_int_equal(certificate_get(txn, sha256, &facts, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    store_end(txn);
}

static int policy_job(struct store_txn *txn, void *policy, struct error *err)
{
    return policy_set(txn, TRUST_ZONE_PUBNET, *(enum trust_policy *)policy, err);
}

static void a_zone_trusts_on_first_use_unless_told(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    enum trust_policy policy = TRUST_POLICY_DISABLE;
    enum trust_zone zone;

    assert_ok(store_run(fixture->store, policy_job, &policy, &err), err);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(policy_get(txn, TRUST_ZONE_PUBNET, &policy, &err), err);
    assert_int_equal(policy, TRUST_POLICY_DISABLE);
    assert_ok(policy_get(txn, TRUST_ZONE_USER, &policy, &err), err);
    assert_int_equal(policy, TRUST_POLICY_FIRST_USE);
    store_end(txn);
    for (int i = 0; i < TRUST_ZONES; i++) {
        assert_ok(trust_zone_parse(trust_zone_name((enum trust_zone)i), &zone, &err), err);
        assert_int_equal(zone, i);
    }
    for (int i = 0; i < TRUST_POLICIES; i++) {
        assert_ok(trust_policy_parse(trust_policy_name((enum trust_policy)i), &policy, &err), err);
        assert_int_equal(policy, i);
    }
    assert_int_equal(trust_zone_parse("moon", &zone, &err), -1);
    assert_non_null(strstr(err.message, "devicemgmt"));
    assert_int_equal(trust_policy_parse("", &policy, &err), -1);
}

static int read_own_setting(struct store_txn *txn, void *arg, struct error *err)
{
    const uint8_t *first, *again;
    size_t length;

    (void)arg;
    if (setting_set(txn, "s", STORE_SCOPE_NODE, "old", 3, err) != 0 ||
        setting_get(txn, "s", &first, &length, err) != 0 ||
        setting_set(txn, "s", STORE_SCOPE_NODE, "newer", 5, err) != 0 ||
        setting_get(txn, "s", &again, &length, err) != 0)
        return -1;
    assert_int_equal(length, 5);
    assert_memory_equal(again, "newer", 5);
    assert_memory_equal(first, "old", 3); /* lives until the end, whatever is written */
    return 0;
}

static void a_job_sees_what_it_wrote(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    assert_ok(store_run(fixture->store, read_own_setting, NULL, &err), err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(undoes_all_of_a_job_that_fails),
        TEST(a_job_cannot_hide_that_the_store_failed),
        TEST(jobs_of_one_commit_do_not_touch_each_other),
        TEST(closing_does_what_was_submitted),
        TEST(a_view_does_not_change),
        TEST(every_change_has_a_revision_and_an_entry),
        TEST(the_feed_is_trimmed_and_says_so),
        TEST(the_audit_trail_keeps_order_and_escapes),
        TEST(keeps_a_certificate_once),
        TEST(a_zone_trusts_on_first_use_unless_told),
        TEST(a_job_sees_what_it_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
