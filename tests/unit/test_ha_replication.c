/* Sender and receiver together: first replication, following, falling behind, parting. */
#include "ha_fixture.h"

#include "base/clock.h"
#include "store/feed.h"

#include <fcntl.h>
#include <jansson.h>
#include <time.h>

struct following {
    struct pair *pair;
    struct wire_test wire;
    struct ha_receiver *receiver;
    atomic_int lost;
    atomic_int lost_code;
    atomic_int diverged;
    atomic_int percent;
    atomic_int ups;
    atomic_int downs;
    atomic_ullong higher;
};

static void on_lost(void *arg, const struct error *err)
{
    struct following *following = arg;

    following->lost_code = (int)err->code;
    following->lost++;
}

static void on_diverged(void *arg, uint64_t count, const char *file)
{
    struct following *following = arg;

    (void)file;
    following->diverged += (int)count;
}

static void on_progress(void *arg, unsigned percent)
{
    ((struct following *)arg)->percent = (int)percent;
}

static void on_higher(void *arg, uint64_t epoch)
{
    ((struct following *)arg)->higher = epoch;
}

static void on_stream(void *arg, bool up)
{
    struct following *following = arg;

    if (up)
        following->ups++;
    else
        following->downs++;
}

static void start_sender(struct following *following, int which)
{
    struct pair *pair = following->pair;
    struct ha_sender_options options = {.store = pair->store[which],
                                        .seal = pair->seal[which],
                                        .alive_ms = 20,
                                        .pair_key = (const uint8_t *)FIXTURE_KEY,
                                        .pair_key_length = strlen(FIXTURE_KEY),
                                        .stream = on_stream,
                                        .arg = following};
    struct error err = {0};

    following->wire.sender = ha_sender_new(&options, &err);
    assert_non_null(following->wire.sender);
}

static void start_receiver(struct following *following, int which, bool fresh)
{
    struct pair *pair = following->pair;
    struct ha_receiver_options options = {
        .store = pair->store[which],
        .seal = pair->seal[which],
        .source = {wire_stream, wire_acknowledge, wire_cancel, &following->wire},
        .fresh = fresh,
        .epoch = 1,
        .retry_ms = 5,
        .log_folder = pair->home[which],
        .progress = on_progress,
        .lost = on_lost,
        .epoch_higher = on_higher,
        .diverged = on_diverged,
        .arg = following};
    struct error err = {0};

    following->wire.cancelled = false;
    following->receiver = ha_receiver_start(&options, &err);
    assert_non_null(following->receiver);
}

static void stop_receiver(struct following *following)
{
    ha_receiver_stop(following->receiver);
    following->receiver = NULL;
}

static int following_setup(void **state)
{
    struct following *following = calloc(1, sizeof(*following));

    assert_non_null(following);
    pair_setup((void **)&following->pair);
    pthread_mutex_init(&following->wire.lock, NULL);
    following->wire.cut_after = -1;
    start_sender(following, ACTIVE);
    *state = following;
    return 0;
}

static int following_teardown(void **state)
{
    struct following *following = *state;

    ha_receiver_stop(following->receiver);
    ha_sender_free(following->wire.sender);
    pthread_mutex_destroy(&following->wire.lock);
    pair_teardown((void **)&following->pair);
    free(following);
    return 0;
}

static struct ha_receiver_state receiver_state(struct following *following)
{
    struct ha_receiver_state state;

    ha_receiver_state(following->receiver, &state);
    return state;
}

static struct ha_sender_state sender_state(struct following *following)
{
    struct ha_sender_state state;

    ha_sender_state(following->wire.sender, &state);
    return state;
}

/* The standby has all, and the active node knows it. */
static void wait_in_sync(struct following *following)
{
    wait_until(receiver_state(following).following);
    wait_until(sender_state(following).unreplicated == 0);
    assert_same(following->pair);
}

