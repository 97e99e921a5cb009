#include "lab/record.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MS_PER_S 1000.0

struct record {
    FILE *file;
    char *path;
    int64_t began_ms;
    struct winsize size;
    struct text rest; /* a character that has not come whole yet */
};

static struct winsize terminal_size(void)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        size = (struct winsize){.ws_row = RECORD_ROWS, .ws_col = RECORD_COLUMNS};
    return size;
}

static void write_line(struct record *record, json_t *line)
{
    json_dumpf(line, record->file, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putc('\n', record->file);
    json_decref(line);
}

struct record *record_open(const char *path, const char *title, struct error *err)
{
    struct record *record = calloc(1, sizeof(*record));
    int why;

    if (record == NULL)
        abort();
    record->path = strdup(path);
    record->file = fopen(path, "we");
    why = errno;
    record->size = terminal_size();
    record->began_ms = clock_monotonic_ms();
    if (record->file == NULL) {
        error_set_errno(err, why, "cannot record to %s", path);
        record_close(record, NULL);
        return NULL;
    }
    write_line(record, json_pack("{s:i, s:i, s:i, s:I, s:s, s:{s:s}}", "version", 2, "width",
                                 (int)record->size.ws_col, "height", (int)record->size.ws_row, "timestamp",
                                 (json_int_t)(clock_wall_ms() / (int)MS_PER_S), "title", title, "env", "TERM",
                                 "xterm-256color"));
    return record;
}

int record_close(struct record *record, struct error *err)
{
    int failed = 0;

    if (record == NULL)
        return 0;
    if (record->file != NULL) {
        failed = ferror(record->file);
        failed |= fclose(record->file);
    }
    if (failed != 0)
        error_set_errno(err, errno, "cannot write all of %s", record->path);
    text_free(&record->rest);
    free(record->path);
    free(record);
    return failed != 0 ? -1 : 0;
}

/* Characters whole, for JSON can hold no half of one. */
static void note(struct record *record, const char *bytes, size_t length)
{
    double at = (double)(clock_monotonic_ms() - record->began_ms) / MS_PER_S;
    size_t whole = 0;
    size_t step;

    text_add(&record->rest, bytes, length);
    while (whole < record->rest.length &&
           ((step = text_utf8_next(record->rest.data + whole, record->rest.length - whole, NULL)) > 0 ||
            record->rest.length - whole >= 4))
        whole += step > 0 ? step : 1;
    if (whole == 0)
        return;
    for (size_t i = 0; i < whole; i += step) {
        step = text_utf8_next(record->rest.data + i, whole - i, NULL);
        if (step == 0) {
            record->rest.data[i] = '?';
            step = 1;
        }
    }
    write_line(record, json_pack("[f, s, s%]", at, "o", record->rest.data, whole));
    memmove(record->rest.data, record->rest.data + whole, record->rest.length - whole);
    record->rest.length -= whole;
}

/* Typed keys reach the program as they are: its own terminal makes of them what it wants. */
static bool make_raw(struct termios *before)
{
    struct termios raw;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) != 0)
        return false;
    raw = *before;
    cfmakeraw(&raw);
    raw.c_oflag = before->c_oflag;
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* False: a signal came in between. */
static bool relay(struct record *record, int terminal, FILE *out)
{
    struct pollfd waits[] = {{.fd = terminal, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    nfds_t count = isatty(STDIN_FILENO) ? 2 : 1;
    char bytes[4096];

    for (;;) {
        ssize_t got;

        if (poll(waits, count, -1) < 0)
            return false;
        if (count > 1 && waits[1].revents != 0) {
            got = read(STDIN_FILENO, bytes, sizeof(bytes));
            if (got <= 0 || write(terminal, bytes, (size_t)got) != got)
                count = 1;
        }
        if (waits[0].revents == 0)
            continue;
        got = read(terminal, bytes, sizeof(bytes));
        if (got <= 0) /* EIO: nobody has it open any more */
            return true;
        fwrite(bytes, 1, (size_t)got, out);
        fflush(out);
        if (record != NULL)
            note(record, bytes, (size_t)got);
    }
}

int record_run(struct record *record, char *const argv[], FILE *out, struct error *err)
{
    struct winsize size = record != NULL ? record->size : terminal_size();
    struct termios before;
    int status = -1;
    int terminal;
    bool raw;
    pid_t pid;

    fflush(out);
    pid = forkpty(&terminal, NULL, NULL, &size);
    if (pid < 0)
        return error_set_errno(err, errno, "cannot run %s on a terminal of its own", argv[0]);
    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "primelab: cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    raw = make_raw(&before);
    if (!relay(record, terminal, out))
        kill(pid, SIGTERM);
    if (raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    while (waitpid(pid, &status, 0) != pid) {
        if (errno != EINTR) {
            status = error_set_errno(err, errno, "cannot wait for %s", argv[0]);
            break;
        }
    }
    close(terminal); /* not before: it would end the program on its last steps */
    return status;
}
