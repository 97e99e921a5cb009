/* The process of a node's private sshd. */
#include "lab/ssh.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "lab/namespace.h"
#include "lab/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <shadow.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_MS 10000
#define STOP_LIMIT_MS 3000
#define POLL_INTERVAL_MS 10
#define PRIVILEGE_FOLDER "/run/sshd" /* where an sshd of root locks up the half that meets the outside */

#define LISTENED "listened" /* below the node's folder in ssh/: its sshd did, once */

static const char *find_sshd(void)
{
    static const char *const places[] = {"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], X_OK) == 0)
            return places[i];
    }
    return NULL;
}

pid_t lab_ssh_pid(const struct lab *lab, const struct lab_server *server)
{
    char path[PATH_MAX];
    char *data;
    size_t length;
    pid_t pid;

    lab_ssh_path(lab, server, "sshd.pid", path);
    if (server->kind != LAB_NODE || file_read(path, 64, &data, &length, NULL) != 0)
        return 0;
    pid = (pid_t)strtol(data, NULL, 10);
    free(data);
    return pid > 1 && lab_task_of(lab, server, pid) == LAB_TASK_SSHD ? pid : 0;
}

bool lab_ssh_is_missing(const struct lab *lab, const struct lab_server *server)
{
    char path[PATH_MAX];

    lab_ssh_path(lab, server, LISTENED, path);
    return server->kind == LAB_NODE && access(path, F_OK) == 0 && lab_ssh_pid(lab, server) == 0;
}

/* sshd runs the forced command through the account's shell. */
static bool has_shell(const struct passwd *account)
{
    const char *shell = account->pw_shell[0] != '\0' ? account->pw_shell : "/bin/sh";
    const char *name = strrchr(shell, '/');

    return name != NULL && access(shell, X_OK) == 0 && strcmp(name, "/nologin") != 0 &&
           strcmp(name, "/false") != 0;
}

int lab_ssh_check(struct error *err)
{
    const struct passwd *account = getpwuid(geteuid());
    const struct spwd *shadow = account != NULL && geteuid() == 0 ? getspnam(account->pw_name) : NULL;

    if (find_sshd() == NULL)
        return error_set(err, ERROR_NOT_FOUND, "sshd is not installed");
    if (account == NULL || !has_shell(account))
        return error_set(err, ERROR_DENIED, "the user who runs the lab has no login shell");
    if (shadow != NULL && shadow->sp_pwdp[0] == '!')
        return error_set(err, ERROR_DENIED, "the account %s is locked, and sshd lets nobody into such a one",
                         account->pw_name);
    if (geteuid() == 0 && mkdir(PRIVILEGE_FOLDER, 0755) != 0 && errno != EEXIST)
        return error_set_errno(err, errno, "sshd needs " PRIVILEGE_FOLDER ", which cannot be made");
    return 0;
}

static void run_sshd(const struct lab *lab, const struct lab_server *server, const char *program,
                     const char *config, const char *log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (lab_namespace_enter(lab, server, NULL) != 0)
        _exit(126);
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execl(program, program, "-D", "-f", config, "-E", log, (char *)NULL);
    _exit(127);
}

int lab_ssh_start(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + START_LIMIT_MS;
    const char *program = find_sshd();
    char config[PATH_MAX];
    char log[PATH_MAX];
    pid_t pid;

    if (lab_ssh_check(err) != 0)
        return -1;
    lab_ssh_path(lab, server, "sshd.pid", config);
    unlink(config);
    lab_ssh_path(lab, server, "sshd_config", config);
    lab_ssh_path(lab, server, "sshd.log", log);
    pid = fork();
    if (pid < 0)
        return error_set_errno(err, errno, "cannot start sshd");
    if (pid == 0)
        run_sshd(lab, server, program, config, log);
    /* It writes its number once it listens. */
    while (lab_ssh_pid(lab, server) != pid) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return error_set(err, ERROR_INTERNAL, "the sshd of %s did not start: see %s", server->name, log);
        if (clock_monotonic_ms() > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            return error_set(err, ERROR_TIMEOUT, "the sshd of %s did not listen within %d s: see %s",
                             server->name, START_LIMIT_MS / 1000, log);
        }
        poll(NULL, 0, POLL_INTERVAL_MS);
    }
    lab_ssh_path(lab, server, LISTENED, config);
    return file_write(config, "", 0, 0600, err);
}

/* The sessions outlive the process that listens: each has an sshd of its own. */
static void stop_sessions(pid_t listener)
{
    char path[64];
    char children[65536];
    char *at = children;

    snprintf(path, sizeof(path), "task/%d/children", (int)listener);
    if (process_read(listener, path, children, sizeof(children)) <= 0)
        return;
    while (*at != '\0') {
        pid_t child = (pid_t)strtol(at, &at, 10);

        if (child > 1)
            kill(child, SIGTERM);
        at += strspn(at, " \n");
    }
}

int lab_ssh_stop(const struct lab *lab, pid_t listener, struct error *err)
{
    stop_sessions(listener);
    return lab_end(lab, listener, STOP_LIMIT_MS, err);
}
