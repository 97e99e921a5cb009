/* A standby killed at any moment of an import or of applying changes has the old records or the new ones. */
#include "replica_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define KILL_ROUNDS 25
#define STEPS_MOST 12 /* the kill comes within so many steps of the child */
#define KILL_JITTER_NS 8000000
#define PINS_AT_ONCE 300

static int add_pins_job(struct store_txn *txn, void *from, struct error *err)
{
    for (int i = 0; i < PINS_AT_ONCE; i++) {
        char host[40];
        struct pin pin;

        snprintf(host, sizeof(host), "h%d_443", *(int *)from + i);
        fixture_pin(&pin, host);
        if (pin_add(txn, &pin, err) != 0)
            return -1;
    }
    return 0;
}

static void say(int pipe_end, char what)
{
    if (write(pipe_end, &what, 1) != 1)
        _exit(0);
}

static void open_both(struct pair *pair)
{
    struct error err = {0};

    for (int i = 0; i < 2; i++) {
        pair->store[i] = store_open(pair->home[i], STORE_WRITE, &err);
        if (pair->store[i] == NULL)
            fail_msg("%s", err.message);
    }
}

static void close_both(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        store_close(pair->store[i]);
        pair->store[i] = NULL;
    }
}

/* Changes the active one, follows, and now and then takes all of it anew. */
static void replicate_until_killed(struct pair *pair, int pipe_end, int round)
{
    struct error err = {0};

    open_both(pair);
    for (int step = 0;; step++) {
        int from = round * 100000 + step * PINS_AT_ONCE;

        say(pipe_end, '.');
        if (store_run(pair->store[ACTIVE], add_pins_job, &from, &err) != 0)
            _exit(1);
        run_ok(pair->store[STANDBY], SET, "own", STORE_SCOPE_NODE, "kept");
        if (step % 3 == 0 && take_snapshot(pair, UINT64_MAX, &err) != 0)
            _exit(2);
        if (step % 3 != 0)
            forward_changes(pair);
    }
}

static void kill_in_the_middle(pid_t child, int pipe_end, int steps, long jitter_ns)
{
    struct timespec jitter = {.tv_nsec = jitter_ns};
    int status;
    char byte;

    for (int i = 0; i < steps; i++)
        assert_int_equal(read(pipe_end, &byte, 1), 1);
    nanosleep(&jitter, NULL); /* not a wait: it only varies where the kill hits */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void assert_old_or_new(struct pair *pair, bool was_imported)
{
    struct replica_state state = state_of(pair->store[STANDBY]);
    struct error err = {0};
    struct store_txn *txn;
    struct pin pin;

    if (state.epoch_count == 0) { /* nothing was taken over yet */
        assert_false(was_imported);
        txn = store_read(pair->store[STANDBY], &err);
        assert_ok(pin_get(txn, "old_443", &pin, &err), err);
        store_end(txn);
        assert_int_equal(state.revision, 1);
        return;
    }
    assert_string_equal(state.line, state_of(pair->store[ACTIVE]).line);
    forward_changes(pair);
    assert_same(pair); /* nothing of what came before was half there */
    txn = store_read(pair->store[STANDBY], &err);
    assert_int_equal(pin_get(txn, "old_443", &pin, &err), -1);
    store_end(txn);
}

static void a_killed_standby_has_the_old_or_the_new(void **state)
{
    struct pair *pair = *state;
    bool was_imported = false;
    unsigned seed = 5;

    run_ok(pair->store[STANDBY], ADD_PIN, "old_443", STORE_SCOPE_PAIR);
    for (int round = 0; round < KILL_ROUNDS; round++) {
        int ends[2];
        pid_t child;

        close_both(pair);
        assert_int_equal(pipe(ends), 0);
        child = fork();
        if (child == 0) {
            close(ends[0]);
            replicate_until_killed(pair, ends[1], round);
        }
        close(ends[1]);
        kill_in_the_middle(child, ends[0], 1 + rand_r(&seed) % STEPS_MOST, rand_r(&seed) % KILL_JITTER_NS);
        close(ends[0]);
        open_both(pair);
        assert_old_or_new(pair, was_imported);
        was_imported = state_of(pair->store[STANDBY]).epoch_count > 0;
    }
    assert_true(was_imported);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_standby_has_the_old_or_the_new, pair_setup, pair_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
