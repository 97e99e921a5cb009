#include "store_fixture.h"

#include <pthread.h>

#define RACERS 32

struct pin_forms {
    const char *slash, *oneline;
    int number;
};

static int add_forms(struct store_txn *txn, void *arg, struct error *err)
{
    const struct pin_forms *forms = arg;
    struct pin pin = {.subject_slash = forms->slash, .subject_oneline = forms->oneline};

    snprintf(pin.host, sizeof(pin.host), "forms%d_1", forms->number);
    return pin_add(txn, &pin, err);
}

/* A subject whose one-line form is not what the slash form stands for keeps both. */
static void keeps_both_forms_where_they_differ(void **state)
{
    /* given: slash, one line; read back: one line of the record ("" where it is derived), of the row */
    static const char *const forms[][4] = {
        {"/O=Smith, Sons/CN=x", "O = \"Smith, Sons\", CN = x", "O = \"Smith, Sons\", CN = x",
         "O = \"Smith, Sons\", CN = x"},
        {"/O=a\\2fb/CN=x=y", "O = a/b, CN = x=y", "O = a/b, CN = x=y", "O = a/b, CN = x=y"},
        {"/CN=kong", "CN = kong", "", "CN = kong"},
        {"/C=US/O=Cisco Systems/CN=x=y", "C = US, O = Cisco Systems, CN = x=y", "",
         "C = US, O = Cisco Systems, CN = x=y"},
        {"", "", "", ""}};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct pin_forms wanted = {forms[i][0], forms[i][1], (int)i};
        struct error err = {0};

        assert_ok(store_run(fixture->store, add_forms, &wanted, &err), err);
        struct store_txn *txn = store_read(fixture->store, &err);
        struct pin pin;
        char host[32];

        snprintf(host, sizeof(host), "forms%zu_1", i);
        assert_ok(pin_get(txn, host, &pin, &err), err);
        assert_string_equal(pin.subject_slash, forms[i][0]);
        assert_string_equal(pin.subject_oneline, forms[i][2]);
        struct pin_cursor *cursor = pin_cursor_open(txn, &err);
        struct text oneline = {0};
        struct pin_row row;
        while (pin_cursor_next(cursor, &row, &err) == 1) {
            text_clear(&oneline);
            text_add(&oneline, "", 0);
            pin_row_oneline(&row, &oneline);
        }
        assert_string_equal(oneline.data, forms[i][3]);
        text_free(&oneline);
        pin_cursor_close(cursor);
        store_end(txn);
    }
}

static void lists_in_order_of_first_sight(void **state)
{
    static const char *const hosts[] = {"z_1", "127.0.0.12_8082", "a_443", "m_443"};
    struct fixture *fixture = *state;
    struct error err = {0};

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(fixture_add(fixture->store, hosts[i], &err), i + 1);

    struct store_txn *txn = store_read(fixture->store, &err);
    struct pin_cursor *cursor = pin_cursor_open(txn, &err);
    struct text oneline = {0};
    struct pin_row row;
    struct pin pin;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pin_cursor_next(cursor, &row, &err), 1);
        assert_int_equal(row.host_length, strlen(hosts[i]));
        assert_memory_equal(row.host, hosts[i], row.host_length);
        assert_int_equal(row.subject_slash_length, 61);
        assert_memory_equal(row.subject_slash, "/C=US", 5);
        text_clear(&oneline);
        pin_row_oneline(&row, &oneline);
        assert_string_equal(oneline.data,
                            "C = US, ST = CA, L = SJ, O = Cisco Systems, OU = Prime Infra, CN = ISE-server");
        assert_false(row.from_peer);
        assert_ok(pin_decode(txn, &row, &pin, &err), err);
        assert_string_equal(pin.host, hosts[i]);
        assert_int_equal(pin.sequence, i + 1);
    }
    assert_int_equal(pin_cursor_next(cursor, &row, &err), 0);
    pin_cursor_close(cursor);
    text_free(&oneline);
    store_end(txn);
}

static int update_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct pin pin;

    (void)arg;
    if (pin_get(txn, "b_1", &pin, err) != 0)
        return -1;
    pin.from_peer = true;
    pin.scope = STORE_SCOPE_NODE;
    pin.last_seen_ms = -5;
    pin.accepted_count = PIN_ACCEPTED_MAX;
    for (int i = 0; i < PIN_ACCEPTED_MAX; i++) {
        pin.accepted[i].kind = i % 2 == 0 ? PIN_CERTIFICATE : PIN_KEY;
        pin.accepted[i].state = (enum pin_state)(i % 3);
        memset(pin.accepted[i].sha256, i, FINGERPRINT_SIZE);
    }
    return pin_update(txn, &pin, err);
}

static int delete_job(struct store_txn *txn, void *host, struct error *err)
{
    return pin_delete(txn, host, err);
}

