/* What the kernel says of other processes (proc(5)). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One process; with its start it is known for good, for numbers are used again. */
struct process {
    pid_t pid;
    uint64_t start; /* clock ticks since the machine's */
};

/* A file of /proc/<pid>/, its beginning, with a NUL behind it; the length, or -1 (then nothing is written).
 */
ssize_t process_read(pid_t pid, const char *name, char *out, size_t size);

/* The process of that number; false where there is none, or it is hidden. *parent may be NULL. */
bool process_find(pid_t pid, struct process *out, pid_t *parent);

/* True while that process is there: it, and not another one that got its number. */
bool process_lives(const struct process *process);

/* True if `pid` is `ancestor` or descends from it. */
bool process_descends(pid_t pid, const struct process *ancestor);

/* True if a process above `pid` is a server of SSH that runs as root: its name and real user say so. */
bool process_under_sshd(pid_t pid);
