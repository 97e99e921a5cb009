/* terminal monitor: new lines of the logs, in the session, while it waits for a line. */
#include "base/text.h"
#include "commands/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEWS_MOST 50 /* lines shown at once; of a flood the number is enough */
#define READ_SIZE (64 * 1024)

static const char *const log_files[] = {"log/application.log", "log/health_monitor.log"};
#define LOG_COUNT (sizeof(log_files) / sizeof(log_files[0]))

struct watched {
    char path[PATH_MAX];
    int fd;           /* -1: there is no file yet */
    struct text part; /* of a line whose end is not written yet */
};

struct monitor {
    struct context *context;
    int notes; /* inotify(7) of the folder: a file may be rotated away or come later */
    struct watched logs[LOG_COUNT];
};

struct news {
    struct text text;
    unsigned shown;
    unsigned left_out;
};

/* Logs are written escaped; a file that somebody else wrote must not steer the terminal either. */
static void add_line(struct news *news, const char *line, size_t length)
{
    if (news->shown == NEWS_MOST) {
        news->left_out++;
        return;
    }
    news->shown++;
    if (text_is_printable(line, length))
        text_add(&news->text, line, length);
    else
        text_add_escaped(&news->text, line, length, NULL);
    text_add(&news->text, "\n", 1);
}

static void take_bytes(struct watched *log, struct news *news, const char *bytes, size_t length)
{
    const char *end;

    while ((end = memchr(bytes, '\n', length)) != NULL) {
        size_t line = (size_t)(end - bytes);

        text_add(&log->part, bytes, line);
        if (!log->part.failed)
            add_line(news, log->part.data, log->part.length);
        text_clear(&log->part);
        bytes += line + 1;
        length -= line + 1;
    }
    text_add(&log->part, bytes, length);
}

static void read_log(struct watched *log, struct news *news)
{
    char *bytes = malloc(READ_SIZE);
    ssize_t got;

    while (bytes != NULL && log->fd >= 0 && (got = read(log->fd, bytes, READ_SIZE)) > 0)
        take_bytes(log, news, bytes, (size_t)got);
    free(bytes);
}

/* The file under the name is another one than the open one, or the first. */
static bool is_new_file(const struct watched *log)
{
    struct stat named;
    struct stat opened;

    if (stat(log->path, &named) != 0)
        return false;
    return log->fd < 0 || fstat(log->fd, &opened) != 0 || named.st_ino != opened.st_ino ||
           named.st_dev != opened.st_dev;
}

static void open_log(struct watched *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = open(log->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void look(void *arg)
{
    struct monitor *monitor = arg;
    struct news news = {0};
    char notes[4096];

    if (context_admit(monitor->context, NULL) != 0) { /* nothing more for one who was shown the door */
        shell_watch(monitor->context->session, -1, NULL, NULL);
        return;
    }
    while (read(monitor->notes, notes, sizeof(notes)) > 0)
        ; /* that something happened is all that counts */
    for (size_t i = 0; i < LOG_COUNT; i++) {
        read_log(&monitor->logs[i], &news);
        if (is_new_file(&monitor->logs[i])) {
            open_log(&monitor->logs[i]);
            read_log(&monitor->logs[i], &news);
        }
    }
    if (news.left_out > 0)
        text_format(&news.text, "%u lines more: show logging application\n", news.left_out);
    if (news.text.length > 0 && !news.text.failed)
        shell_notice(monitor->context->session, news.text.data);
    text_free(&news.text);
}

void monitor_free(struct monitor *monitor)
{
    if (monitor == NULL)
        return;
    for (size_t i = 0; i < LOG_COUNT; i++) {
        if (monitor->logs[i].fd >= 0)
            close(monitor->logs[i].fd);
        text_free(&monitor->logs[i].part);
    }
    if (monitor->notes >= 0)
        close(monitor->notes);
    free(monitor);
}

static int watch_folder(struct monitor *monitor, const char *home, struct error *err)
{
    char folder[PATH_MAX];

    if (node_path(home, "log", folder, sizeof(folder), err) != 0)
        return -1;
    monitor->notes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (monitor->notes < 0 ||
        inotify_add_watch(monitor->notes, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return error_set_errno(err, errno, "cannot watch %.400s", folder);
    return 0;
}

static struct monitor *monitor_new(struct context *context, struct error *err)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));

    if (monitor == NULL)
        abort();
    monitor->context = context;
    monitor->notes = -1;
    for (size_t i = 0; i < LOG_COUNT; i++)
        monitor->logs[i].fd = -1;
    if (watch_folder(monitor, context->home, err) != 0)
        goto failed;
    for (size_t i = 0; i < LOG_COUNT; i++) {
        struct watched *log = &monitor->logs[i];

        if (node_path(context->home, log_files[i], log->path, sizeof(log->path), err) != 0)
            goto failed;
        open_log(log);
        if (log->fd >= 0)
            lseek(log->fd, 0, SEEK_END);
        else if (errno != ENOENT) {
            error_set_errno(err, errno, "cannot read %.400s", log->path);
            goto failed;
        }
    }
    return monitor;

failed:
    monitor_free(monitor);
    return NULL;
}

static int run_monitor(struct shell_call *call, struct error *err)
{
    struct shell_session *session = shell_call_session(call);
    struct context *context = context_of(call);

    if (context->monitor != NULL)
        return 0;
    if (!shell_watch(session, -1, NULL, NULL))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "there is no terminal to show log lines on; use: show logging application follow");
    context->monitor = monitor_new(context, err);
    if (context->monitor == NULL)
        return -1;
    shell_watch(session, context->monitor->notes, look, context->monitor);
    return 0;
}

static int run_no_monitor(struct shell_call *call, struct error *err)
{
    struct context *context = context_of(call);

    (void)err;
    shell_watch(shell_call_session(call), -1, NULL, NULL);
    monitor_free(context->monitor);
    context->monitor = NULL;
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "terminal monitor",
     .help = "Show new log lines in this session",
     .run = run_monitor,
     .manual = "Lines of the application's and the health monitor's log appear above the line being typed."},
    {.grammar = "terminal no", .help = "Turn a setting off"},
    {.grammar = "terminal no monitor", .help = "Show no log lines any more", .run = run_no_monitor},
};
const struct shell_branch monitor_branch = SHELL_BRANCH(commands);
