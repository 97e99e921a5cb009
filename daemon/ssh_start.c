#include "daemon/ssh_start.h"

#include "base/file.h"
#include "base/program.h"
#include "base/text.h"
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSH_PROGRAM "/usr/bin/ssh"
#define SSH_FILES_MAX 64                 /* descriptors */
#define SSH_FILE_BYTES_MAX (1024 * 1024) /* of known_hosts, the only file it writes */
#define SSH_CPU_S (6 * 3600)             /* of a very long copy */
#define PASSWORD_LINE_MAX 1024

bool ssh_values_are_plain(const struct broker_ssh *what)
{
    char canonical[HOST_TEXT_MAX];
    enum host_kind kind;

    if (memchr(what->host, '\0', sizeof(what->host)) == NULL ||
        memchr(what->user, '\0', sizeof(what->user)) == NULL || what->port == 0)
        return false;
    if (host_parse(what->host, &kind, canonical, NULL) != 0 || strcmp(canonical, what->host) != 0)
        return false;
    return what->user[0] != '\0' && what->user[0] != '-' && strpbrk(what->user, " %\\\"'") == NULL &&
           text_is_printable(what->user, strlen(what->user));
}

static void become_user(const struct passwd *account)
{
    if (geteuid() != 0) {
        if (sandbox_drop_capabilities(NULL) != 0)
            _exit(126);
        return;
    }
    if (account == NULL || setgroups(0, NULL) != 0 ||
        setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0 ||
        setresuid(account->pw_uid, account->pw_uid, account->pw_uid) != 0)
        _exit(126);
}

static void limit(int what, rlim_t most)
{
    const struct rlimit limits = {.rlim_cur = most, .rlim_max = most};

    setrlimit(what, &limits);
}

/* Between fork and exec: only what is safe there. */
static void prepare(const struct passwd *account, int channel, int side)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* above 2 first, so that neither overwrites the other */
    channel = fcntl(channel, F_DUPFD, 10);
    side = fcntl(side, F_DUPFD, 10);
    if (channel < 0 || side < 0 || dup2(channel, STDIN_FILENO) < 0 || dup2(channel, STDOUT_FILENO) < 0 ||
        dup2(side, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        _exit(126);
    become_user(account);
    setsid(); /* no terminal to ask at */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, SSH_FILES_MAX);
    limit(RLIMIT_FSIZE, SSH_FILE_BYTES_MAX);
    limit(RLIMIT_CPU, SSH_CPU_S);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* behind the change of user, which clears it */
    umask(077);
    /* known_hosts may have become a link by the hand of the other half */
    if (sandbox_confine_writes(".", NULL) != 0)
        _exit(126);
}

static void run_ssh(const struct broker_ssh *what, const char *askpass)
{
    const char *checking = !what->check_host_keys ? "StrictHostKeyChecking=no"
                           : what->known_only     ? "StrictHostKeyChecking=yes"
                                                  : "StrictHostKeyChecking=accept-new";
    const char *known =
        what->check_host_keys ? "UserKnownHostsFile=" SSH_KNOWN_HOSTS : "UserKnownHostsFile=/dev/null";
    char port[8];
    char timeout[32];
    const char *const arguments[] = {"ssh",      "-F",
                                     "none",     "-T",
                                     "-x",       "-a",
                                     "-p",       port,
                                     "-l",       what->user,
                                     "-o",       checking,
                                     "-o",       known,
                                     "-o",       "GlobalKnownHostsFile=none",
                                     "-o",       "UpdateHostKeys=no",
                                     "-o",       "HashKnownHosts=no",
                                     "-o",       "CheckHostIP=no",
                                     "-o",       "VisualHostKey=no",
                                     "-o",       "PreferredAuthentications=keyboard-interactive,password",
                                     "-o",       "PubkeyAuthentication=no",
                                     "-o",       "GSSAPIAuthentication=no",
                                     "-o",       "IdentityFile=none",
                                     "-o",       "IdentityAgent=none",
                                     "-o",       "NumberOfPasswordPrompts=1",
                                     "-o",       "ClearAllForwardings=yes",
                                     "-o",       "PermitLocalCommand=no",
                                     "-o",       "ProxyCommand=none",
                                     "-o",       "ControlPath=none",
                                     "-o",       "CanonicalizeHostname=no",
                                     "-o",       "EscapeChar=none",
                                     "-o",       "LogLevel=INFO",
                                     "-o",       timeout,
                                     "-o",       "ServerAliveInterval=10",
                                     "-o",       "ServerAliveCountMax=3",
                                     "-o",       "Compression=no",
                                     "-s",       "--",
                                     what->host, "sftp",
                                     NULL};
    const char *const environment[] = {
        "PATH=/usr/bin:/bin", "LC_ALL=C", askpass, "SSH_ASKPASS_REQUIRE=force", SSH_ASKPASS_ROLE "=1", NULL};

    snprintf(port, sizeof(port), "%u", what->port);
    snprintf(timeout, sizeof(timeout), "ConnectTimeout=%d", SSH_CONNECT_S);
    execve(SSH_PROGRAM, (char *const *)(uintptr_t)arguments, (char *const *)(uintptr_t)environment);
}

pid_t ssh_start(const char *home, const struct node_conf *conf, const struct broker_ssh *what, int channel,
                int side, struct error *err)
{
    const struct passwd *account = geteuid() == 0 ? getpwnam(conf->user) : NULL;
    char program[PATH_MAX];
    char askpass[PATH_MAX + 16];
    pid_t parent = getpid();
    pid_t pid;

    if (program_beside(SSH_ASKPASS, program, sizeof(program), err) != 0)
        return -1;
    snprintf(askpass, sizeof(askpass), "SSH_ASKPASS=%s", program);
    if (geteuid() == 0 && account == NULL)
        return error_set(err, ERROR_NOT_FOUND, "there is no user \"%s\"", conf->user);
    if (access(SSH_PROGRAM, X_OK) != 0) {
        error_set(err, ERROR_NOT_FOUND, "there is no " SSH_PROGRAM " on this machine");
        return error_hint(err, "sftp and scp go through OpenSSH's client: install openssh-client");
    }
    pid = fork();
    if (pid < 0)
        return error_set_errno(err, errno, "cannot start ssh");
    if (pid > 0)
        return pid;
    if (chdir(home) != 0)
        _exit(126);
    prepare(account, channel, side);
    if (getppid() != parent)
        _exit(126);
    run_ssh(what, askpass);
    _exit(127);
}

int ssh_askpass(void)
{
    char line[PASSWORD_LINE_MAX];
    size_t length = 0;
    bool answered;

    /* byte by byte: what comes behind the line is not for this question */
    while (length < sizeof(line) && read(STDERR_FILENO, line + length, 1) == 1 && line[length++] != '\n')
        ;
    answered = length > 0 && line[length - 1] == '\n' && file_write_all(STDOUT_FILENO, line, length) == 0;
    explicit_bzero(line, sizeof(line));
    return answered ? 0 : 1;
}
