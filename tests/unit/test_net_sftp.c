/* SFTP against OpenSSH's own server, and against one that says whatever it likes. */
#include "net/sftp.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER "/usr/lib/openssh/sftp-server"
#define WAIT_MS 5000
#define BIG (5 * 1024 * 1024 + 321)

struct fixture {
    char folder[64];
    int channel;
    pid_t server;
    struct sftp *sftp;
};

static void path_in(const struct fixture *fixture, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", fixture->folder, name);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    int pair[2];

    signal(SIGPIPE, SIG_IGN);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/primesh-sftp.XXXXXX");
    if (mkdtemp(fixture->folder) == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    fixture->server = fork();
    if (fixture->server == 0) {
        dup2(pair[1], STDIN_FILENO);
        dup2(pair[1], STDOUT_FILENO);
        close(pair[0]);
        close(pair[1]);
        execl(SERVER, SERVER, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    fixture->channel = pair[0];
    fixture->sftp = sftp_open(pair[0], "server", WAIT_MS, NULL, NULL, NULL);
    *state = fixture;
    return fixture->sftp != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    DIR *folder = opendir(fixture->folder);
    struct dirent *entry;

    sftp_close(fixture->sftp);
    close(fixture->channel);
    waitpid(fixture->server, NULL, 0);
    while ((entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static int file_with(size_t length)
{
    int fd = memfd_create("local", MFD_CLOEXEC);
    uint8_t *bytes = malloc(length + 1);

    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 4093);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    free(bytes);
    return fd;
}

static void assert_same(int one, int other)
{
    struct stat info[2];
    char bytes[2][4096];

    fstat(one, &info[0]);
    fstat(other, &info[1]);
    assert_int_equal(info[0].st_size, info[1].st_size);
    for (off_t at = 0; at < info[0].st_size; at += 4096) {
        ssize_t got = pread(one, bytes[0], 4096, at);
        assert_int_equal(pread(other, bytes[1], 4096, at), got);
        assert_memory_equal(bytes[0], bytes[1], (size_t)got);
    }
}

static void sends_and_fetches(void **state)
{
    static const size_t lengths[] = {0, 1, 32768, 32769, BIG};
    struct fixture *fixture = *state;
    char path[256];

    path_in(fixture, "file", path);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        int from = file_with(lengths[i]);
        int to = memfd_create("back", MFD_CLOEXEC);
        struct error err = {0};

        if (sftp_put(fixture->sftp, path, from, (int64_t)lengths[i], &err) != 0)
            fail_msg("%s", err.message);
        if (sftp_get(fixture->sftp, path, to, BIG, &err) != 0)
            fail_msg("%s", err.message);
        assert_same(from, to);
        close(from);
        close(to);
    }
}

static void keeps_to_the_limit(void **state)
{
    struct fixture *fixture = *state;
    int from = file_with(100000);
    int to = memfd_create("back", MFD_CLOEXEC);
    struct error err = {0};
    char path[256];

    path_in(fixture, "file", path);
    assert_int_equal(sftp_put(fixture->sftp, path, from, 100000, &err), 0);
    assert_int_equal(sftp_get(fixture->sftp, path, to, 99999, &err), -1);
    assert_int_equal(err.code, ERROR_STORE_FULL);
    close(from);
    close(to);
}

static void says_what_is_wrong(void **state)
{
    struct fixture *fixture = *state;
    int fd = file_with(10);
    struct error err = {0};
    char path[256];

    path_in(fixture, "none", path);
    assert_int_equal(sftp_get(fixture->sftp, path, fd, 100, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(sftp_get(fixture->sftp, fixture->folder, fd, 100, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    path_in(fixture, "none/file", path);
    assert_int_equal(sftp_put(fixture->sftp, path, fd, 10, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    /* and the session goes on */
    path_in(fixture, "file", path);
    assert_int_equal(sftp_put(fixture->sftp, path, fd, 10, &err), 0);
    close(fd);
}

static void removes_what_it_could_not_finish(void **state)
{
    struct fixture *fixture = *state;
    int fd = file_with(1000);
    struct error err = {0};
    char path[256];

    path_in(fixture, "part", path);
    assert_int_equal(sftp_put(fixture->sftp, path, fd, 200000, &err), -1); /* it ends too early */
    assert_int_equal(access(path, F_OK), -1);
    close(fd);
}

static void count_entry(void *arg, const struct sftp_entry *entry)
{
    if (entry->name_length == 4 && memcmp(entry->name, "file", 4) == 0 && entry->size == 10 && !entry->folder)
        (*(int *)arg)++;
}

static void lists(void **state)
{
    struct fixture *fixture = *state;
    int fd = file_with(10);
    int found = 0;
    struct error err = {0};
    char path[256];

    path_in(fixture, "file", path);
    assert_int_equal(sftp_put(fixture->sftp, path, fd, 10, &err), 0);
    assert_int_equal(sftp_list(fixture->sftp, fixture->folder, count_entry, &found, &err), 0);
    assert_int_equal(found, 1);
    path_in(fixture, "none", path);
    assert_int_equal(sftp_list(fixture->sftp, path, count_entry, &found, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    close(fd);
}

/* ---- a server that says whatever it likes ---- */

#define HELLO "\0\0\0\5\2\0\0\0\3"
#define HANDLE(id) "\0\0\0\12\146\0\0\0" id "\0\0\0\1h"

struct liar {
    int fd;
    const char *says;
    size_t length;
};

static void *lie(void *arg)
{
    struct liar *liar = arg;
    char heard[4096];

    if (write(liar->fd, liar->says, liar->length) >= 0)
        shutdown(liar->fd, SHUT_WR);
    while (read(liar->fd, heard, sizeof(heard)) > 0)
        ;
    close(liar->fd);
    return NULL;
}

#define SAYS(text) text, sizeof(text) - 1

static void survives_nonsense(void **state)
{
    static const struct {
        const char *says;
        size_t length;
    } rows[] = {
        {SAYS("")},
        {SAYS("hello, this is a banner, not SFTP\n")},
        {SAYS("\0\0\0\0")},
        {SAYS("\xff\xff\xff\xff\2\0\0\0\3")},
        {SAYS("\0\0\0\5\2\0\0\0\2")},                     /* version 2 */
        {SAYS("\0\0\0\5\145\0\0\0\3")},                   /* no version */
        {SAYS(HELLO)},                                    /* and nothing more */
        {SAYS(HELLO "\0\0\0\12\146\0\0\0\0\0\0\3\350x")}, /* a handle of 1,000 bytes in one */
        {SAYS(HELLO "\0\0\0\5\145\0\0\0\0")},             /* a status without a number */
        {SAYS(HELLO "\0\0\0\11\145\0\0\0\0\0\0\0\0")},    /* "ok" for a handle */
        {SAYS(HELLO HANDLE("\0") "\0\0\0\11\151\0\0\0\1\0\0\0\0"
                                 "\0\0\0\11\147\0\0\0\77\0\0\0\0")}, /* an answer to what was not asked */
        {SAYS(HELLO HANDLE("\0") "\0\0\0\11\151\0\0\0\1\0\0\0\0"
                                 "\0\0\0\11\147\0\0\0\2\0\0\0\0")}, /* no bytes, again and again */
        {SAYS(HELLO HANDLE("\0") "\0\0\0\11\151\0\0\0\1\0\0\0\0"
                                 "\0\0\0\11\147\0\0\0\2\377\377\377\377")},
        {SAYS(
            HELLO HANDLE("\0") "\0\0\0\15\151\0\0\0\1\200\0\0\0\377\377\377\377")}, /* 4 billion extensions */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = memfd_create("local", MFD_CLOEXEC);
        struct error err = {0};
        struct sftp *sftp;
        struct liar liar = {.says = rows[i].says, .length = rows[i].length};
        pthread_t thread;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        liar.fd = pair[1];
        assert_int_equal(pthread_create(&thread, NULL, lie, &liar), 0);
        sftp = sftp_open(pair[0], "liar", WAIT_MS, NULL, NULL, &err);
        if (sftp != NULL)
            assert_int_equal(sftp_get(sftp, "/x", fd, 1000, &err), -1);
        if (err.code != ERROR_UNREACHABLE)
            fail_msg("row %zu: %s", i, err.message);
        sftp_close(sftp);
        close(pair[0]);
        pthread_join(thread, NULL);
        close(fd);
    }
}

static bool stop_at_once(void *arg, int64_t done, int64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
    return false;
}

static void stops_and_gives_up(void **state)
{
    struct error err = {0};
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_null(sftp_open(pair[0], "silent", WAIT_MS, stop_at_once, NULL, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_null(sftp_open(pair[0], "silent", 1, NULL, NULL, &err));
    assert_int_equal(err.code, ERROR_TIMEOUT);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_and_fetches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_to_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_what_it_could_not_finish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists, set_up, tear_down),
        cmocka_unit_test(survives_nonsense),
        cmocka_unit_test(stops_and_gives_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
