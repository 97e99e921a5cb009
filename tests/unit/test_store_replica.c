/* The records of a pair: from one store into the other, all at once and change by change. */
#include "replica_fixture.h"

#include "store/statement.h"

static void fill_active(struct pair *pair)
{
    struct store *store = pair->store[ACTIVE];

    run_ok(store, ADD_PIN, "a.example_443", STORE_SCOPE_PAIR);
    run_ok(store, ADD_PIN, "self.example_8082", STORE_SCOPE_NODE);
    run_ok(store, ADD_PIN, "c.example_443", STORE_SCOPE_PAIR);
    run_ok(store, ADD_PIN, "b.example_443", STORE_SCOPE_PAIR);
    run_ok(store, SET, "shared", STORE_SCOPE_PAIR, "one");
    run_ok(store, SET, "own", STORE_SCOPE_NODE, "mine");
    run_ok(store, ADD_CA, "root", STORE_SCOPE_PAIR);
    run_ok(store, SET_POLICY);
    run_ok(store, SET_SECRET, "mail-server/password", STORE_SCOPE_PAIR, "tiger", pair->seal[ACTIVE]);
    run_ok(store, SET_SECRET, "authz/encryption", STORE_SCOPE_PAIR, "0123456789abcdef0123456789abcdef",
           pair->seal[ACTIVE]);
    run_ok(store, AUDIT);
}

static char *list_hosts(struct store *store)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    struct pin_cursor *cursor = pin_cursor_open(txn, &err);
    struct text list = {0};
    struct pin_row row;

    while (pin_cursor_next(cursor, &row, &err) == 1) {
        struct pin pin;

        text_format(&list, "%s%.*s", row.from_peer ? "*" : "", (int)row.host_length, row.host);
        text_add_string(&list, " ");
        assert_ok(pin_decode(txn, &row, &pin, &err), err);
        assert_ok(pin_get(txn, pin.host, &pin, &err), err);
    }
    pin_cursor_close(cursor);
    store_end(txn);
    return text_take(&list);
}

#define assert_hosts(store, expected)            \
    do {                                         \
        char *listed = list_hosts(store);        \
        assert_string_equal(listed, (expected)); \
        free(listed);                            \
    } while (0)

static void assert_setting(struct store *store, const char *name, const char *expected)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    const uint8_t *value;
    size_t length;

    if (expected == NULL) {
        assert_int_equal(setting_get(txn, name, &value, &length, &err), -1);
        assert_int_equal(err.code, ERROR_NOT_FOUND);
    } else {
        assert_ok(setting_get(txn, name, &value, &length, &err), err);
        assert_int_equal(length, strlen(expected));
        assert_memory_equal(value, expected, length);
    }
    store_end(txn);
}

static bool has_certificate(struct store *store, char letter)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    uint8_t sha256[FINGERPRINT_SIZE];
    struct certificate_facts facts;
    bool has;

    memset(sha256, letter, sizeof(sha256));
    has = certificate_get(txn, sha256, &facts, NULL, NULL, &err) == 0;
    store_end(txn);
    return has;
}

static void a_nodes_own_records_have_no_revision(void **state)
{
    struct pair *pair = *state;
    struct store *store = pair->store[ACTIVE];
    uint64_t revision = state_of(store).revision;

    run_ok(store, ADD_PIN, "self_1", STORE_SCOPE_NODE);
    run_ok(store, SET, "own", STORE_SCOPE_NODE, "1");
    run_ok(store, AUDIT);
    assert_int_equal(state_of(store).revision, revision);
    run_ok(store, SET, "shared", STORE_SCOPE_PAIR, "1");
    assert_int_equal(state_of(store).revision, revision + 1);
    assert_setting(store, "own", "1");
}