static void a_fresh_standby_takes_all_and_follows(void **state)
{
    struct following *following = *state;
    struct store *active = following->pair->store[ACTIVE];

    for (int i = 0; i < 2000; i++) {
        char host[30];

        snprintf(host, sizeof(host), "h%d_443", i);
        run_ok(active, ADD_PIN, host, STORE_SCOPE_PAIR);
    }
    run_ok(active, SET_SECRET, "mail-server/password", STORE_SCOPE_PAIR, "tiger",
           following->pair->seal[ACTIVE]);
    start_receiver(following, STANDBY, true);
    wait_in_sync(following);
    assert_int_equal(following->percent, 100);
    assert_int_equal(receiver_state(following).snapshots, 1);
    run_ok(active, SET, "x", STORE_SCOPE_PAIR, "y");
    run_ok(active, SET_SECRET, "mail-server/password", STORE_SCOPE_PAIR, "lion",
           following->pair->seal[ACTIVE]);
    wait_in_sync(following);
    assert_int_equal(receiver_state(following).snapshots, 1);
    assert_int_equal(sender_state(following).snapshots, 1);
    assert_true(sender_state(following).streaming);
    struct ha_digest digest;
    struct error err = {0};
    assert_ok(ha_sender_digest(following->wire.sender, &digest, &err), err);
    assert_int_equal(digest.revision, receiver_state(following).revision);
}

static enum store_reach reach_of(struct store *store, const char *name)
{
    struct doing doing = {SET, name, STORE_SCOPE_PAIR, "v", NULL};
    enum store_reach reach = STORE_REACH_HERE;
    struct error err = {0};

    assert_ok(store_run_reach(store, doing_job, &doing, &reach, &err), err);
    return reach;
}

static void count_lost(void *arg)
{
    ++*(atomic_int *)arg;
}

static void the_gate_waits_for_the_standby(void **state)
{
    struct following *following = *state;
    struct store *active = following->pair->store[ACTIVE];
    struct error err = {0};
    atomic_int lost = 0;
    int64_t start;

    assert_int_equal(reach_of(active, "a"), STORE_REACH_HERE);
    start_receiver(following, STANDBY, true);
    wait_in_sync(following);
    assert_ok(store_gate_open(active, STORE_GATE_TIMEOUT_MS, count_lost, &lost, &err), err);
    for (int i = 0; i < 50; i++) {
        struct store_stats stats;

        assert_int_equal(reach_of(active, "b"), STORE_REACH_BOTH);
        assert_ok(store_stats(following->pair->store[STANDBY], &stats, &err), err);
        assert_int_equal(stats.revision, state_of(active).revision);
    }
    run_ok(active, SET, "own", STORE_SCOPE_NODE, "v"); /* nobody else's business */
    stop_receiver(following);
    assert_ok(store_gate_open(active, 100, count_lost, &lost, &err), err);
    start = clock_monotonic_ms();
    assert_int_equal(reach_of(active, "c"), STORE_REACH_MISSED);
    assert_in_range(clock_monotonic_ms() - start, 90, 5000);
    assert_int_equal(lost, 1);
    assert_int_equal(reach_of(active, "d"), STORE_REACH_HERE); /* closed now */
    assert_int_equal(sender_state(following).unreplicated, 2);
    start_receiver(following, STANDBY, false);
    wait_in_sync(following);
}

struct at_the_gate {
    struct store *store;
    enum store_reach reach;
};

static void *write_through_gate(void *arg)
{
    struct at_the_gate *at = arg;

    at->reach = reach_of(at->store, "waits");
    return NULL;
}

static void what_waits_is_told_when_the_node_steps_down(void **state)
{
    struct following *following = *state;
    struct store *active = following->pair->store[ACTIVE];
    struct at_the_gate at = {active, STORE_REACH_HERE};
    uint64_t revision = state_of(active).revision;
    struct error err = {0};
    pthread_t thread;

    assert_ok(store_gate_open(active, 60000, NULL, NULL, &err), err);
    assert_int_equal(pthread_create(&thread, NULL, write_through_gate, &at), 0);
    wait_until(state_of(active).revision == revision + 1);
    store_set_active(active, false, "other");
    pthread_join(thread, NULL);
    assert_int_equal(at.reach, STORE_REACH_MISSED);
    store_set_active(active, true, NULL);
}

