/* The map grows, the disk fills up, readers die: the store goes on. */
#include "store_fixture.h"

#include "base/clock.h"
#include "store/environment.h"
#include "store/setting.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BLOCK_BYTES (4 << 20)
#define BLOCKS 45 /* 180 MB: the map has to grow twice */
#define SMALL_DISK "size=6m"
#define READER_SLOTS_MORE 40 /* dead readers left behind */

static char block[BLOCK_BYTES];

static int block_job(struct store_txn *txn, void *number, struct error *err)
{
    char name[32];

    snprintf(name, sizeof(name), "block%d", *(int *)number);
    return setting_set(txn, name, STORE_SCOPE_PAIR, block, sizeof(block), err); /* counted by the revision */
}

/* The same, but nothing of it stays in the feed. */
static int own_block_job(struct store_txn *txn, void *name, struct error *err)
{
    return setting_set(txn, name, STORE_SCOPE_NODE, block, sizeof(block), err);
}

/* Reads again and again in another process until it has seen all blocks; each view must fit together. */
static void read_while_it_grows(const char *home, int ready)
{
    struct error err = {0};
    struct store *store = store_open(home, STORE_READ, &err);
    uint64_t revision = 0;

    if (store == NULL)
        _exit(1);
    while (revision < BLOCKS) {
        struct store_txn *txn = store_read(store, &err);
        const uint8_t *value;
        char name[32];
        size_t length;

        if (txn == NULL)
            _exit(2);
        revision = store_revision(txn);
        snprintf(name, sizeof(name), "block%d", (int)revision - 1);
        if (revision > 0 && (setting_get(txn, name, &value, &length, &err) != 0 || length != BLOCK_BYTES ||
                             value[length - 1] != 'b'))
            _exit(3);
        store_end(txn);
        if (ready >= 0 && write(ready, "r", 1) == 1) {
            close(ready);
            ready = -1;
        }
    }
    store_close(store);
    _exit(0);
}

static void *read_in_this_process(void *arg)
{
    struct store *store = arg;
    struct error err = {0};
    uint64_t revision = 0;

    while (revision < BLOCKS) {
        struct store_txn *txn = store_read(store, &err);

        if (txn == NULL)
            return (void *)"cannot read";
        revision = store_revision(txn);
        store_end(txn);
    }
    return NULL;
}

static int no_job(struct store_txn *txn, void *arg, struct error *err)
{
    (void)txn;
    (void)arg;
    (void)err;
    return 0;
}

/* A child can wait for ever for a lock of AddressSanitizer's allocator that the writer's thread held at the
 * fork: so that one has started, and sleeps. */
static pid_t fork_beside(struct store *store)
{
    struct error err = {0};

    assert_ok(store_run(store, no_job, NULL, &err), err);
    return fork();
}