static void assert_secrets(struct pair *pair)
{
    struct error err = {0};
    struct store_txn *txn = store_read(pair->store[STANDBY], &err);
    const char *text = config_get(txn, CONFIG_RUNNING, "mail-server/password", &err);
    uint8_t sealed[200];
    char plain[200] = "";
    const uint8_t *value;
    size_t length;

    assert_non_null(text);
    assert_true(base64_decode(text, sealed, &length));
    assert_ok(seal_unwrap(pair->seal[STANDBY], "mail-server/password", sealed, length, plain, &err), err);
    assert_string_equal(plain, "tiger");
    assert_ok(setting_get(txn, "authz/encryption", &value, &length, &err), err);
    assert_int_equal(length, 32 + SEAL_OVERHEAD);
    assert_ok(seal_unwrap(pair->seal[STANDBY], "authz/encryption", value, length, plain, &err), err);
    assert_memory_equal(plain, "0123456789abcdef0123456789abcdef", 32);
    assert_int_equal(seal_unwrap(pair->seal[ACTIVE], "authz/encryption", value, length, plain, &err), -1);
    store_end(txn);
}

static void a_snapshot_takes_the_place_of_all_pair_records(void **state)
{
    struct pair *pair = *state;
    struct store *standby = pair->store[STANDBY];
    struct replica_state after;
    enum trust_policy policy;
    struct error err = {0};
    struct store_txn *txn;

    fill_active(pair);
    run_ok(standby, ADD_PIN, "old.example_443", STORE_SCOPE_PAIR);
    run_ok(standby, ADD_PIN, "me.example_8082", STORE_SCOPE_NODE);
    run_ok(standby, SET, "shared", STORE_SCOPE_PAIR, "other");
    run_ok(standby, SET, "only-here", STORE_SCOPE_PAIR, "x");
    run_ok(standby, SET, "mine", STORE_SCOPE_NODE, "kept");
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_same(pair);
    assert_hosts(standby, "me.example_8082 *a.example_443 *c.example_443 *b.example_443 ");
    assert_hosts(pair->store[ACTIVE], "a.example_443 self.example_8082 c.example_443 b.example_443 ");
    assert_setting(standby, "shared", "one");
    assert_setting(standby, "own", NULL);
    assert_setting(standby, "only-here", NULL);
    assert_setting(standby, "mine", "kept");
    assert_true(has_certificate(standby, 'a') && has_certificate(standby, 'r') &&
                has_certificate(standby, 'm'));
    assert_false(has_certificate(standby, 'o') || has_certificate(standby, 's'));
    assert_secrets(pair);
    after = state_of(standby);
    assert_true(after.standby);
    assert_string_equal(after.line, state_of(pair->store[ACTIVE]).line);
    txn = store_read(standby, &err);
    assert_ok(policy_get(txn, TRUST_ZONE_DEVICEMGMT, &policy, &err), err);
    assert_int_equal(policy, TRUST_POLICY_DISABLE);
    assert_false(store_is_active(txn));
    store_end(txn);
}

static void an_import_that_ends_early_changes_nothing(void **state)
{
    struct pair *pair = *state;
    struct store *standby = pair->store[STANDBY];
    struct error err = {0};

    fill_active(pair);
    run_ok(standby, ADD_PIN, "old.example_443", STORE_SCOPE_PAIR);
    for (uint64_t rows = 0; rows < 16; rows++)
        assert_int_equal(take_snapshot(pair, rows, &err), -1);
    assert_hosts(standby, "old.example_443 ");
    assert_setting(standby, "shared", NULL);
    assert_int_equal(state_of(standby).revision, 1);
    /* and what was staged is not in the way of the next */
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_same(pair);
}

static void changes_follow_under_their_revisions(void **state)
{
    struct pair *pair = *state;
    struct store *active = pair->store[ACTIVE];
    struct store *standby = pair->store[STANDBY];
    struct error err = {0};

    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    fill_active(pair);
    run_ok(standby, AUDIT);
    run_ok(standby, ADD_PIN, "me.example_8082", STORE_SCOPE_NODE);
    assert_int_equal(forward_changes(pair), 8);
    assert_same(pair);
    assert_secrets(pair);
    assert_hosts(standby, "me.example_8082 *a.example_443 *c.example_443 *b.example_443 ");
    assert_true(has_certificate(standby, 'a') && has_certificate(standby, 'r'));
    run_ok(active, UPDATE_PIN, "a.example_443", STORE_SCOPE_PAIR, "/CN=renewed");
    run_ok(active, DELETE_PIN, "c.example_443");
    run_ok(active, UNSET, "shared");
    run_ok(active, ADD_PIN, "c.example_443", STORE_SCOPE_PAIR);
    assert_int_equal(forward_changes(pair), 4);
    assert_same(pair);
    assert_hosts(standby, "me.example_8082 *a.example_443 *b.example_443 *c.example_443 ");
    assert_setting(standby, "shared", NULL);
    assert_int_equal(forward_changes(pair), 0);
}

