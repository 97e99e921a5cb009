#include "lab/own.h"

#include "base/clock.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_LINE_MAX 16384 /* bytes of it that are looked at */
#define POLL_INTERVAL_MS 5
#define FOUND_STEP 64
#define SWEEPS_MAX 50 /* a process that starts another while it ends is met again */

/* The words of a command line. */
struct words {
    const char *at;
    const char *end;
};

static const char *next_word(struct words *words)
{
    const char *word = words->at;

    if (word >= words->end)
        return NULL;
    words->at += strlen(word) + 1;
    return word;
}

/* The word behind an option; NULL where the option is not there. */
static const char *option_value(struct words words, const char *option)
{
    const char *word;

    while ((word = next_word(&words)) != NULL) {
        if (strcmp(word, option) == 0)
            return next_word(&words);
    }
    return NULL;
}

static bool has_word(struct words words, const char *wanted)
{
    const char *word;

    while ((word = next_word(&words)) != NULL) {
        if (strcmp(word, wanted) == 0)
            return true;
    }
    return false;
}

/* Is it below the folder? With `whole`, or the folder itself. */
static bool lies_in(const char *path, const char *folder, bool whole)
{
    size_t length = strlen(folder);

    return path != NULL && strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || (whole && path[length] == '\0'));
}

/* The home as primed's starter typed it: where relative, its end must do (the pid was found in that home). */
static bool is_home(const char *typed, const struct lab *lab, const struct lab_server *server)
{
    char home[PATH_MAX];
    size_t length;
    size_t tail;

    if (typed == NULL || server == NULL)
        return lies_in(typed, lab->folder, false);
    lab_path(lab, server, "", home);
    length = strlen(home);
    tail = strlen(typed);
    if (typed[0] == '/' || tail >= length)
        return strcmp(typed, home) == 0;
    return home[length - tail - 1] == '/' && strcmp(home + length - tail, typed) == 0;
}

/* Of the sshd that listens: it writes its command line anew, as a single word, once it does. */
static enum lab_task sshd_task(const struct lab *lab, const struct lab_server *server, char *line,
                               size_t length)
{
    char folder[PATH_MAX + 16];

    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\0')
            line[i] = ' ';
    }
    snprintf(folder, sizeof(folder), " %s/ssh/%s%s", lab->folder, server != NULL ? server->name : "",
             server != NULL ? "/" : "");
    return strstr(line, folder) != NULL ? LAB_TASK_SSHD : LAB_TASK_NONE;
}

/* keepalived is told its files below the node's home, in words or inside of words. */
static bool names_home(struct words words, const struct lab *lab, const struct lab_server *server)
{
    char folder[PATH_MAX + 2];
    const char *word;

    snprintf(folder, sizeof(folder), "%s/%s%s", lab->folder, server != NULL ? server->name : "",
             server != NULL ? "/" : "");
    while ((word = next_word(&words)) != NULL) {
        if (strstr(word, folder) != NULL)
            return true;
    }
    return false;
}

/* Of the program; an sshd that listens writes a sentence there. */
static const char *base_name(const char *program)
{
    const char *slash = strncmp(program, "sshd:", 5) != 0 ? strrchr(program, '/') : NULL;

    return slash != NULL ? slash + 1 : program;
}

enum lab_task lab_task_of(const struct lab *lab, const struct lab_server *server, pid_t pid)
{
    char line[COMMAND_LINE_MAX];
    ssize_t got = process_read(pid, "cmdline", line, sizeof(line));
    struct words words = {line, line + got};
    const char *name;

    if (got <= 0)
        return LAB_TASK_NONE;
    name = base_name(line);
    if (strncmp(name, "sshd", 4) == 0)
        return sshd_task(lab, server, line, (size_t)got);
    if (strcmp(name, "primed") == 0 && is_home(option_value(words, "--home"), lab, server))
        return LAB_TASK_NODE;
    if (strcmp(name, "primesh") == 0 && is_home(option_value(words, "--home"), lab, server))
        return LAB_TASK_SHELL;
    if (strcmp(name, "keepalived") == 0 && names_home(words, lab, server))
        return LAB_TASK_ADDRESS;
    if (strcmp(name, "primelab") != 0 || !lies_in(option_value(words, "--folder"), lab->folder, true) ||
        (server != NULL && !has_word(words, server->name)))
        return LAB_TASK_NONE;
    if (has_word(words, "namespace"))
        return LAB_TASK_NAMESPACE;
    return has_word(words, "standin") ? LAB_TASK_STANDIN : LAB_TASK_NONE;
}

struct found {
    pid_t pid;
    enum lab_task task;
};

