/* The log files: what becomes of lines that there is no room for. */
#include "base/log.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_LINE 5000 /* bytes: more than a pipe takes as a whole */

/* Files of this process may not grow beyond so many bytes, as on a full disk. */
static void allow(rlim_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The texts of a log's lines, without their times. */
static void assert_lines(const char *path, const char *expected)
{
    char found[1024] = "";
    char *data;
    size_t length;

    assert_int_equal(file_read(path, sizeof(found) / 2, &data, &length, NULL), 0);
    for (char *line = strtok(data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *text = strchr(strchr(line, ' ') + 1, ' ') + 1;

        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s\n", text);
    }
    free(data);
    assert_string_equal(found, expected);
}

static void says_what_a_full_disk_lost(void **state)
{
    char path[] = "/tmp/primesh-log.XXXXXX";
    int fd = mkstemp(path);
    struct log *log = log_open(path, LOG_LEVEL_INFO, NULL);

    (void)state;
    assert_non_null(log);
    log_write(log, LOG_LEVEL_INFO, "first");
    allow((rlim_t)lseek(fd, 0, SEEK_END) + 10); /* the time would go in, and no more */
    log_write(log, LOG_LEVEL_INFO, "second");
    log_write(log, LOG_LEVEL_INFO, "third");
    log_write(log, LOG_LEVEL_DEBUG, "nobody asks for this one");
    assert_lines(path, "first\n");
    allow(RLIM_INFINITY);
    log_write(log, LOG_LEVEL_INFO, "fourth");
    log_write(log, LOG_LEVEL_INFO, "fifth");
    allow((rlim_t)lseek(fd, 0, SEEK_END));
    log_write(log, LOG_LEVEL_INFO, "sixth");
    allow(RLIM_INFINITY);
    log_write(log, LOG_LEVEL_INFO, "seventh");
    assert_lines(path, "first\n2 records were lost: File too large\nfourth\nfifth\n"
                       "1 record was lost: File too large\nseventh\n");
    log_close(log);
    close(fd);
    unlink(path);
}

/* Fills the pipe behind standard error until half a line is in it. */
static void fill(struct log *log, int pipe)
{
    char line[LONG_LINE + 1];
    char *found = calloc(1, 1024 * 1024);
    ssize_t got;

    memset(line, 'x', LONG_LINE);
    line[LONG_LINE] = '\0';
    for (int i = 0; i < 40; i++)
        log_write(log, LOG_LEVEL_INFO, "%s", line);
    got = read(pipe, found, 1024 * 1024);
    assert_true(got > 0 && found[got - 1] == 'x');
    free(found);
}

/* What cannot be taken back, as from a pipe, is ended before the next line begins. */
static void never_joins_two_lines(void **state)
{
    char found[256] = "";
    int before = dup(STDERR_FILENO);
    int ends[2];
    struct log *log = log_open("-", LOG_LEVEL_INFO, NULL);

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    fill(log, ends[0]);
    log_write(log, LOG_LEVEL_INFO, "next");
    dup2(before, STDERR_FILENO);
    assert_true(read(ends[0], found, sizeof(found) - 1) > 0);
    assert_int_equal(found[0], '\n');
    assert_non_null(strstr(found, "records were lost: Resource temporarily unavailable\n"));
    assert_non_null(strstr(found, " next\n"));
    log_close(log);
    close(ends[0]);
    close(ends[1]);
    close(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_a_full_disk_lost),
        cmocka_unit_test(never_joins_two_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
