/* A copy of the store: of one moment, complete, and usable; and noticing that the store is another one. */
#include "store_fixture.h"

#include "store/snapshot.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define PINS_BEFORE 200

struct adding {
    struct store *store;
    atomic_bool stop;
    atomic_int added;
};

static void *keep_adding(void *arg)
{
    struct adding *adding = arg;
    struct error err = {0};

    for (int i = 0; !atomic_load(&adding->stop); i++) {
        char host[32];

        snprintf(host, sizeof(host), "w%d.example_443", i);
        if (fixture_add(adding->store, host, &err) == 0)
            break;
        atomic_fetch_add(&adding->added, 1);
    }
    return NULL;
}

/* Into a home of its own; the path of that home in `copy`. */
static void take_copy(struct store *store, char copy[FIXTURE_PATH_MAX])
{
    char path[FIXTURE_PATH_MAX];
    struct error err = {0};
    int fd;

    fixture_home(copy);
    fixture_path(copy, "store", path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_path(copy, "store/data.mdb", path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_ok(store_snapshot(store, fd, &err), err);
    close(fd);
}

static uint64_t count_pins(struct store *store)
{
    struct store_stats stats;
    struct error err = {0};

    assert_ok(store_stats(store, &stats, &err), err);
    return stats.pins;
}

static void is_of_one_moment(void **state)
{
    struct fixture *fixture = *state;
    struct adding adding = {.store = fixture->store};
    struct error err = {0};
    char copy[FIXTURE_PATH_MAX];
    struct store *other;
    struct store_txn *txn;
    struct pin_cursor *cursor;
    struct pin_row row;
    uint64_t pins;
    uint64_t seen = 0;
    pthread_t thread;

    for (int i = 0; i < PINS_BEFORE; i++) {
        char host[32];

        snprintf(host, sizeof(host), "b%d.example_443", i);
        assert_true(fixture_add(fixture->store, host, &err) > 0);
    }
    assert_int_equal(pthread_create(&thread, NULL, keep_adding, &adding), 0);
    while (atomic_load(&adding.added) < 3)
        sched_yield();
    take_copy(fixture->store, copy);
    atomic_store(&adding.stop, true);
    pthread_join(thread, NULL);

    other = store_open(copy, STORE_WRITE, &err);
    if (other == NULL)
        fail_msg("%s", err.message);
    assert_string_equal(store_node_id(other), store_node_id(fixture->store));
    pins = count_pins(other);
    assert_true(pins >= PINS_BEFORE + 3 && pins <= count_pins(fixture->store));
    /* every pin that is listed can be found, and in the order in which they were added */
    txn = store_read(other, &err);
    cursor = pin_cursor_open(txn, &err);
    while (pin_cursor_next(cursor, &row, &err) == 1) {
        char expected[32];

        snprintf(expected, sizeof(expected), "%c%d.example_443", seen < PINS_BEFORE ? 'b' : 'w',
                 (int)(seen < PINS_BEFORE ? seen : seen - PINS_BEFORE));
        assert_int_equal(row.host_length, strlen(expected));
        assert_memory_equal(row.host, expected, row.host_length);
        seen++;
    }
    pin_cursor_close(cursor);
    store_end(txn);
    assert_int_equal(seen, pins);
    assert_true(fixture_add(other, "later.example_443", &err) > 0);
    store_close(other);
    fixture_remove(copy);
}

static void says_when_the_disk_is_full(void **state)
{
    struct fixture *fixture = *state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct error err = {0};

    assert_int_equal(store_snapshot(fixture->store, fd, &err), -1);
    assert_int_equal(err.code, ERROR_STORE_FULL);
    assert_true(fixture_add(fixture->store, "after.example_443", &err) > 0);
    close(fd);
}

static void notices_another_store(void **state)
{
    struct fixture *fixture = *state;
    char path[FIXTURE_PATH_MAX];
    char away[FIXTURE_PATH_MAX];

    assert_true(store_is_current(fixture->store));
    fixture_path(fixture->home, "store", path);
    fixture_path(fixture->home, "away", away);
    assert_int_equal(rename(path, away), 0);
    assert_false(store_is_current(fixture->store));
    assert_int_equal(rename(away, path), 0);
    assert_true(store_is_current(fixture->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_of_one_moment, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(says_when_the_disk_is_full, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(notices_another_store, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