/* How many; they are in *out, which the caller frees. */
static size_t find_all(const struct lab *lab, const struct lab_server *server, struct found **out)
{
    DIR *all = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    *out = NULL;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        enum lab_task task = pid > 1 && pid != getpid() ? lab_task_of(lab, server, pid) : LAB_TASK_NONE;

        if (task == LAB_TASK_NONE)
            continue;
        if (count % FOUND_STEP == 0 && (*out = reallocarray(*out, count + FOUND_STEP, sizeof(**out))) == NULL)
            abort();
        (*out)[count++] = (struct found){pid, task};
    }
    if (all != NULL)
        closedir(all);
    return count;
}

int lab_each_process(const struct lab *lab, const struct lab_server *server, lab_found *found, void *arg)
{
    struct found *all;
    size_t count = find_all(lab, server, &all);
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++)
        result = found(arg, all[i].pid, all[i].task);
    free(all);
    return result;
}

int lab_sweep(const struct lab *lab, const struct lab_server *server, lab_found *end, void *arg,
              struct error *err)
{
    for (int i = 0; i < SWEEPS_MAX; i++) {
        struct found *all;
        size_t count = find_all(lab, server, &all);
        int ended = 0;
        int result = 0;

        for (size_t k = 0; k < count && result >= 0; k++) {
            result = end(arg, all[k].pid, all[k].task);
            ended += result > 0;
        }
        free(all);
        if (result < 0 || ended == 0)
            return result;
    }
    return error_set(err, ERROR_INTERNAL, "the lab in %s starts processes faster than they can be ended",
                     lab->folder);
}

void lab_each_home(void (*found)(void *arg, const char *home), void *arg)
{
    DIR *all = opendir("/proc");
    char line[COMMAND_LINE_MAX];
    struct dirent *entry;

    while (all != NULL && (entry = readdir(all)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        ssize_t got = pid > 1 ? process_read(pid, "cmdline", line, sizeof(line)) : 0;
        const char *home = got > 0 ? option_value((struct words){line, line + got}, "--home") : NULL;

        if (home != NULL && strcmp(base_name(line), "primed") == 0)
            found(arg, home);
    }
    if (all != NULL)
        closedir(all);
}

struct search {
    enum lab_task task;
    pid_t pid;
};

static int keep_if_wanted(void *arg, pid_t pid, enum lab_task task)
{
    struct search *search = arg;

    if (task != search->task)
        return 0;
    search->pid = pid;
    return 1;
}

pid_t lab_find_process(const struct lab *lab, const struct lab_server *server, enum lab_task task)
{
    struct search search = {.task = task};

    lab_each_process(lab, server, keep_if_wanted, &search);
    return search.pid;
}

/* `fd` is the process's: from here on its number cannot mean another one; before, it may have. */
static int send_signal(const struct lab *lab, int fd, pid_t pid, int number, struct error *err)
{
    if (lab_task_of(lab, NULL, pid) == LAB_TASK_NONE || pidfd_send_signal(fd, number, NULL, 0) == 0 ||
        errno == ESRCH)
        return 0;
    error_set(err, ERROR_DENIED, "cannot signal process %d of the lab: %s", (int)pid, strerror(errno));
    return error_hint(err, "run primelab as the user who brought the lab up");
}

/* -1 and 0 in *failed where the process is gone. */
static int open_process(pid_t pid, int *failed, struct error *err)
{
    int fd = pidfd_open(pid, 0);

    *failed =
        fd >= 0 || errno == ESRCH ? 0 : error_set_errno(err, errno, "cannot reach process %d", (int)pid);
    return fd;
}

int lab_signal(const struct lab *lab, pid_t pid, int number, struct error *err)
{
    int failed;
    int fd = open_process(pid, &failed, err);

    if (fd < 0)
        return failed;
    failed = send_signal(lab, fd, pid, number, err);
    close(fd);
    return failed;
}

/* Its command line is gone before its files are closed: only the kernel says when it has ended. */
static bool has_ended(int fd, int wait_ms)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};

    return poll(&end, 1, wait_ms) == 1;
}

int lab_end(const struct lab *lab, pid_t pid, int64_t limit_ms, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + limit_ms;
    int failed;
    int fd = open_process(pid, &failed, err);

    if (fd < 0)
        return failed;
    /* A frozen one must wake up to hear it. */
    failed = send_signal(lab, fd, pid, SIGTERM, err);
    if (failed == 0)
        failed = send_signal(lab, fd, pid, SIGCONT, err);
    while (failed == 0 && !has_ended(fd, POLL_INTERVAL_MS)) {
        if (clock_monotonic_ms() <= deadline)
            continue;
        if (lab_task_of(lab, NULL, pid) == LAB_TASK_NONE)
            break; /* none of the lab's: the number was given to another before it was opened */
        failed = send_signal(lab, fd, pid, SIGKILL, err);
    }
    close(fd);
    waitpid(pid, NULL, WNOHANG); /* where it was ours */
    return failed;
}

bool lab_is_frozen(pid_t pid)
{
    char text[1024];
    const char *at;

    if (process_read(pid, "stat", text, sizeof(text)) <= 0)
        return false;
    at = strrchr(text, ')');
    return at != NULL && at[1] == ' ' && at[2] == 'T';
}