static void the_standbys_feed_serves_the_next_standby(void **state)
{
    struct pair *pair = *state;
    struct store *store = pair->store[ACTIVE];
    struct seal *seal = pair->seal[ACTIVE];
    struct error err = {0};

    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    fill_active(pair);
    forward_changes(pair);
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    run_ok(store, SET_SECRET, "mail-server/password", STORE_SCOPE_PAIR, "lion", seal);
    run_ok(store, ADD_PIN, "d.example_443", STORE_SCOPE_PAIR);
    forward_changes(pair);
    /* back again, from what the standby's own feed says */
    run_ok(pair->store[STANDBY], SET, "later", STORE_SCOPE_PAIR, "x");
    pair->store[ACTIVE] = pair->store[STANDBY];
    pair->seal[ACTIVE] = pair->seal[STANDBY];
    pair->store[STANDBY] = store;
    pair->seal[STANDBY] = seal;
    assert_int_equal(forward_changes(pair), 1);
    assert_same(pair);
}

static void a_revision_is_never_left_out(void **state)
{
    struct pair *pair = *state;
    struct replica_row row = {"settings", STORE_SCOPE_PAIR, (const uint8_t *)"x", 1, NULL, 0};
    struct replica_change changes[] = {{1, 0, &row, 1, false}, {3, 0, &row, 1, false}};
    struct error err = {0};

    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_int_equal(replica_apply(pair->store[STANDBY], pair->seal[STANDBY], changes, 2, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(state_of(pair->store[STANDBY]).revision, 0); /* nor half of a batch */
    assert_ok(replica_apply(pair->store[STANDBY], pair->seal[STANDBY], changes, 1, &err), err);
    assert_ok(replica_apply(pair->store[STANDBY], pair->seal[STANDBY], changes, 1, &err), err);
    assert_int_equal(state_of(pair->store[STANDBY]).revision, 1);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const uint8_t junk[] = {0xFF, 0xFF, 0xFF, 0x01};
    static const struct replica_row rows[] = {
        {"pins", STORE_SCOPE_PAIR, (const uint8_t *)"h_1", 3, junk, 4},
        {"pin-hosts", STORE_SCOPE_PAIR, (const uint8_t *)"h_1", 3, junk, 1},
        {"audit", STORE_SCOPE_PAIR, (const uint8_t *)"12345678", 8, junk, 4},
        {"meta", STORE_SCOPE_PAIR, (const uint8_t *)"store", 5, junk, 4},
        {"changes", STORE_SCOPE_PAIR, (const uint8_t *)"12345678", 8, NULL, 0},
        {"pins-shadowed", STORE_SCOPE_PAIR, (const uint8_t *)"h_1", 3, NULL, 0},
        {"nothing", STORE_SCOPE_PAIR, (const uint8_t *)"x", 1, junk, 4},
        {"certificates", STORE_SCOPE_PAIR, (const uint8_t *)"short", 5, junk, 4},
        {"settings", STORE_SCOPE_PAIR, (const uint8_t *)"x", 1, junk, 4},
        {"settings", STORE_SCOPE_PAIR, (const uint8_t *)"x", 1, (const uint8_t *)"", 0}, /* node scope */
        {"settings", STORE_SCOPE_PAIR, (const uint8_t *)"", 0, NULL, 0},
        {"policies", STORE_SCOPE_PAIR, (const uint8_t *)"x", 1, junk, 4},
    };
    struct pair *pair = *state;
    struct error err = {0};

    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct replica_change change = {1, 0, &rows[i], 1, false};

        memset(&err, 0, sizeof(err));
        if (replica_apply(pair->store[STANDBY], pair->seal[STANDBY], &change, 1, &err) == 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.code, ERROR_UNTRUSTED);
    }
    assert_int_equal(state_of(pair->store[STANDBY]).revision, 0);
}

static int own_pin_job(struct store_txn *txn, void *host, struct error *err)
{
    struct pin pin;

    if (pin_get(txn, host, &pin, err) != 0)
        return -1;
    pin.scope = STORE_SCOPE_NODE;
    pin.from_peer = false;
    return pin_update(txn, &pin, err);
}

static int epoch_job(struct store_txn *txn, void *epoch, struct error *err)
{
    return replica_begin_epoch(txn, *(const uint64_t *)epoch, err);
}

/* A host that the active node pinned for the pair, and that the standby knows as itself. */
static void a_standbys_own_pin_hides_the_pairs(void **state)
{
    struct pair *pair = *state;
    struct store *active = pair->store[ACTIVE];
    struct store *standby = pair->store[STANDBY];
    struct error err = {0};
    uint64_t epoch = 2;

    run_ok(standby, ADD_PIN, "sec_8082", STORE_SCOPE_NODE);
    run_ok(active, ADD_PIN, "sec_8082", STORE_SCOPE_PAIR);
    run_ok(active, ADD_PIN, "pri_8082", STORE_SCOPE_PAIR);
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_same(pair);
    assert_hosts(standby, "sec_8082 *pri_8082 ");
    store_set_active(standby, false, "prime-pri");
    assert_ok(store_run(standby, own_pin_job, "pri_8082", &err), err);
    assert_hosts(standby, "sec_8082 pri_8082 ");
    assert_same(pair);
    run_ok(active, UPDATE_PIN, "pri_8082", STORE_SCOPE_PAIR, "/CN=other");
    run_ok(active, ADD_PIN, "x_1", STORE_SCOPE_PAIR);
    forward_changes(pair);
    assert_same(pair);
    run_ok(standby, DELETE_PIN, "pri_8082"); /* its own: it may */
    assert_same(pair);
    assert_hosts(standby, "sec_8082 *x_1 ");
    /* once it is active, what has no pin of its own is back, and the rest is not the pair's any more */
    store_set_active(standby, true, NULL);
    assert_ok(store_run(standby, epoch_job, &epoch, &err), err);
    assert_hosts(standby, "sec_8082 *x_1 *pri_8082 ");
    pair->store[ACTIVE] = standby;
    pair->store[STANDBY] = active;
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_same(pair);
    assert_hosts(active, "*x_1 *pri_8082 ");
    pair->store[ACTIVE] = active;
    pair->store[STANDBY] = standby;
}

static void what_leaves_the_pair_stays_on_both(void **state)
{
    struct pair *pair = *state;
    struct store *active = pair->store[ACTIVE];
    struct store *standby = pair->store[STANDBY];
    struct error err = {0};

    run_ok(active, ADD_PIN, "p_1", STORE_SCOPE_PAIR);
    run_ok(active, SET, "s", STORE_SCOPE_PAIR, "v");
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_ok(store_run(active, own_pin_job, "p_1", &err), err);
    run_ok(active, SET, "s", STORE_SCOPE_NODE, "w");
    assert_int_equal(forward_changes(pair), 2);
    assert_same(pair);
    assert_hosts(standby, "p_1 ");
    assert_setting(standby, "s", "v");
    run_ok(active, UNSET, "s");
    assert_int_equal(forward_changes(pair), 0);
    assert_setting(standby, "s", "v");
}

/* A certificate that was met before anything of the pair referred to it. */
static void a_certificate_travels_with_what_refers_to_it(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};

    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    run_ok(pair->store[ACTIVE], ADD_PIN, "a_own", STORE_SCOPE_NODE);
    assert_int_equal(forward_changes(pair), 0);
    run_ok(pair->store[ACTIVE], ADD_PIN, "a_pair", STORE_SCOPE_PAIR);
    assert_int_equal(forward_changes(pair), 1);
    assert_true(has_certificate(pair->store[STANDBY], 'a'));
    assert_same(pair);
}

