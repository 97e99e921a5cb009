/*
 * Durable pins written by 64 threads at once through the store, beside one LMDB commit each, one after
 * another. On a real disk: the folder is TMPDIR or /var/tmp. Prints pins a second and the ratio.
 */
#include "store/pin.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define THREADS 64
#define PINS_PER_THREAD 40
#define PINS_ALONE 200
#define TMPFS_MAGIC 0x01021994

struct task {
    struct store *store;
    int number;
};

static void check(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "bench_store_group: %s\n", what);
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int add(struct store_txn *txn, void *pin, struct error *err)
{
    return pin_add(txn, pin, err);
}

static void fill(struct pin *pin, int task, int number)
{
    memset(pin, 0, sizeof(*pin));
    snprintf(pin->host, sizeof(pin->host), "10.0.%d.%d_443", task, number);
    pin->accepted_count = 1;
    pin->scope = STORE_SCOPE_PAIR;
    pin->subject_slash = "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=ISE-server";
    pin->subject_oneline = "C = US, ST = CA, L = SJ, O = Cisco Systems, OU = Prime Infra, CN = ISE-server";
}

static void *write_pins(void *arg)
{
    struct task *task = arg;

    for (int i = 0; i < PINS_PER_THREAD; i++) {
        struct error err = {0};
        struct pin pin;

        fill(&pin, task->number, i);
        check(store_run(task->store, add, &pin, &err) != 0, err.message);
    }
    return NULL;
}

static double at_once(struct store *store)
{
    struct task tasks[THREADS];
    pthread_t threads[THREADS];
    double start = now_s();

    for (int i = 0; i < THREADS; i++) {
        tasks[i] = (struct task){store, i};
        check(pthread_create(&threads[i], NULL, write_pins, &tasks[i]) != 0, "start a thread");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return THREADS * PINS_PER_THREAD / (now_s() - start);
}

/* The reference: the bytes of such a pin, put and committed, nothing else. */
static double one_by_one(const char *folder)
{
    static char bytes[250];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    double start;

    check(mkdir(folder, 0700) != 0 || mdb_env_create(&env) != 0 || mdb_env_set_mapsize(env, 64 << 20) != 0 ||
              mdb_env_open(env, folder, 0, 0600) != 0,
          "make the reference");
    start = now_s();
    for (size_t i = 0; i < PINS_ALONE; i++) {
        MDB_val key = {sizeof(i), &i};
        MDB_val value = {sizeof(bytes), bytes};

        check(mdb_txn_begin(env, NULL, 0, &txn) != 0 || mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi) != 0 ||
                  mdb_put(txn, dbi, &key, &value, 0) != 0 || mdb_txn_commit(txn) != 0,
              "commit the reference");
    }
    double rate = PINS_ALONE / (now_s() - start);
    mdb_env_close(env);
    return rate;
}

int main(void)
{
    static const char *const names[] = {"store/data.mdb",
                                        "store/lock.mdb",
                                        "store/writer.lock",
                                        "store",
                                        "bare/data.mdb",
                                        "bare/lock.mdb",
                                        "bare"};
    const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/var/tmp";
    char home[500], path[600];
    struct error err = {0};
    struct store *store;
    struct statfs info;

    snprintf(home, sizeof(home), "%s/bench-store-XXXXXX", folder);
    check(mkdtemp(home) == NULL || statfs(home, &info) != 0, "make a folder");
    check(info.f_type == TMPFS_MAGIC, "the folder lies in memory: set TMPDIR to one on a disk");
    store = store_open(home, STORE_WRITE, &err);
    check(store == NULL, err.message);
    double group = at_once(store);
    snprintf(path, sizeof(path), "%s/bare", home);
    double alone = one_by_one(path);
    printf("durable pins, %d threads at once: %.0f a second; one commit each: %.0f a second; ratio %.1f (at "
           "least 5)\n",
           THREADS, group, alone, group / alone);
    store_close(store);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", home, names[i]);
        remove(path);
    }
    remove(home);
    return 0;
}