static void keeps_every_field_through_an_update(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct pin pin, look;

    fixture_add(fixture->store, "a_1", &err);
    fixture_add(fixture->store, "b_1", &err);
    fixture_add(fixture->store, "c_1", &err);
    assert_ok(store_run(fixture->store, update_job, NULL, &err), err);
    assert_ok(store_run(fixture->store, delete_job, "c_1", &err), err);

    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(pin_get(txn, "b_1", &pin, &err), err);
    assert_int_equal(pin.sequence, 2);
    assert_true(pin.from_peer);
    assert_int_equal(pin.scope, STORE_SCOPE_NODE);
    assert_int_equal(pin.zone, TRUST_ZONE_SYSTEM);
    assert_int_equal(pin.first_seen_ms, 1000);
    assert_int_equal(pin.last_seen_ms, -5);
    assert_int_equal(pin.not_after_ms, 3000);
    assert_int_equal(pin.accepted_count, PIN_ACCEPTED_MAX);
    assert_int_equal(pin.accepted[3].kind, PIN_KEY);
    assert_int_equal(pin.accepted[2].state, PIN_RETIRED);
    assert_int_equal(pin.accepted[3].sha256[31], 3);
    assert_int_equal(pin.certificate[0], 'b');
    assert_memory_equal(pin.subject_slash, "/C=US/ST=CA", 11);
    /* a look at it sees the same, but for the texts */
    assert_ok(pin_look(txn, "b_1", &look, &err), err);
    assert_null(look.subject_slash);
    assert_null(look.subject_oneline);
    look.subject_slash = pin.subject_slash;
    look.subject_oneline = pin.subject_oneline;
    assert_memory_equal(&look, &pin, sizeof(pin));
    assert_int_equal(pin_look(txn, "c_1", &look, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(pin_get(txn, "c_1", &pin, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.message, "there is no pin for c_1");
    store_end(txn);
    assert_int_equal(store_run(fixture->store, delete_job, "c_1", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void *racer(void *store)
{
    struct error err = {0};

    if (fixture_add(store, "ise.example.com_443", &err) != 0)
        return (void *)"won";
    return err.code == ERROR_CONFLICT ? (void *)"lost" : NULL;
}

static void one_of_many_wins_the_first_contact(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    pthread_t threads[RACERS];
    struct store_stats stats;
    int won = 0;

    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, racer, fixture->store), 0);
    for (int i = 0; i < RACERS; i++) {
        void *outcome;

        pthread_join(threads[i], &outcome);
        assert_non_null(outcome);
        won += strcmp(outcome, "won") == 0;
    }
    assert_int_equal(won, 1);
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.pins, 1);
    assert_int_equal(stats.revision, 1);
}

struct seen {
    int count;
    int64_t first_ms, second_ms, last_ms;
    char who[64];
};

static int count_event(void *arg, const struct pin_event *event)
{
    struct seen *seen = arg;

    if (seen->count == 0)
        seen->first_ms = event->when_ms;
    if (seen->count == 1)
        seen->second_ms = event->when_ms;
    seen->last_ms = event->when_ms;
    snprintf(seen->who, sizeof(seen->who), "%s", event->who);
    seen->count++;
    return 0;
}

static int event_job(struct store_txn *txn, void *arg, struct error *err)
{
    int count = *(int *)arg;

    for (int i = 1; i <= count; i++) {
        struct pin_event event = {
            .kind = PIN_EVENT_REFUSED, .when_ms = i, .who = "HealthMonitorThread", .why = "because"};

        memset(event.new_sha256, 7, FINGERPRINT_SIZE);
        if (pin_event_append(txn, "h_1", &event, err) != 0)
            return -1;
    }
    return pin_event_append(txn, "h_10", &(struct pin_event){.who = "other", .when_ms = 99}, err);
}

static void keeps_the_history_of_each_host(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct seen seen = {0};
    int count = 3;

    assert_ok(store_run(fixture->store, event_job, &count, &err), err);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(pin_event_each(txn, "h_1", count_event, &seen, &err), err);
    store_end(txn);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.first_ms, 1);
    assert_int_equal(seen.last_ms, 3);
    assert_string_equal(seen.who, "HealthMonitorThread");
    for (int i = 0; i < PIN_EVENTS; i++)
        assert_string_not_equal(pin_event_name((enum pin_event_kind)i), "unknown");
}

static void bounds_the_history_and_keeps_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct seen seen = {0};
    int count = 1500;

    assert_ok(store_run(fixture->store, event_job, &count, &err), err);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(pin_event_each(txn, "h_1", count_event, &seen, &err), err);
    store_end(txn);
    assert_int_equal(seen.count, 1001); /* the 1000 last and the first */
    assert_int_equal(seen.first_ms, 1);
    assert_int_equal(seen.second_ms, 501);
    assert_int_equal(seen.last_ms, 1500);
}

static int refuse_job(struct store_txn *txn, void *arg, struct error *err)
{
    struct pin_refused refused = {.first_seen_ms = 5, .last_seen_ms = 6, .times = 7};

    memset(refused.sha256, 9, FINGERPRINT_SIZE);
    return pin_refused_set(txn, arg, &refused, err);
}

static void remembers_the_refused_and_forgets_it_with_the_pin(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct pin_refused refused;

    fixture_add(fixture->store, "r_1", &err);
    assert_ok(store_run(fixture->store, refuse_job, "r_1", &err), err);
    struct store_txn *txn = store_read(fixture->store, &err);
    assert_ok(pin_refused_get(txn, "r_1", &refused, &err), err);
    assert_int_equal(refused.times, 7);
    assert_int_equal(refused.sha256[31], 9);
    store_end(txn);
    assert_ok(store_run(fixture->store, delete_job, "r_1", &err), err);
    txn = store_read(fixture->store, &err);
    assert_int_equal(pin_refused_get(txn, "r_1", &refused, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    store_end(txn);
}

static void refuses_what_is_no_pin(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct pin pin;

    fixture_pin(&pin, "x_1");
    pin.accepted_count = PIN_ACCEPTED_MAX + 1;
    assert_int_equal(store_run(fixture->store, fixture_add_job, &pin, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_int_equal(fixture_add(fixture->store, "", &err), 0);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_in_order_of_first_sight),
        TEST(keeps_both_forms_where_they_differ),
        TEST(keeps_every_field_through_an_update),
        TEST(one_of_many_wins_the_first_contact),
        TEST(keeps_the_history_of_each_host),
        TEST(bounds_the_history_and_keeps_its_beginning),
        TEST(remembers_the_refused_and_forgets_it_with_the_pin),
        TEST(refuses_what_is_no_pin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
