/*
 * Changes that are acknowledged once the standby has them on disk, over the real link, beside the same
 * changes on the same store without a standby; one at a time, and 64 at a time. Then how fast a standby
 * catches up. Both stores lie on one disk.
 */
#include "tests/bench/bench_ha.h"

#include <sched.h>

#define THREADS 64
#define CHANGES_PER_THREAD 40
#define CHANGES_ALONE 300
#define ROUNDS 7
#define CHANGES_BEHIND 100000
#define BATCH_BEHIND 500

struct setting_job {
    char name[40];
    atomic_int *left; /* of those that are under way */
};

static int set_job(struct store_txn *txn, void *arg, struct error *err)
{
    const struct setting_job *job = arg;
    static const char value[200] = "v";

    return setting_set(txn, job->name, STORE_SCOPE_PAIR, value, sizeof(value), err);
}

static void set(struct store *store, int thread, int number, bool both)
{
    struct setting_job job;
    enum store_reach reach;
    struct error err = {0};

    snprintf(job.name, sizeof(job.name), "bench/%d/%d", thread, number);
    check(store_run_reach(store, set_job, &job, &reach, &err) != 0, err.message);
    check(both && reach != STORE_REACH_BOTH, "a change was not replicated");
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return values[count / 2];
}

static void one_at_a_time(struct store *store, bool both, double *took)
{
    for (int i = 0; i < CHANGES_ALONE; i++) {
        double start = now_ns();

        set(store, 0, i, both);
        took[i] = (now_ns() - start) / 1e3;
    }
}

struct many {
    struct store *store;
    int thread;
    bool both;
};

static void *set_many(void *arg)
{
    const struct many *many = arg;

    for (int i = 0; i < CHANGES_PER_THREAD; i++)
        set(many->store, many->thread, i, many->both);
    return NULL;
}

static double many_at_once(struct store *store, bool both)
{
    struct many many[THREADS];
    pthread_t threads[THREADS];
    double start = now_ns();

    for (int i = 0; i < THREADS; i++) {
        many[i] = (struct many){store, i, both};
        check(pthread_create(&threads[i], NULL, set_many, &many[i]) != 0, "start a thread");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return THREADS * CHANGES_PER_THREAD / ((now_ns() - start) / 1e9);
}

static void count_down(void *arg, int result, const struct error *err)
{
    check(result != 0, err != NULL ? err->message : "a change failed");
    atomic_fetch_sub(((struct setting_job *)arg)->left, 1);
}

static void fall_behind(struct store *store)
{
    static struct setting_job jobs[BATCH_BEHIND];
    static atomic_int left;

    for (int i = 0; i < CHANGES_BEHIND; i += BATCH_BEHIND) {
        left = BATCH_BEHIND;
        for (int j = 0; j < BATCH_BEHIND; j++) {
            snprintf(jobs[j].name, sizeof(jobs[j].name), "behind/%d", (i + j) % 5000);
            jobs[j].left = &left;
            store_submit(store, set_job, count_down, &jobs[j]);
        }
        while (left > 0)
            sched_yield();
    }
}

int main(void)
{
    static double alone[ROUNDS * CHANGES_ALONE], both[ROUNDS * CHANGES_ALONE];
    static double rate_alone[ROUNDS], rate_both[ROUNDS];
    struct bench_pair pair;
    struct error err = {0};
    char folder[400];
    double start, took;

    bench_folder(folder);
    bench_open_pair(&pair, folder);
    bench_start_sender(&pair);
    for (int i = 0; i < ROUNDS; i++) {
        one_at_a_time(pair.active.self.store, false, alone + i * CHANGES_ALONE);
        rate_alone[i] = many_at_once(pair.active.self.store, false);
        bench_start_receiver(&pair, i == 0);
        bench_wait_in_sync(&pair);
        check(store_gate_open(pair.active.self.store, 20000, NULL, NULL, &err) != 0, err.message);
        one_at_a_time(pair.active.self.store, true, both + i * CHANGES_ALONE);
        rate_both[i] = many_at_once(pair.active.self.store, true);
        store_gate_close(pair.active.self.store);
        bench_stop_receiver(&pair);
    }
    double one = median(alone, ROUNDS * CHANGES_ALONE);
    double two = median(both, ROUNDS * CHANGES_ALONE);
    printf("a change, one at a time, on both nodes' disks: %.0f us; local durable commit: %.0f us; ratio "
           "%.2f (at "
           "most 2.5)\n",
           two, one, two / one);
    one = median(rate_alone, ROUNDS);
    two = median(rate_both, ROUNDS);
    printf("the same, %d at a time: %.0f a second; local group commit: %.0f a second; ratio %.2f (at least "
           "0.5)\n",
           THREADS, two, one, two / one);
    fall_behind(pair.active.self.store);
    start = now_ns();
    bench_start_receiver(&pair, false);
    bench_wait_in_sync(&pair);
    took = (now_ns() - start) / 1e9;
    printf("a standby %d changes behind catches up: %.2f s, %.0f changes a second\n", CHANGES_BEHIND, took,
           CHANGES_BEHIND / took);
    bench_close_pair(&pair);
    bench_remove(folder);
    return 0;
}
