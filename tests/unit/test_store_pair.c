/* What a node remembers of its pair: record, history, registration, keys. */
#include "store_fixture.h"

#include "store/pair.h"

enum step { SET, DELETE, APPEND, REGISTRATION, KEY, KEY_DELETE };

struct work {
    enum step step;
    const struct pair_record *record;
    const struct pair_registration *registration;
    const struct seal *seal;
    enum pair_key which;
    uint8_t key[PAIR_KEY_SIZE];
    unsigned first, count; /* events */
};

static int append(struct store_txn *txn, const struct work *work, struct error *err)
{
    for (unsigned i = work->first; i < work->first + work->count; i++) {
        const struct pair_event event = {i, "Primary Active", "Primary Lost Secondary", "peer lost", "why",
                                         i};

        if (pair_event_append(txn, &event, err) != 0)
            return -1;
    }
    return 0;
}

static int do_work(struct store_txn *txn, void *arg, struct error *err)
{
    const struct work *work = arg;

    switch (work->step) {
    case SET:
        return pair_record_set(txn, work->record, err);
    case DELETE:
        return pair_record_delete(txn, err);
    case APPEND:
        return append(txn, work, err);
    case REGISTRATION:
        return pair_registration_set(txn, work->registration, err);
    case KEY:
        return pair_key_set(txn, work->seal, work->which, work->key, err);
    case KEY_DELETE:
        return pair_key_delete(txn, work->which, err);
    }
    return -1;
}

static void run_ok(struct store *store, struct work work)
{
    struct error err = {0};

    assert_ok(store_run(store, do_work, &work, &err), err);
}

static struct pair_record record_of(struct store *store)
{
    struct store_txn *txn = store_read(store, NULL);
    struct pair_record record;
    struct error err = {0};

    assert_ok(pair_record_get(txn, &record, &err), err);
    store_end(txn);
    return record;
}

/* Every field, and nothing of the one before. */
static void a_record_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct pair_record set = {.state = "Primary Active",
                              .since_ms = 1234567890123,
                              .reason = "registered with 127.0.0.12",
                              .peer_address = "127.0.0.12",
                              .peer_name = "prime-sec",
                              .peer_node = "0123456789abcdef0123456789abcdef",
                              .line = "fedcba9876543210fedcba9876543210",
                              .epoch = 7,
                              .confirmed = true,
                              .form = {true, "ops@example.com", "10.0.0.9", "2001:db8::9"}};
    const struct pair_record none = {0};
    struct pair_record got = record_of(fixture->store);

    assert_memory_equal(&got, &none, sizeof(none)); /* a node without a pair */
    run_ok(fixture->store, (struct work){.step = SET, .record = &set});
    got = record_of(fixture->store);
    assert_string_equal(got.state, set.state);
    assert_int_equal(got.since_ms, set.since_ms);
    assert_string_equal(got.reason, set.reason);
    assert_string_equal(got.peer_address, set.peer_address);
    assert_string_equal(got.peer_name, set.peer_name);
    assert_string_equal(got.peer_node, set.peer_node);
    assert_string_equal(got.line, set.line);
    assert_int_equal(got.epoch, set.epoch);
    assert_true(got.confirmed && got.form.automatic);
    assert_string_equal(got.form.email, set.form.email);
    assert_string_equal(got.form.ipv4, set.form.ipv4);
    assert_string_equal(got.form.ipv6, set.form.ipv6);
    set = (struct pair_record){.state = "Secondary Syncing"};
    run_ok(fixture->store, (struct work){.step = SET, .record = &set});
    got = record_of(fixture->store);
    assert_string_equal(got.state, "Secondary Syncing");
    assert_string_equal(got.reason, "");
    assert_false(got.confirmed || got.form.automatic);
    run_ok(fixture->store, (struct work){.step = DELETE});
    run_ok(fixture->store, (struct work){.step = DELETE}); /* nothing there is no error */
    got = record_of(fixture->store);
    assert_memory_equal(&got, &none, sizeof(none));
}

struct events {
    unsigned count;
    int64_t first, last;
    unsigned stop_after; /* 0: never */
};

