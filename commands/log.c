/* show logging: the node's log files. */
#include "base/text.h"
#include "commands/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLLOW_FIRST 10        /* lines shown before following */
#define FOLLOW_INTERVAL_MS 250 /* between two looks at the file */
#define READ_SIZE (64 * 1024)

enum { LOG_LINE };
static const struct shell_column log_columns[] = {[LOG_LINE] = {.name = "line"}};
static const struct shell_listing log_listing = {
    .name = "lines", .form = SHELL_LINES, SHELL_COLUMNS(log_columns), .line = "{line}"};

struct reader {
    int fd;
    char path[PATH_MAX];
    struct text part; /* of a line whose end is not written yet */
    struct shell_output *output;
};

static const char *file_of(const struct shell_call *call)
{
    if (shell_has(call, "health-monitor"))
        return "log/health_monitor.log";
    return shell_has(call, "audit") ? "log/audit.log" : "log/application.log";
}

static int open_log(struct shell_call *call, struct reader *reader, struct error *err)
{
    reader->output = shell_output(call);
    if (node_path(context_of(call)->home, file_of(call), reader->path, sizeof(reader->path), err) != 0)
        return -1;
    reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (reader->fd >= 0)
        return 0;
    if (errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "nothing was logged yet: there is no %s", reader->path);
    return error_set_errno(err, errno, "cannot read %s", reader->path);
}

static void print_lines(struct reader *reader, const char *bytes, size_t length)
{
    const char *end;

    while ((end = memchr(bytes, '\n', length)) != NULL) {
        size_t line = (size_t)(end - bytes);

        text_add(&reader->part, bytes, line);
        output_text(reader->output, LOG_LINE, reader->part.data, reader->part.length);
        output_row_end(reader->output);
        text_clear(&reader->part);
        bytes += line + 1;
        length -= line + 1;
    }
    text_add(&reader->part, bytes, length);
}

/* Prints what is there from the descriptor's place on. */
static void print_rest(struct reader *reader)
{
    char *bytes = malloc(READ_SIZE);
    ssize_t got;

    while (bytes != NULL && !output_stopped(reader->output) && (got = read(reader->fd, bytes, READ_SIZE)) > 0)
        print_lines(reader, bytes, (size_t)got);
    free(bytes);
}

/* Puts the descriptor at the start of the last `count` lines, reading backwards. */
static void seek_last(struct reader *reader, uint64_t count)
{
    off_t position = lseek(reader->fd, 0, SEEK_END);
    uint64_t ends = 0;
    char bytes[4096];

    while (position > 0) {
        off_t start = position > (off_t)sizeof(bytes) ? position - (off_t)sizeof(bytes) : 0;
        ssize_t got = pread(reader->fd, bytes, (size_t)(position - start), start);

        if (got <= 0)
            break;
        for (ssize_t i = got - 1; i >= 0; i--) {
            /* the line end at the very end closes the last line, so one more is needed */
            if (bytes[i] == '\n' && ++ends > count) {
                lseek(reader->fd, start + i + 1, SEEK_SET);
                return;
            }
        }
        position = start;
    }
    lseek(reader->fd, 0, SEEK_SET);
}

/* After a rotation the name stands for a new file. */
static void reopen_if_rotated(struct reader *reader)
{
    struct stat named;
    struct stat opened;
    int fd;

    if (stat(reader->path, &named) != 0 || fstat(reader->fd, &opened) != 0 || named.st_ino == opened.st_ino)
        return;
    fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    close(reader->fd);
    reader->fd = fd;
}

static void follow(struct shell_call *call, struct reader *reader)
{
    do {
        print_rest(reader);
        output_flush(reader->output);
        reopen_if_rotated(reader);
    } while (!output_stopped(reader->output) && shell_wait(call, -1, FOLLOW_INTERVAL_MS) == -1 &&
             !shell_idle(call));
}

static int run_logging(struct shell_call *call, struct error *err)
{
    const char *count = shell_arg(call, "count");
    struct reader reader = {0};

    if (open_log(call, &reader, err) != 0)
        return -1;
    if (count != NULL)
        seek_last(&reader, strtoull(count, NULL, 10));
    else if (shell_has(call, "follow"))
        seek_last(&reader, FOLLOW_FIRST);
    output_begin(reader.output, &log_listing);
    if (shell_has(call, "follow"))
        follow(call, &reader);
    else
        print_rest(&reader);
    output_end(reader.output);
    close(reader.fd);
    text_free(&reader.part);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "show logging", .help = "The node's log files"},
    {.grammar = "show logging {health-monitor | application} [{last <count> | follow}]",
     .help = "Lines of a log file",
     .words = SHELL_HELP("health-monitor", "What the health monitor logged")
         SHELL_HELP("application", "What the services logged")
             SHELL_HELP("follow", "New lines as they are written, until Ctrl-C"),
     .run = run_logging,
     .manual = "With follow, new lines appear as they are written, until Ctrl-C, or until the session has "
               "been idle for its time."},
    {.grammar = "show logging audit [{last <count> | follow}]",
     .help = "Lines of the audit trail's file",
     .words = SHELL_HELP("audit", "The audit trail, as it is written to its file")
         SHELL_HELP("follow", "New lines as they are written, until Ctrl-C"),
     .run = run_logging,
     .role = SHELL_ROLE_ADMIN,
     .manual = "What everybody typed, and from where: for administrators, as `show audit` is."},
};
const struct shell_branch log_branch = SHELL_BRANCH(commands);
