#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MOST 64  /* processes above one another */
#define START_FIELD 22 /* of /proc/<pid>/stat */
#define NAME_END 3     /* the field behind the name */

ssize_t process_read(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    got = read(fd, out, size - 1);
    close(fd);
    out[got > 0 ? got : 0] = '\0';
    return got;
}

bool process_find(pid_t pid, struct process *out, pid_t *parent)
{
    char text[1024];
    char *at;

    if (pid <= 0 || process_read(pid, "stat", text, sizeof(text)) <= 0)
        return false;
    /* The name stands in brackets and may hold anything, brackets too: what comes last counts. */
    at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return false;
    at += 2;
    for (int field = NAME_END; field < START_FIELD; field++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return false;
        at++;
        if (field == NAME_END && parent != NULL)
            *parent = (pid_t)strtol(at, NULL, 10);
    }
    *out = (struct process){.pid = pid, .start = strtoull(at, NULL, 10)};
    return true;
}

bool process_lives(const struct process *process)
{
    struct process now;

    return process_find(process->pid, &now, NULL) && now.start == process->start;
}

bool process_descends(pid_t pid, const struct process *ancestor)
{
    for (int i = 0; i < DEPTH_MOST && pid > 1; i++) {
        struct process process;
        pid_t parent;

        if (!process_find(pid, &process, &parent))
            return false;
        if (process.pid == ancestor->pid)
            return process.start == ancestor->start;
        pid = parent;
    }
    return false;
}

static bool is_sshd(pid_t pid)
{
    char text[1024];
    const char *user;

    if (process_read(pid, "status", text, sizeof(text)) <= 0)
        return false;
    if (strncmp(text, "Name:\tsshd\n", 11) != 0 && strncmp(text, "Name:\tsshd-session\n", 19) != 0)
        return false;
    user = strstr(text, "\nUid:\t");
    return user != NULL && strtol(user + 6, NULL, 10) == 0;
}

bool process_under_sshd(pid_t pid)
{
    struct process process;

    for (int i = 0; i < DEPTH_MOST && pid > 1; i++) {
        if (!process_find(pid, &process, &pid))
            return false;
        if (pid > 1 && is_sshd(pid))
            return true;
    }
    return false;
}