static void a_standby_refuses_changes_and_names_the_active_node(void **state)
{
    struct pair *pair = *state;
    struct store *standby = pair->store[STANDBY];
    struct doing doing = {SET, "x", STORE_SCOPE_PAIR, "v", NULL};
    struct error err = {0};

    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    store_set_active(standby, false, "prime-pri (127.0.0.11)");
    assert_int_equal(store_run(standby, doing_job, &doing, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
    assert_non_null(strstr(err.message, "prime-pri (127.0.0.11)"));
    store_set_active(standby, false, NULL);
    assert_int_equal(store_run(standby, doing_job, &doing, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
    run_ok(standby, SET, "own", STORE_SCOPE_NODE, "v");
    run_ok(standby, AUDIT);
    store_set_active(standby, true, NULL);
    run_ok(standby, SET, "x", STORE_SCOPE_PAIR, "v");
}

static void epochs_say_where_two_nodes_part(void **state)
{
    struct pair *pair = *state;
    struct store *store = pair->store[ACTIVE];
    struct replica_state ours;
    struct error err = {0};
    uint64_t common = 0;
    uint64_t epoch = 4;

    run_ok(store, SET, "1", STORE_SCOPE_PAIR, "");
    run_ok(store, SET, "2", STORE_SCOPE_PAIR, "");
    assert_ok(store_run(store, epoch_job, &epoch, &err), err);
    run_ok(store, SET, "3", STORE_SCOPE_PAIR, "");
    epoch = 3;
    assert_int_equal(store_run(store, epoch_job, &epoch, &err), -1);
    epoch = 5;
    assert_ok(store_run(store, epoch_job, &epoch, &err), err);
    ours = state_of(store);
    assert_int_equal(ours.revision, 3);
    assert_int_equal(ours.epoch, 5);
    assert_int_equal(replica_common(&ours, ours.line, 1, 1, &common, &err), 0);
    assert_int_equal(common, 1); /* it may go on */
    assert_int_equal(replica_common(&ours, ours.line, 1, 9, &common, &err), 0);
    assert_int_equal(common, 2); /* what it did behind 2 was in epoch 1, and here that was over */
    assert_int_equal(replica_common(&ours, ours.line, 4, 9, &common, &err), 0);
    assert_int_equal(common, 3);
    assert_int_equal(replica_common(&ours, ours.line, 5, 9, &common, &err), 0);
    assert_int_equal(common, 3);
    assert_int_equal(replica_common(&ours, ours.line, 6, 1, &common, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
    assert_int_equal(replica_common(&ours, "x", 5, 1, &common, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    for (epoch = 6; epoch < 6 + REPLICA_EPOCHS_MOST; epoch++)
        assert_ok(store_run(store, epoch_job, &epoch, &err), err);
    ours = state_of(store);
    assert_int_equal(ours.epoch_count, REPLICA_EPOCHS_MOST);
    assert_int_equal(replica_common(&ours, ours.line, 1, 1, &common, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

/* What a store of an older version has: certificates without a scope are the pair's. */
static void many_pins_come_in_the_order_of_first_sight(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    char *lists[2];

    for (int i = 0; i < 3000; i++) {
        char host[40];

        snprintf(host, sizeof(host), "h%d.example_443", i * 7919 % 3001);
        run_ok(pair->store[ACTIVE], ADD_PIN, host, i % 100 == 0 ? STORE_SCOPE_NODE : STORE_SCOPE_PAIR,
               "/CN=many");
    }
    assert_ok(take_snapshot(pair, UINT64_MAX, &err), err);
    assert_same(pair);
    lists[0] = list_hosts(pair->store[ACTIVE]);
    lists[1] = list_hosts(pair->store[STANDBY]);
    assert_true(strlen(lists[0]) > 30000 && strlen(lists[1]) > 30000);
    free(lists[0]);
    free(lists[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_nodes_own_records_have_no_revision, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_snapshot_takes_the_place_of_all_pair_records, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(an_import_that_ends_early_changes_nothing, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(changes_follow_under_their_revisions, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(the_standbys_feed_serves_the_next_standby, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_revision_is_never_left_out, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_standbys_own_pin_hides_the_pairs, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(what_leaves_the_pair_stays_on_both, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(a_certificate_travels_with_what_refers_to_it, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(a_standby_refuses_changes_and_names_the_active_node, pair_setup,
                                        pair_teardown),
        cmocka_unit_test_setup_teardown(epochs_say_where_two_nodes_part, pair_setup, pair_teardown),
        cmocka_unit_test_setup_teardown(many_pins_come_in_the_order_of_first_sight, pair_setup,
                                        pair_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
