#include "store_fixture.h"

#include "store/upgrade.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DAMAGE_ROUNDS 300 /* random alterations of a data file */
#define NOBODY 65534

static int home_setup(void **state)
{
    static char home[FIXTURE_PATH_MAX];

    fixture_home(home);
    *state = home;
    return 0;
}

static int home_teardown(void **state)
{
    fixture_remove(*state);
    return 0;
}

static void make_store(const char *home, int pins)
{
    struct error err = {0};
    struct store *store = store_open(home, STORE_WRITE, &err);

    if (store == NULL)
        fail_msg("%s", err.message);
    for (int i = 0; i < pins; i++) {
        char host[32];

        snprintf(host, sizeof(host), "h%d_443", i);
        assert_int_not_equal(fixture_add(store, host, &err), 0);
    }
    store_close(store);
}

static void assert_refused(const char *home, enum store_mode mode, enum error_code code, const char *hint)
{
    struct error err = {0};
    struct store *store = store_open(home, mode, &err);

    assert_null(store);
    assert_string_equal(error_code_name(err.code), error_code_name(code));
    assert_true(strlen(err.message) > 0);
    assert_non_null(strstr(err.hint, hint));
}

static void reading_creates_nothing(void **state)
{
    char path[FIXTURE_PATH_MAX];

    assert_refused(*state, STORE_READ, ERROR_NOT_FOUND, "start primed");
    fixture_path(*state, "store", path);
    assert_int_equal(access(path, F_OK), -1);
    make_store(*state, 1);
    fixture_path(*state, "store/lock.mdb", path);
    assert_int_equal(unlink(path), 0);
    assert_refused(*state, STORE_READ, ERROR_NOT_FOUND, "start primed");
    assert_int_equal(access(path, F_OK), -1);
}

static void reads_without_a_daemon(void **state)
{
    struct error err = {0};
    char id[NODE_ID_DIGITS + 1];
    struct store *store = store_open(*state, STORE_WRITE, &err);
    struct pin pin;

    snprintf(id, sizeof(id), "%s", store_node_id(store));
    assert_int_equal(strlen(id), NODE_ID_DIGITS);
    fixture_add(store, "h_1", &err);
    store_close(store);
    store = store_open(*state, STORE_READ, &err);
    assert_non_null(store);
    assert_string_equal(store_node_id(store), id);
    struct store_txn *txn = store_read(store, &err);
    assert_ok(pin_get(txn, "h_1", &pin, &err), err);
    store_end(txn);
    assert_int_equal(fixture_add(store, "i_1", &err), 0);
    assert_int_equal(err.code, ERROR_DENIED);
    store_close(store);
}

static void one_writer_only(void **state)
{
    struct error err = {0};
    struct store *store = store_open(*state, STORE_WRITE, &err);

    assert_null(store_open(*state, STORE_WRITE, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.message, "another primed runs on"));
    assert_null(store_open(*state, STORE_READ, &err)); /* LMDB's locks allow each store once in a process */
    assert_int_equal(err.code, ERROR_BUSY);
    store_close(store);
    make_store(*state, 0);
}

static int set_version(struct store_txn *txn, void *version, struct error *err)
{
    Record__Meta meta = RECORD__META__INIT;

    meta.version = *(uint32_t *)version;
    meta.node_id = "0123456789abcdef0123456789abcdef";
    record_store(txn, DATABASE_META, record_key_text("store"), record_pack(txn, &meta.base), 0);
    record_note(txn, DATABASE_META, STORE_SCOPE_NODE, record_key_text("store"), NULL);
    return record_status(txn, err);
}

static void a_newer_store_is_refused(void **state)
{
    struct error err = {0};
    uint32_t version = STORE_VERSION + 1;
    struct store *store = store_open(*state, STORE_WRITE, &err);

    assert_ok(store_run(store, set_version, &version, &err), err);
    store_close(store);
    assert_refused(*state, STORE_WRITE, ERROR_CONFLICT, "install the release");
    assert_refused(*state, STORE_READ, ERROR_CONFLICT, "install the release");
}

static int note_step(struct store_txn *txn, struct error *err)
{
    record_store(txn, DATABASE_SETTINGS, record_key_text("upgraded"), record_key_text("yes"), 0);
    return record_status(txn, err);
}

static int upgrade_job(struct store_txn *txn, void *arg, struct error *err)
{
    static const upgrade_step steps[STORE_VERSION + 2] = {[STORE_VERSION + 1] = note_step};
    MDB_val value;

    (void)arg;
    assert_int_equal(upgrade_run(txn, steps, STORE_VERSION + 1, err), 0); /* a version without a step */
    assert_false(record_get(txn, DATABASE_SETTINGS, record_key_text("upgraded"), &value));
    assert_int_equal(upgrade_run(txn, steps, STORE_VERSION + 2, err), 0);
    assert_true(record_get(txn, DATABASE_SETTINGS, record_key_text("upgraded"), &value));
    assert_int_equal(upgrade_run(txn, steps, STORE_VERSION + 2, err), 0); /* nothing left to do */
    assert_int_equal(upgrade_run(txn, steps, STORE_VERSION, err), -1);
    return error_set(err, ERROR_CONFLICT, "undo");
}

