#include "shell/editor_private.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY_FILE_MOST (8U << 20) /* bytes read: 1,000 of the longest lines, twice over */
#define HISTORY_FILE_SLACK 64        /* lines the file may have too many before it is written anew */

static bool is_keepable(const char *line, size_t length)
{
    return length > 0 && length <= EDITOR_LINE_MOST && text_is_printable(line, length);
}

/* In memory only. False: a repetition, or no memory. */
static bool keep(struct editor_history *history, const char *line, size_t length)
{
    char *copy;

    if (history->count > 0) {
        const char *last = history->lines[history->count - 1];

        if (strlen(last) == length && memcmp(last, line, length) == 0)
            return false;
    }
    if (history->count == history->capacity && history->capacity < EDITOR_HISTORY_MOST) {
        size_t capacity = history->capacity > 0 ? history->capacity * 2 : 32;
        char **lines;

        capacity = capacity < EDITOR_HISTORY_MOST ? capacity : EDITOR_HISTORY_MOST;
        lines = reallocarray(history->lines, capacity, sizeof(*lines));
        if (lines == NULL)
            return false;
        history->lines = lines;
        history->capacity = capacity;
    }
    copy = strndup(line, length);
    if (copy == NULL)
        return false;
    if (history->count == EDITOR_HISTORY_MOST) {
        free(history->lines[0]);
        history->count--;
        memmove(history->lines, history->lines + 1, history->count * sizeof(*history->lines));
    }
    history->lines[history->count++] = copy;
    return true;
}

/* The file, or its last HISTORY_FILE_MOST bytes. */
static bool read_all(int fd, struct text *out)
{
    struct stat facts;
    char block[4096];
    ssize_t got;

    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
        return false;
    if (facts.st_size > HISTORY_FILE_MOST && lseek(fd, facts.st_size - HISTORY_FILE_MOST, SEEK_SET) < 0)
        return false;
    while ((got = read(fd, block, sizeof(block))) > 0 && out->length <= HISTORY_FILE_MOST)
        text_add(out, block, (size_t)got);
    return got >= 0 && !out->failed;
}

/* Only a file of one's own: others may put theirs into the folder, with lines that one would repeat. */
static int open_file(const char *file, int flags)
{
    int fd = open(file, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    struct stat facts;

    if (fd < 0 || (fstat(fd, &facts) == 0 && facts.st_uid == geteuid()))
        return fd;
    close(fd);
    return -1;
}

/*
 * Writes the last lines of the file anew. Under its lock, so that no session's line is lost; where somebody
 * else holds the lock, the next session will do it.
 */
static void trim_file(struct editor_history *history)
{
    struct text all = {0};
    size_t lines = 0;
    const char *start;
    int fd = open_file(history->file, O_RDONLY);

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && read_all(fd, &all) && all.length > 0) {
        start = all.data + all.length - (all.data[all.length - 1] == '\n');
        while (start != NULL && lines < EDITOR_HISTORY_MOST) {
            start = memrchr(all.data, '\n', (size_t)(start - all.data));
            lines++;
        }
        start = start != NULL ? start + 1 : all.data;
        if (start > all.data &&
            file_write(history->file, start, all.length - (size_t)(start - all.data), 0600, NULL) == 0)
            history->in_file = EDITOR_HISTORY_MOST;
    }
    close(fd);
    text_free(&all);
}

void editor_history_open(struct editor_history *history, const char *file)
{
    struct text all = {0};
    const char *at, *end;
    int fd;

    if (file == NULL)
        return;
    history->file = strdup(file);
    fd = open_file(file, O_RDONLY);
    if (fd < 0)
        return;
    if (read_all(fd, &all)) {
        at = all.data;
        for (size_t left = all.length; left > 0; left -= (size_t)(end - at) + 1, at = end + 1) {
            end = memchr(at, '\n', left);
            if (end == NULL)
                break;
            history->in_file++;
            if (is_keepable(at, (size_t)(end - at)))
                keep(history, at, (size_t)(end - at));
        }
    }
    close(fd);
    text_free(&all);
}

/* Opens the file for a line more, and takes its lock. A trim by another session may have replaced it. */
static int open_to_append(const char *file)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        struct stat opened, named;
        int fd = open_file(file, O_WRONLY | O_APPEND | O_CREAT);

        if (fd < 0)
            return -1;
        (void)flock(fd, LOCK_EX | LOCK_NB); /* without it the line may miss a trim: no reason to wait */
        if (fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) && lstat(file, &named) == 0 &&
            opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)
            return fd;
        close(fd);
    }
    return -1;
}

void editor_history_add(struct editor_history *history, const char *line)
{
    size_t length = strlen(line);
    struct text out = {0};
    int fd;

    if (!is_keepable(line, length) || !keep(history, line, length) || history->file == NULL)
        return;
    fd = open_to_append(history->file);
    if (fd < 0)
        return;
    text_add(&out, line, length);
    text_add(&out, "\n", 1);
    if (!out.failed &&
        write(fd, out.data, out.length) == (ssize_t)out.length) /* one write: O_APPEND keeps it whole */
        history->in_file++;
    close(fd);
    text_free(&out);
    if (history->in_file > EDITOR_HISTORY_MOST + HISTORY_FILE_SLACK)
        trim_file(history);
}

void editor_history_close(struct editor_history *history)
{
    if (history->file != NULL && history->in_file > EDITOR_HISTORY_MOST)
        trim_file(history);
    for (size_t i = 0; i < history->count; i++)
        free(history->lines[i]);
    free(history->lines);
    free(history->file);
    *history = (struct editor_history){0};
}
