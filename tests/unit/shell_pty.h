/* A terminal for tests: a child on the slave side of a pty, and this side's exact view of what it sends. */
#pragma once

#include "base/text.h"

#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#define PTY_PATIENCE_MS 10000 /* for what must come; a healthy run never waits so long */

struct pty {
    int master;
    pid_t child;
    struct text seen; /* what came and is not expected yet */
};

/* Runs `run` in a child on a new terminal; its return value is the exit status. */
static struct pty pty_start(int columns, int lines, int (*run)(void *arg), void *arg)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)lines};
    struct pty pty = {0};

    pty.child = forkpty(&pty.master, NULL, NULL, &size);
    assert_true(pty.child >= 0);
    if (pty.child == 0)
        exit(run(arg));
    return pty;
}

static void pty_send_bytes(struct pty *pty, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(pty->master, bytes, length);

        assert_true(done > 0);
        bytes += done;
        length -= (size_t)done;
    }
}

static void pty_send(struct pty *pty, const char *bytes)
{
    pty_send_bytes(pty, bytes, strlen(bytes));
}

/* Reads what is there, waiting for it; false: nothing came. */
static bool pty_receive(struct pty *pty)
{
    struct pollfd wait = {.fd = pty->master, .events = POLLIN};
    char bytes[4096];
    ssize_t got;

    if (poll(&wait, 1, PTY_PATIENCE_MS) != 1)
        return false;
    got = read(pty->master, bytes, sizeof(bytes));
    if (got <= 0)
        return false;
    text_add(&pty->seen, bytes, (size_t)got);
    return true;
}

static void pty_drop(struct pty *pty, size_t length)
{
    memmove(pty->seen.data, pty->seen.data + length, pty->seen.length - length);
    pty->seen.length -= length;
    pty->seen.data[pty->seen.length] = '\0';
}

static void pty_fail(const struct pty *pty, const char *expected)
{
    struct text got = {0}, wanted = {0};

    text_add_escaped(&got, pty->seen.data ? pty->seen.data : "", pty->seen.length, NULL);
    text_add_escaped(&wanted, expected, strlen(expected), NULL);
    fail_msg("\nexpected: %s\n     got: %s", wanted.data, got.data);
}

/* The next bytes must be these, to the letter. */
static void pty_expect(struct pty *pty, const char *expected)
{
    size_t length = strlen(expected);

    for (;;) {
        size_t have = pty->seen.length < length ? pty->seen.length : length;

        if (have > 0 && memcmp(pty->seen.data, expected, have) != 0)
            pty_fail(pty, expected);
        if (have == length)
            break;
        if (!pty_receive(pty))
            pty_fail(pty, expected);
    }
    if (length > 0)
        pty_drop(pty, length);
}

/* Waits until the text has come; drops all up to its end. */
static void pty_until(struct pty *pty, const char *text)
{
    char *found;

    while (pty->seen.data == NULL ||
           (found = memmem(pty->seen.data, pty->seen.length, text, strlen(text))) == NULL) {
        if (!pty_receive(pty))
            pty_fail(pty, text);
    }
    pty_drop(pty, (size_t)(found - pty->seen.data) + strlen(text));
}

/* The child must end with this status, having sent nothing more. */
static void pty_end(struct pty *pty, int status)
{
    int got = 0;

    while (pty_receive(pty))
        ;
    if (pty->seen.length > 0)
        pty_fail(pty, "");
    close(pty->master);
    assert_int_equal(waitpid(pty->child, &got, 0), pty->child);
    assert_true(WIFEXITED(got));
    assert_int_equal(WEXITSTATUS(got), status);
    text_free(&pty->seen);
}