static void a_standby_that_was_away_catches_up(void **state)
{
    struct following *following = *state;
    struct store *active = following->pair->store[ACTIVE];

    start_receiver(following, STANDBY, true);
    wait_in_sync(following);
    for (int round = 0; round < 5; round++) {
        stop_receiver(following);
        for (int i = 0; i < 700; i++)
            run_ok(active, SET, i % 2 ? "odd" : "even", STORE_SCOPE_PAIR, "v");
        start_receiver(following, STANDBY, false);
        wait_in_sync(following);
        assert_int_equal(receiver_state(following).snapshots, 0);
    }
    /* cut off again and again, it goes on from where it was */
    for (int i = 0; i < 20; i++) {
        run_ok(active, SET, "cut", STORE_SCOPE_PAIR, "v");
        wire_cut(&following->wire);
    }
    wait_in_sync(following);
    assert_int_equal(receiver_state(following).snapshots, 0);
    wait_until(following->ups == following->downs + 1);
}

static int trim_job(struct store_txn *txn, void *arg, struct error *err)
{
    (void)arg;
    feed_trim(txn, 1, 0, 1000);
    return setting_set(txn, "trimmed", STORE_SCOPE_PAIR, "", 0, err);
}

static void too_far_behind_takes_a_snapshot_by_itself(void **state)
{
    struct following *following = *state;
    struct store *active = following->pair->store[ACTIVE];
    struct error err = {0};

    start_receiver(following, STANDBY, true);
    wait_in_sync(following);
    stop_receiver(following);
    for (int i = 0; i < 10; i++)
        run_ok(active, SET, "x", STORE_SCOPE_PAIR, "v");
    assert_ok(store_run(active, trim_job, NULL, &err), err);
    start_receiver(following, STANDBY, false);
    wait_in_sync(following);
    assert_int_equal(receiver_state(following).snapshots, 1);
}

static void a_snapshot_cut_anywhere_is_taken_again(void **state)
{
    struct following *following = *state;
    struct pair *pair = following->pair;

    for (int i = 0; i < 300; i++) {
        char host[30];

        snprintf(host, sizeof(host), "h%d_443", i);
        run_ok(pair->store[ACTIVE], ADD_PIN, host, STORE_SCOPE_PAIR);
    }
    run_ok(pair->store[STANDBY], ADD_PIN, "old_443", STORE_SCOPE_PAIR);
    for (long cut = 0; cut < 60000; cut += 1777) {
        int lost = following->lost;

        following->wire.cut_after = cut;
        start_receiver(following, STANDBY, true);
        wait_until(following->lost > lost || receiver_state(following).snapshots > 0);
        if (receiver_state(following).snapshots == 0) {
            stop_receiver(following);
            assert_int_equal(state_of(pair->store[STANDBY]).revision, 1);
            assert_int_equal(state_of(pair->store[STANDBY]).epoch_count, 0);
        } else {
            stop_receiver(following);
            break;
        }
    }
    assert_true(following->lost > 5);
    following->wire.cut_after = -1;
    start_receiver(following, STANDBY, true);
    wait_in_sync(following);
}

static int epoch_job(struct store_txn *txn, void *epoch, struct error *err)
{
    return replica_begin_epoch(txn, *(const uint64_t *)epoch, err);
}

static int list_diverged(void *arg, const struct ha_diverged *diverged)
{
    struct ha_diverged *out = arg;

    *out = *diverged;
    out->file = NULL;
    return 0;
}

