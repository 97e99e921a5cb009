/* A writer killed at any moment: what it acknowledged is there, whole. */
#include "store_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define KILL_ROUNDS 30
#define WRITERS 4    /* threads that write in the process to be killed */
#define ACKS_MOST 60 /* the kill comes after 1 to so many acknowledgements */
#define KILL_JITTER_NS 2000000

struct writing {
    struct store *store;
    int pipe;
    int round;
    int thread;
};

/* A pin and its event: both or neither. */
static int add_both(struct store_txn *txn, void *arg, struct error *err)
{
    struct pin *pin = arg;
    struct pin_event event = {.kind = PIN_EVENT_FIRST_USE, .when_ms = pin->first_seen_ms, .who = "test"};

    return pin_add(txn, pin, err) != 0 ? -1 : pin_event_append(txn, pin->host, &event, err);
}

static void *write_forever(void *arg)
{
    struct writing *writing = arg;

    for (int i = 0;; i++) {
        struct error err = {0};
        char host[32] = {0};
        struct pin pin;

        snprintf(host, sizeof(host), "r%d-t%d-n%d_443", writing->round, writing->thread, i);
        fixture_pin(&pin, host);
        if (store_run(writing->store, add_both, &pin, &err) != 0)
            _exit(1);
        if (write(writing->pipe, host, sizeof(host)) != (ssize_t)sizeof(host))
            _exit(0);
    }
    return NULL;
}

static void write_until_killed(const char *home, int pipe_end, int round)
{
    struct error err = {0};
    struct writing writing[WRITERS];
    pthread_t threads[WRITERS];
    struct store *store = store_open(home, STORE_WRITE, &err);

    if (store == NULL)
        _exit(2);
    for (int i = 0; i < WRITERS; i++) {
        writing[i] = (struct writing){store, pipe_end, round, i};
        if (pthread_create(&threads[i], NULL, write_forever, &writing[i]) != 0)
            _exit(3);
    }
    pthread_join(threads[0], NULL);
    _exit(4);
}

static int count_event(void *arg, const struct pin_event *event)
{
    (void)event;
    ++*(int *)arg;
    return 0;
}

static void assert_whole(struct store *store, char (*acked)[32], size_t acked_count)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    struct pin_cursor *cursor = pin_cursor_open(txn, &err);
    struct pin_row row;
    struct pin pin;
    uint64_t rows = 0, previous = 0;
    int more;

    for (size_t i = 0; i < acked_count; i++)
        assert_ok(pin_get(txn, acked[i], &pin, &err), err);
    while ((more = pin_cursor_next(cursor, &row, &err)) == 1) {
        int events = 0;

        assert_ok(pin_decode(txn, &row, &pin, &err), err);
        assert_true(pin.sequence > previous);
        previous = pin.sequence;
        assert_ok(pin_event_each(txn, pin.host, count_event, &events, &err), err);
        assert_int_equal(events, 1);
        assert_ok(pin_get(txn, pin.host, &pin, &err), err);
        rows++;
    }
    assert_int_equal(more, 0);
    assert_int_equal(rows, store_revision(txn));
    assert_true(rows >= acked_count);
    pin_cursor_close(cursor);
    store_end(txn);
}

/* Reads acknowledgements, kills after some of them, and reads what else was on its way. */
static size_t kill_in_the_middle(pid_t child, int pipe_end, int acks, long jitter_ns, char (*acked)[32],
                                 size_t room)
{
    struct timespec jitter = {.tv_nsec = jitter_ns};
    size_t count = 0;
    int status;

    while (count < (size_t)acks && count < room && read(pipe_end, acked[count], 32) == 32)
        count++;
    assert_int_equal(count, acks);
    nanosleep(&jitter, NULL); /* not a wait: it only varies where the kill hits */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (count < room && read(pipe_end, acked[count], 32) == 32)
        count++;
    assert_true(count < room);
    return count;
}

static void acknowledged_pins_outlive_a_kill(void **state)
{
    struct fixture *fixture = *state;
    static char acked[KILL_ROUNDS * 8192][32];
    size_t count = 0;
    unsigned seed = 11;

    store_close(fixture->store);
    fixture->store = NULL;
    for (int round = 0; round < KILL_ROUNDS; round++) {
        struct error err = {0};
        int ends[2];
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(fixture->home, ends[1], round);
        }
        close(ends[1]);
        count +=
            kill_in_the_middle(child, ends[0], 1 + rand_r(&seed) % ACKS_MOST, rand_r(&seed) % KILL_JITTER_NS,
                               acked + count, sizeof(acked) / sizeof(acked[0]) - count);
        close(ends[0]);
        fixture->store = store_open(fixture->home, STORE_WRITE, &err);
        if (fixture->store == NULL)
            fail_msg("round %d: %s", round, err.message);
        assert_whole(fixture->store, acked, count);
        store_close(fixture->store);
        fixture->store = NULL;
    }
    print_message("%zu pins were acknowledged in %d rounds\n", count, KILL_ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(acknowledged_pins_outlive_a_kill, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
