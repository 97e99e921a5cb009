/* The gate, and how the writer gathers jobs while a standby works on others. */
#include "store_fixture.h"

#include "base/clock.h"
#include "store/setting.h"

#include <stdatomic.h>

#define JOBS 60
#define FOR_EVER_MS 600000
#define WAIT_MS 20000

static int set_job(struct store_txn *txn, void *arg, struct error *err)
{
    return setting_set(txn, arg, STORE_SCOPE_PAIR, "v", 1, err);
}

struct watched {
    atomic_uint groups;
    _Atomic uint64_t revision;
};

static void on_commit(void *arg, uint64_t revision)
{
    struct watched *watched = arg;

    watched->revision = revision;
    watched->groups++;
}

struct counted {
    char name[20];
    atomic_int *done;
};

static int set_counted_job(struct store_txn *txn, void *arg, struct error *err)
{
    return set_job(txn, ((struct counted *)arg)->name, err);
}

static void on_counted(void *arg, int result, const struct error *err)
{
    (void)err;
    if (result == 0)
        ++*((struct counted *)arg)->done;
}

static void pause_until(int64_t limit_ms)
{
    struct timespec pause = {.tv_nsec = 100000};

    assert_true(clock_monotonic_ms() < limit_ms);
    nanosleep(&pause, NULL);
}

static void wait_for_revision(const struct watched *watched, uint64_t revision)
{
    int64_t limit_ms = clock_monotonic_ms() + WAIT_MS;

    while (watched->revision < revision)
        pause_until(limit_ms);
}

static void wait_for_count(const atomic_int *count, int wanted)
{
    int64_t limit_ms = clock_monotonic_ms() + WAIT_MS;

    while (*count < wanted)
        pause_until(limit_ms);
}

static void submit(struct store *store, struct counted *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_submit(store, set_counted_job, on_counted, &jobs[i]);
}

static void jobs_gather_while_the_standby_is_at_work(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    static struct counted jobs[JOBS];
    struct watched watched = {0};
    struct error err = {0};
    atomic_int done = 0;

    for (size_t i = 0; i < JOBS; i++) {
        jobs[i].done = &done;
        snprintf(jobs[i].name, sizeof(jobs[i].name), "job/%zu", i);
    }
    store_watch(store, on_commit, &watched);
    assert_ok(store_gate_open(store, FOR_EVER_MS, NULL, NULL, &err), err);
    submit(store, jobs, 1);
    wait_for_revision(&watched, 1);
    submit(store, jobs + 1, 1);
    wait_for_revision(&watched, 2);
    /* the standby has neither: what comes now waits a little, and becomes few groups */
    submit(store, jobs + 2, JOBS - 2);
    wait_for_revision(&watched, JOBS); /* however long the standby takes */
    assert_in_range(watched.groups, 3, JOBS / 2);
    assert_int_equal(done, 0);
    store_acknowledge(store, 2);
    assert_int_equal(done, 2);
    /* those of the last group may be on their way to the gate only now */
    store_acknowledge(store, JOBS);
    wait_for_count(&done, JOBS);
    store_watch(store, NULL, NULL);
}

static void one_after_the_other_passes_however_early_it_is_acknowledged(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    struct watched watched = {0};
    struct error err = {0};

    store_watch(store, on_commit, &watched);
    assert_ok(store_gate_open(store, FOR_EVER_MS, NULL, NULL, &err), err);
    for (uint64_t i = 1; i <= 200; i++) {
        atomic_int done = 0;
        struct counted job = {.name = "again", .done = &done};

        submit(store, &job, 1);
        wait_for_revision(&watched, i);
        store_acknowledge(store, i);
        wait_for_count(&done, 1); /* it reached the gate before the acknowledgement or after it */
    }
    assert_int_equal(watched.groups, 200);
    store_gate_close(store);
    assert_ok(store_run(store, set_job, "closed", &err), err);
    store_watch(store, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_gather_while_the_standby_is_at_work, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(one_after_the_other_passes_however_early_it_is_acknowledged,
                                        fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