/* The standby becomes active while the other one goes on for a while. */
static void what_only_one_node_did_is_kept_aside(void **state)
{
    struct following *following = *state;
    struct pair *pair = following->pair;
    struct ha_diverged diverged = {0};
    struct error err = {0};
    uint64_t epoch = 2;
    char path[FIXTURE_PATH_MAX];
    json_t *json, *changes;
    char *text;

    start_receiver(following, STANDBY, true);
    run_ok(pair->store[ACTIVE], SET, "both", STORE_SCOPE_PAIR, "v");
    wait_in_sync(following);
    stop_receiver(following);
    run_ok(pair->store[ACTIVE], SET, "only here", STORE_SCOPE_PAIR, "lost \"words\"");
    run_ok(pair->store[ACTIVE], ADD_PIN, "p_443", STORE_SCOPE_PAIR);
    run_ok(pair->store[ACTIVE], SET_SECRET, "mail-server/password", STORE_SCOPE_PAIR, "tiger",
           pair->seal[ACTIVE]);
    assert_ok(store_run(pair->store[STANDBY], epoch_job, &epoch, &err), err);
    run_ok(pair->store[STANDBY], SET, "both", STORE_SCOPE_PAIR, "w");
    ha_sender_free(following->wire.sender);
    start_sender(following, STANDBY);
    start_receiver(following, ACTIVE, false);
    wait_in_sync(following);
    assert_int_equal(following->diverged, 3);
    assert_int_equal(following->higher, 2);
    assert_int_equal(receiver_state(following).snapshots, 1);
    stop_receiver(following);
    assert_ok(ha_diverged_each(pair->home[ACTIVE], list_diverged, &diverged, &err), err);
    assert_int_equal(diverged.epoch, 1);
    assert_int_equal(diverged.changes, 3);
    assert_int_equal(diverged.first_revision, 2);
    assert_int_equal(diverged.last_revision, 4);
    fixture_path(pair->home[ACTIVE], "diverged-1.json", path);
    json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    changes = json_object_get(json, "changes");
    assert_int_equal(json_array_size(changes), 3);
    text = json_dumps(json, 0);
    assert_non_null(strstr(text, "lost \\\"words\\\""));
    assert_non_null(strstr(text, "\"p_443\""));
    assert_non_null(strstr(text, "\"secret\": true"));
    assert_null(strstr(text, "tiger"));
    free(text);
    json_decref(json);
    /* a second time in that epoch is a second file */
    assert_int_equal(following->lost, 0);
}

static void a_stranger_is_not_followed(void **state)
{
    struct following *following = *state;
    struct pair *pair = following->pair;
    struct error err = {0};
    uint64_t epoch = 1;

    run_ok(pair->store[STANDBY], SET, "mine", STORE_SCOPE_PAIR, "v");
    assert_ok(store_run(pair->store[STANDBY], begin_line_job, &epoch, &err), err);
    start_receiver(following, STANDBY, false);
    wait_until(following->lost > 0);
    assert_int_equal(following->lost_code, ERROR_CONFLICT);
    stop_receiver(following);
    assert_int_equal(state_of(pair->store[STANDBY]).revision, 1);
}

static void a_node_that_is_not_active_sends_nothing(void **state)
{
    struct following *following = *state;
    struct ha_position position = {.line = ""};
    struct ha_pipe pipe = {0};
    struct error err = {0};

    start_receiver(following, STANDBY, true);
    wait_in_sync(following);
    stop_receiver(following);
    ha_sender_free(following->wire.sender);
    start_sender(following, STANDBY);
    assert_int_equal(ha_sender_snapshot(following->wire.sender, &pipe, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
    assert_int_equal(ha_sender_changes(following->wire.sender, &position, &pipe, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_ACTIVE);
}

static void positions_are_checked(void **state)
{
    static const char *const bad[] = {"",
                                      "after=1",
                                      "after=1&epoch=2",
                                      "after=&epoch=2&line=",
                                      "after=1&epoch=2&line=xyz",
                                      "after=99999999999999999999&epoch=2&line=",
                                      "after=1&epoch=2&line=0123456789abcdef0123456789abcdef0",
                                      "after=-1&epoch=2&line="};
    struct ha_position position;
    char text[HA_POSITION_SIZE];
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ha_position_parse(bad[i], &position, &err), -1);
    assert_ok(ha_position_parse("after=7&epoch=2&line=0123456789abcdef0123456789abcdef", &position, &err),
              err);
    assert_int_equal(position.revision, 7);
    ha_position_format(&position, text);
    assert_string_equal(text, "after=7&epoch=2&line=0123456789abcdef0123456789abcdef");
}

#define FOLLOWING(test) cmocka_unit_test_setup_teardown(test, following_setup, following_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLLOWING(a_fresh_standby_takes_all_and_follows),
        FOLLOWING(the_gate_waits_for_the_standby),
        FOLLOWING(what_waits_is_told_when_the_node_steps_down),
        FOLLOWING(a_standby_that_was_away_catches_up),
        FOLLOWING(too_far_behind_takes_a_snapshot_by_itself),
        FOLLOWING(a_snapshot_cut_anywhere_is_taken_again),
        FOLLOWING(what_only_one_node_did_is_kept_aside),
        FOLLOWING(a_stranger_is_not_followed),
        FOLLOWING(a_node_that_is_not_active_sends_nothing),
        cmocka_unit_test(positions_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
