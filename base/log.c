#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log {
    pthread_mutex_t lock;
    char *path; /* NULL: standard error */
    int fd;
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
    pthread_mutex_unlock(&log->lock);
}

/* The writes of one line are one system call, so that lines of several processes do not mix either. */
static void write_line(struct log *log, const struct text *line)
{
    ssize_t written;

    pthread_mutex_lock(&log->lock);
    do
        written = write(log->fd, line->data, line->length);
    while (written < 0 && errno == EINTR);
    pthread_mutex_unlock(&log->lock);
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    char when[CLOCK_TEXT_MAX];
    struct text line = {0};
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
    text_format(&line, "%s ", when);
    text_add_line(&line, plain, strlen(plain));
    text_add_string(&line, "\n");
    if (!line.failed)
        write_line(log, &line);
    text_free(&line);
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