static void an_older_store_is_upgraded_step_by_step(void **state)
{
    struct error err = {0};
    struct store *store = store_open(*state, STORE_WRITE, &err);

    assert_int_equal(store_run(store, upgrade_job, NULL, &err), -1);
    assert_string_equal(err.message, "undo");
    store_close(store);
}

static void write_file(const char *home, const char *bytes, size_t length)
{
    char path[FIXTURE_PATH_MAX];
    int fd;

    fixture_path(home, "store/data.mdb", path);
    fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static char *read_whole(const char *home, size_t *length)
{
    char path[FIXTURE_PATH_MAX];
    struct stat info;
    char *bytes;
    int fd;

    fixture_path(home, "store/data.mdb", path);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    *length = (size_t)info.st_size;
    bytes = malloc(*length);
    assert_int_equal(read(fd, bytes, *length), *length);
    close(fd);
    return bytes;
}

static void garbage_is_refused_with_what_to_do(void **state)
{
    char garbage[20000];

    make_store(*state, 1);
    memset(garbage, 'g', sizeof(garbage));
    write_file(*state, garbage, sizeof(garbage));
    assert_refused(*state, STORE_WRITE, ERROR_INTERNAL, "restore a backup");
    assert_refused(*state, STORE_READ, ERROR_INTERNAL, "restore a backup");
    write_file(*state, garbage, 0);
    assert_refused(*state, STORE_WRITE, ERROR_INTERNAL, "restore a backup");
    memset(garbage, 0, sizeof(garbage));
    write_file(*state, garbage, sizeof(garbage));
    assert_refused(*state, STORE_READ, ERROR_INTERNAL, "restore a backup");
}

/* Opens and reads all in another process, which must end by itself: 0 sound, 1 refused; a signal fails. */
static int try_in_child(const char *home, enum store_mode mode)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct error err = {0};
        struct store *store = store_open(home, mode, &err);
        struct store_txn *txn;
        struct pin_cursor *cursor;
        struct pin_row row;
        int more = 1;

        if (store == NULL)
            _exit(err.hint[0] != '\0' ? 1 : 2);
        txn = store_read(store, &err);
        cursor = txn != NULL ? pin_cursor_open(txn, &err) : NULL;
        while (cursor != NULL && more == 1)
            more = pin_cursor_next(cursor, &row, &err);
        _exit(cursor != NULL && more == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("the store ended its reader with signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void a_cut_file_is_refused(void **state)
{
    size_t length;
    char *bytes;

    make_store(*state, 300);
    bytes = read_whole(*state, &length);
    assert_true(length > 20 * 4096);
    for (size_t cut = 0; cut < length; cut += cut < 16384 ? 1000 : 12288) {
        write_file(*state, bytes, cut);
        /* Cut behind the last page in use it may still be sound; in front of it never. */
        assert_in_range(try_in_child(*state, STORE_READ), cut < length / 2 ? 1 : 0, 1);
        assert_in_range(try_in_child(*state, STORE_WRITE), cut < length / 2 ? 1 : 0, 1);
    }
    write_file(*state, bytes, length);
    assert_int_equal(try_in_child(*state, STORE_READ), 0);
    free(bytes);
}

static void an_altered_page_never_ends_the_reader(void **state)
{
    size_t length;
    char *bytes;
    unsigned seed = 7;
    int refused = 0;

    make_store(*state, 300);
    bytes = read_whole(*state, &length);
    for (int i = 0; i < DAMAGE_ROUNDS; i++) {
        char *copy = malloc(length);
        size_t page = (size_t)rand_r(&seed) % (length / 4096) * 4096;

        memcpy(copy, bytes, length);
        for (int j = 0; j < 32; j++) /* where the header and the offsets of the nodes are */
            copy[page + (size_t)rand_r(&seed) % 200] = (char)rand_r(&seed);
        write_file(*state, copy, length);
        refused += try_in_child(*state, STORE_READ) != 0;
        free(copy);
    }
    assert_true(refused > 0);
    free(bytes);
}

static void who_may_not_read_is_told(void **state)
{
    char path[FIXTURE_PATH_MAX];
    pid_t child;
    int status;

    if (geteuid() != 0) {
        print_message("skipped: only root can become another user\n");
        skip();
    }
    make_store(*state, 1);
    assert_int_equal(chmod(*state, 0755), 0);
    fixture_path(*state, "store", path);
    assert_int_equal(chmod(path, 0755), 0);
    fixture_path(*state, "store/data.mdb", path);
    assert_int_equal(chmod(path, 0644), 0);
    child = fork();
    if (child == 0) {
        struct error err = {0};

        if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || store_open(*state, STORE_READ, &err) != NULL ||
            err.code != ERROR_DENIED || strstr(err.message, "lock.mdb") == NULL)
            _exit(1);
        _exit(store_open(*state, STORE_WRITE, &err) == NULL && err.code == ERROR_DENIED &&
                      strstr(err.hint, "belongs to the user") != NULL
                  ? 0
                  : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reading_creates_nothing),
        TEST(reads_without_a_daemon),
        TEST(one_writer_only),
        TEST(a_newer_store_is_refused),
        TEST(an_older_store_is_upgraded_step_by_step),
        TEST(garbage_is_refused_with_what_to_do),
        TEST(a_cut_file_is_refused),
        TEST(an_altered_page_never_ends_the_reader),
        TEST(who_may_not_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