static void the_map_grows_under_its_readers(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct store_stats before, after;
    pthread_t thread;
    void *failed;
    int ends[2];
    pid_t child;
    int status;
    char ready;

    memset(block, 'b', sizeof(block));
    assert_int_equal(pipe(ends), 0);
    child = fork_beside(fixture->store);
    if (child == 0)
        read_while_it_grows(fixture->home, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    assert_ok(store_stats(fixture->store, &before, &err), err);
    assert_int_equal(pthread_create(&thread, NULL, read_in_this_process, fixture->store), 0);
    for (int i = 0; i < BLOCKS; i++)
        assert_ok(store_run(fixture->store, block_job, &i, &err), err);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_ok(store_stats(fixture->store, &after, &err), err);
    assert_int_equal(before.map_bytes, ENVIRONMENT_MAP_START);
    assert_true(after.map_bytes >= 4 * ENVIRONMENT_MAP_START);
    assert_true(after.used_bytes >= (size_t)BLOCKS * BLOCK_BYTES);
}

static int big_job(struct store_txn *txn, void *runs, struct error *err)
{
    ++*(int *)runs;
    for (int i = 0; i < 40; i++) {
        if (block_job(txn, &i, err) != 0)
            return -1;
    }
    return 0;
}

static void one_job_greater_than_the_map_runs_again(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct store_stats stats;
    int runs = 0;

    assert_ok(store_run(fixture->store, big_job, &runs, &err), err);
    assert_true(runs > 1);
    assert_ok(store_stats(fixture->store, &stats, &err), err);
    assert_int_equal(stats.revision, 1);
}

/* Leaves a reader behind that never ends its transaction. */
static void die_reading(struct fixture *fixture)
{
    struct error err = {0};
    pid_t child = fork_beside(fixture->store);
    int status;

    if (child == 0) {
        struct store *store = store_open(fixture->home, STORE_READ, &err);

        _exit(store != NULL && store_read(store, &err) != NULL ? 0 : 1); /* without store_end() */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Freed pages are used again: no reader holds them. */
static void assert_it_stays_as_large(struct store *store)
{
    struct error err = {0};
    struct store_stats first, last;

    for (int i = 0; i < 4; i++) {
        assert_ok(store_run(store, own_block_job, "same", &err), err);
        if (i == 2)
            assert_ok(store_stats(store, &first, &err), err);
    }
    assert_ok(store_stats(store, &last, &err), err);
    assert_true(last.used_bytes < first.used_bytes + BLOCK_BYTES);
}

static void readers_that_died_are_cleared(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    for (int i = 0; i < READER_SLOTS_MORE; i++)
        die_reading(fixture);
    store_close(fixture->store);
    fixture->store = store_open(fixture->home, STORE_WRITE, &err);
    assert_non_null(fixture->store);
    assert_it_stays_as_large(fixture->store);
}

static void readers_that_died_are_forgotten_while_it_is_open(void **state)
{
    struct fixture *fixture = *state;

    die_reading(fixture);
    store_forget_dead_readers(fixture->store);
    assert_it_stays_as_large(fixture->store);
}

static void *reserve(void *arg)
{
    struct error err = {0};

    return store_reserve(arg, 4 * ENVIRONMENT_MAP_START, &err) == 0 ? NULL : (void *)"cannot reserve";
}

static void a_long_reader_holds_up_the_map_and_no_other_reader(void **state)
{
    struct fixture *fixture = *state;
    struct timespec pause = {.tv_nsec = 20000000};
    struct error err = {0};
    struct store_txn *lasting = store_read(fixture->store, &err);
    int64_t longest_ms = 0;
    pthread_t thread;
    void *failed;

    assert_non_null(lasting);
    assert_int_equal(pthread_create(&thread, NULL, reserve, fixture->store), 0);
    for (int i = 0; i < 50; i++) {
        int64_t began_ms = clock_monotonic_ms();
        struct store_txn *txn = store_read(fixture->store, &err);

        assert_non_null(txn);
        if (clock_monotonic_ms() - began_ms > longest_ms)
            longest_ms = clock_monotonic_ms() - began_ms;
        store_end(txn);
        nanosleep(&pause, NULL);
    }
    assert_true(longest_ms < ENVIRONMENT_DRAIN_MS / 4);
    store_end(lasting);
    pthread_join(thread, &failed);
    assert_null(failed);
}

static void fill_until_full(struct store *store, struct error *err)
{
    char host[32];
    int i = 0;

    do {
        snprintf(host, sizeof(host), "full%d_443", i++);
    } while (i < 100000 && fixture_add(store, host, err) != 0);
}

static void assert_old_data(struct store *store)
{
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);
    struct pin pin;

    assert_non_null(txn);
    assert_ok(pin_get(txn, "old_443", &pin, &err), err);
    assert_ok(pin_get(txn, "full0_443", &pin, &err), err);
    store_end(txn);
}

static void run_on_a_full_disk(const char *home)
{
    struct error err = {0};
    char ballast[FIXTURE_PATH_MAX];
    struct store *store = store_open(home, STORE_WRITE, &err);
    int fd;

    assert_non_null(store);
    fixture_path(home, "ballast", ballast);
    fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, block, 3 << 20), 3 << 20);
    close(fd);
    assert_int_not_equal(fixture_add(store, "old_443", &err), 0);
    fill_until_full(store, &err);
    assert_string_equal(error_code_name(err.code), "store-full");
    assert_non_null(strstr(err.message, home));
    assert_true(strlen(err.hint) > 0);
    assert_old_data(store);
    assert_int_equal(fixture_add(store, "again_443", &err), 0); /* still full, still said */
    assert_int_equal(err.code, ERROR_STORE_FULL);
    assert_int_equal(unlink(ballast), 0);
    assert_int_not_equal(fixture_add(store, "again_443", &err), 0); /* without opening it again */
    assert_old_data(store);
    store_close(store);
    store = store_open(home, STORE_WRITE, &err);
    if (store == NULL)
        fail_msg("%s", err.message);
    assert_old_data(store);
    store_close(store);
}

