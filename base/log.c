#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct log {
    pthread_mutex_t lock;
    char *path; /* NULL: standard error */
    int fd;
    bool torn; /* the file ends inside a line */
    unsigned long lost;
    int why;         /* errno of the last record that was lost */
    atomic_int most; /* enum log_level */
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
}

struct log *log_open(const char *path, enum log_level most, struct error *err)
{
    struct log *log = calloc(1, sizeof(*log));

    if (log == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    atomic_init(&log->most, (int)most);
    log->fd = STDERR_FILENO;
    if (strcmp(path, "-") != 0) {
        log->path = strdup(path);
        log->fd = log->path == NULL ? -1 : open_file(path);
    }
    if (log->fd < 0) {
        error_set_errno(err, errno, "cannot open the log %s", path);
        free(log->path);
        free(log);
        return NULL;
    }
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    if (log->path != NULL)
        close(log->fd);
    pthread_mutex_destroy(&log->lock);
    free(log->path);
    free(log);
}

void log_set_most(struct log *log, enum log_level most)
{
    if (log != NULL)
        atomic_store(&log->most, (int)most);
}

void log_reopen(struct log *log)
{
    int fd;

    if (log == NULL || log->path == NULL)
        return;
    fd = open_file(log->path);
    if (fd < 0)
        return;
    pthread_mutex_lock(&log->lock);
    close(log->fd);
    log->fd = fd;
    log->torn = false;
    pthread_mutex_unlock(&log->lock);
}

/* Cuts off what there is of a line, unless another process has written behind it. */
static bool take_back(int fd, size_t length)
{
    off_t end = lseek(fd, 0, SEEK_CUR);
    struct stat info;

    return end >= (off_t)length && fstat(fd, &info) == 0 && info.st_size == end &&
           ftruncate(fd, end - (off_t)length) == 0;
}

/* All of it, or nothing: half a line would run into the next one. One system call as a rule, so that lines of
 * several processes do not mix either. */
static bool append(struct log *log, const struct text *lines)
{
    size_t done = 0;

    while (done < lines->length) {
        ssize_t written = write(log->fd, lines->data + done, lines->length - done);

        if (written >= 0) {
            done += (size_t)written;
        } else if (errno != EINTR) {
            log->why = errno;
            log->torn = log->torn || (done > 0 && !take_back(log->fd, done));
            return false;
        }
    }
    log->torn = false;
    return true;
}

/* What must stand before the next line: the end of half a line, and what is missing. */
static void add_losses(const struct log *log, const char *when, struct text *out)
{
    if (log->torn)
        text_add_string(out, "\n");
    if (log->lost > 0)
        text_format(out, "%s %lu record%s lost: %s\n", when, log->lost, log->lost == 1 ? " was" : "s were",
                    strerror(log->why));
}

static void write_line(struct log *log, const char *when, const char *plain)
{
    struct text lines = {0};

    pthread_mutex_lock(&log->lock);
    add_losses(log, when, &lines);
    text_format(&lines, "%s ", when);
    text_add_line(&lines, plain, strlen(plain));
    text_add_string(&lines, "\n");
    if (lines.failed)
        log->why = ENOMEM;
    if (!lines.failed && append(log, &lines))
        log->lost = 0;
    else
        log->lost++;
    pthread_mutex_unlock(&log->lock);
    text_free(&lines);
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    char when[CLOCK_TEXT_MAX];
    va_list args;
    char *plain;

    if (log == NULL || (int)level > atomic_load(&log->most))
        return;
    va_start(args, format);
    if (vasprintf(&plain, format, args) < 0)
        plain = NULL;
    va_end(args);
    if (plain == NULL)
        return;
    clock_format_log(clock_wall_ms(), when);
    write_line(log, when, plain);
    free(plain);
}

int log_level_parse(const char *name, enum log_level *out, struct error *err)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" is no log level: error, warning, info, debug",
                     name);
}