static int see(void *arg, const struct pair_event *event)
{
    struct events *events = arg;

    if (events->count == 0)
        events->first = event->when_ms;
    else
        assert_int_equal(event->when_ms, events->last + 1);
    assert_string_equal(event->from, "Primary Active");
    assert_string_equal(event->to, "Primary Lost Secondary");
    assert_string_equal(event->event, "peer lost");
    assert_string_equal(event->reason, "why");
    assert_int_equal(event->epoch, event->when_ms);
    events->last = event->when_ms;
    return ++events->count == events->stop_after;
}

static struct events events_of(struct store *store, unsigned stop_after)
{
    struct store_txn *txn = store_read(store, NULL);
    struct events events = {.stop_after = stop_after};
    struct error err = {0};

    assert_ok(pair_event_each(txn, see, &events, &err), err);
    store_end(txn);
    return events;
}

static void the_history_keeps_the_latest(void **state)
{
    struct fixture *fixture = *state;
    struct events events = events_of(fixture->store, 0);

    assert_int_equal(events.count, 0);
    run_ok(fixture->store, (struct work){.step = APPEND, .first = 1, .count = PAIR_EVENTS_KEPT});
    events = events_of(fixture->store, 0);
    assert_int_equal(events.count, PAIR_EVENTS_KEPT);
    assert_int_equal(events.first, 1);
    run_ok(fixture->store, (struct work){.step = APPEND, .first = PAIR_EVENTS_KEPT + 1, .count = 5});
    run_ok(fixture->store, (struct work){.step = DELETE}); /* of the record: the history stays */
    events = events_of(fixture->store, 0);
    assert_int_equal(events.count, PAIR_EVENTS_KEPT);
    assert_int_equal(events.first, 6);
    assert_int_equal(events.last, PAIR_EVENTS_KEPT + 5);
    events = events_of(fixture->store, 3);
    assert_int_equal(events.count, 3);
}

static void a_registration_is_remembered(void **state)
{
    struct fixture *fixture = *state;
    const struct pair_registration set = {.started_ms = 5,
                                          .ended_ms = 9,
                                          .percent = {100, 42, 0},
                                          .peer = "127.0.0.12",
                                          .error = "it failed",
                                          .hint = "try again"};
    struct pair_registration got;
    struct error err = {0};
    struct store_txn *txn;

    run_ok(fixture->store, (struct work){.step = REGISTRATION, .registration = &set});
    txn = store_read(fixture->store, NULL);
    assert_ok(pair_registration_get(txn, &got, &err), err);
    store_end(txn);
    assert_int_equal(got.started_ms, 5);
    assert_int_equal(got.ended_ms, 9);
    assert_memory_equal(got.percent, set.percent, sizeof(set.percent));
    assert_string_equal(got.peer, set.peer);
    assert_string_equal(got.error, set.error);
    assert_string_equal(got.hint, set.hint);
}

static int get_key(struct store *store, const struct seal *seal, enum pair_key which,
                   uint8_t out[PAIR_KEY_SIZE], struct error *err)
{
    struct store_txn *txn = store_read(store, NULL);
    int failed = pair_key_get(txn, seal, which, out, err);

    store_end(txn);
    return failed;
}

static void keys_are_sealed_and_apart(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct seal *seal = seal_open(fixture->home, &err);
    struct work work = {.step = KEY, .seal = seal, .which = PAIR_KEY_AUTHENTICATION};
    uint8_t got[PAIR_KEY_SIZE];

    assert_non_null(seal);
    assert_int_equal(get_key(fixture->store, seal, PAIR_KEY_AUTHENTICATION, got, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    memset(work.key, 'k', sizeof(work.key));
    run_ok(fixture->store, work);
    assert_ok(get_key(fixture->store, seal, PAIR_KEY_AUTHENTICATION, got, &err), err);
    assert_memory_equal(got, work.key, sizeof(got));
    assert_int_equal(get_key(fixture->store, seal, PAIR_KEY_PAIR, got, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    run_ok(fixture->store, (struct work){.step = KEY_DELETE, .which = PAIR_KEY_AUTHENTICATION});
    run_ok(fixture->store, (struct work){.step = KEY_DELETE, .which = PAIR_KEY_AUTHENTICATION});
    assert_int_equal(get_key(fixture->store, seal, PAIR_KEY_AUTHENTICATION, got, &err), -1);
    seal_close(seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_comes_back_as_it_was, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_history_keeps_the_latest, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_registration_is_remembered, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(keys_are_sealed_and_apart, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