static void making_a_store_on_a_full_disk_leaves_none(const char *home)
{
    struct error err = {0};
    char ballast[FIXTURE_PATH_MAX];
    struct store *store;
    int fd;

    fixture_path(home, "ballast", ballast);
    fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, 4096) > 0)
        continue;
    close(fd);
    assert_null(store_open(home, STORE_WRITE, &err));
    assert_string_equal(error_code_name(err.code), "store-full");
    assert_int_equal(unlink(ballast), 0);
    store = store_open(home, STORE_WRITE, &err);
    if (store == NULL)
        fail_msg("%s", err.message);
    store_close(store);
}

static void a_full_disk_is_an_error_and_nothing_else(void **state)
{
    char disk[FIXTURE_PATH_MAX], home[FIXTURE_PATH_MAX], other[FIXTURE_PATH_MAX];
    pid_t child;
    int status;

    (void)state;
    fixture_home(disk);
    if (geteuid() != 0 || mount("tmpfs", disk, "tmpfs", 0, SMALL_DISK) != 0) {
        fixture_remove(disk);
        print_message("skipped: a small disk can only be mounted by root\n");
        skip();
    }
    fixture_path(disk, "home", home);
    fixture_path(disk, "other", other);
    /* In a process of its own: whatever happens there, the disk is unmounted. */
    child = fork();
    if (child == 0) {
        if (mkdir(home, 0700) != 0 || mkdir(other, 0700) != 0)
            _exit(1);
        making_a_store_on_a_full_disk_leaves_none(other);
        run_on_a_full_disk(home);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(umount2(disk, MNT_DETACH), 0);
    fixture_remove(disk);
    assert_int_equal(status, 0);
}

/* The descriptor through which LMDB writes its meta pages: the one with O_DSYNC. */
static int meta_descriptor(const char *home)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    int found = -1;

    while (found < 0 && (entry = readdir(folder)) != NULL) {
        char target[FIXTURE_PATH_MAX], data[FIXTURE_PATH_MAX];
        int fd = (int)strtol(entry->d_name, NULL, 10);
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

        target[length < 0 ? 0 : length] = '\0';
        fixture_path(home, "store/data.mdb", data);
        if (strcmp(target, data) == 0 && (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
            found = fd;
    }
    closedir(folder);
    return found;
}

static void a_failed_meta_page_does_not_end_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int meta = meta_descriptor(fixture->home);

    assert_true(full >= 0 && meta >= 0);
    assert_int_not_equal(fixture_add(fixture->store, "old_443", &err), 0);
    assert_int_not_equal(fixture_add(fixture->store, "full0_443", &err), 0);
    assert_int_equal(dup2(full, meta), meta);
    close(full);
    assert_int_equal(fixture_add(fixture->store, "lost_443", &err), 0);
    assert_int_equal(err.code, ERROR_STORE_FULL);
    assert_int_not_equal(fixture_add(fixture->store, "lost_443", &err), 0); /* opened again inside */
    assert_old_data(fixture->store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_map_grows_under_its_readers),
        TEST(one_job_greater_than_the_map_runs_again),
        TEST(readers_that_died_are_cleared),
        TEST(readers_that_died_are_forgotten_while_it_is_open),
        TEST(a_long_reader_holds_up_the_map_and_no_other_reader),
        cmocka_unit_test(a_full_disk_is_an_error_and_nothing_else),
        TEST(a_failed_meta_page_does_not_end_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
