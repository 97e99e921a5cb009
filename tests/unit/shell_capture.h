/* Runs lines of the test table in a session of their own and keeps what they print. */
#pragma once

#include "shell_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

struct capture {
    struct table_context context;
    struct shell_program program;
    struct shell_session *session;
    enum shell_status status;
    char out[65536];
    char errors[65536];
};

static inline void capture_open(struct capture *capture, enum shell_role role)
{
    struct shell_caller caller = {role == SHELL_ROLE_ADMIN ? "admin" : "oper", role, NULL};
    struct error err = {0};

    memset(capture, 0, sizeof(*capture));
    capture->program = table_program(&capture->context);
    capture->session = shell_session_new(&capture->program, &caller, &err);
    if (capture->session == NULL)
        fail_msg("%s", err.message);
}

static inline void capture_close(struct capture *capture)
{
    shell_session_free(capture->session);
}

static inline int capture_redirect(int fd, int *kept)
{
    int file = memfd_create("capture", MFD_CLOEXEC);

    assert_true(file >= 0);
    *kept = dup(fd);
    assert_true(*kept >= 0 && dup2(file, fd) == fd);
    return file;
}

static inline void capture_restore(int fd, int kept, int file, char *out, size_t size)
{
    ssize_t got;

    dup2(kept, fd);
    close(kept);
    got = pread(file, out, size - 1, 0);
    out[got > 0 ? got : 0] = '\0';
    close(file);
}

/* input NULL: runs `line`; else the lines of `input`. */
static inline enum shell_status capture_do(struct capture *capture, const char *line, const char *input,
                                           size_t length, bool stop_on_error)
{
    int out, out_kept, errors, errors_kept, in = -1, in_kept = -1;

    fflush(NULL);
    if (input != NULL) {
        in = capture_redirect(STDIN_FILENO, &in_kept);
        assert_int_equal(write(in, input, length), length);
        lseek(in, 0, SEEK_SET);
    }
    out = capture_redirect(STDOUT_FILENO, &out_kept);
    errors = capture_redirect(STDERR_FILENO, &errors_kept);
    capture->status = input != NULL ? shell_run_input(capture->session, stop_on_error)
                                    : shell_run_line(capture->session, line);
    capture_restore(STDOUT_FILENO, out_kept, out, capture->out, sizeof(capture->out));
    capture_restore(STDERR_FILENO, errors_kept, errors, capture->errors, sizeof(capture->errors));
    if (in >= 0) {
        dup2(in_kept, STDIN_FILENO);
        close(in_kept);
        close(in);
    }
    return capture->status;
}

static inline enum shell_status capture_line(struct capture *capture, const char *line)
{
    return capture_do(capture, line, NULL, 0, false);
}

static inline enum shell_status capture_input(struct capture *capture, const char *input)
{
    return capture_do(capture, NULL, input, strlen(input), false);
}
