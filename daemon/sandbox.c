#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The user in node.conf is that of the home: whoever can write the file cannot choose another one. */
static int refuse_home(const char *home, const struct stat *info, struct error *err)
{
    error_set(err, ERROR_DENIED, "the home %s belongs to the user number %u, not to the user of node.conf",
              home, (unsigned)info->st_uid);
    return error_hint(err, "if primed is to run as another user from now on: chown -R <user> %s", home);
}

/* A file in the folder of histories: it is of the user whose shell writes it, root or not. */
static bool is_history(const FTSENT *entry)
{
    return entry->fts_level == 2 && strcmp(entry->fts_parent->fts_name, "history") == 0;
}

/*
 * Gives the home to the user, and in it what belongs to root or to the home's owner so far, but for the
 * histories. Links are not followed. The walk goes with fts's own changes of
 * folder, which notice a folder that becomes a link under way: root must not be led out of the home.
 */
static int hand_over(const char *home, uid_t uid, gid_t gid, struct error *err)
{
    char *paths[] = {(char *)(uintptr_t)home, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_XDEV, NULL);
    struct stat before;
    FTSENT *entry;
    int result = 0;

    if (walk == NULL || lstat(home, &before) != 0) {
        error_set_errno(err, errno, "cannot read the folder %s", home);
        if (walk != NULL)
            fts_close(walk);
        return -1;
    }
    if (before.st_uid != 0 && before.st_uid != uid)
        result = refuse_home(home, &before, err);
    while (result == 0 && (entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_DP || entry->fts_info == FTS_NS)
            continue;
        if (is_history(entry) || (entry->fts_statp->st_uid != 0 && entry->fts_statp->st_uid != before.st_uid))
            continue;
        if (lchown(entry->fts_accpath, uid, gid) != 0)
            result = error_set_errno(err, errno, "cannot give %s to the user that primed runs as",
                                     entry->fts_path);
    }
    fts_close(walk);
    return result;
}

int sandbox_drop_capabilities(struct error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    /* ambient capabilities go with the permitted ones (capabilities(7)) */
    if (syscall(SYS_capset, &header, none) != 0)
        return error_set_errno(err, errno, "cannot give up the capabilities");
    return 0;
}

int sandbox_become(const char *user, const char *home, struct error *err)
{
    const struct passwd *account;

    if (geteuid() != 0)
        return sandbox_drop_capabilities(err);
    account = getpwnam(user);
    if (account == NULL) {
        error_set(err, ERROR_NOT_FOUND, "there is no user \"%s\" for primed to run as", user);
        return error_hint(
            err, "make one (adduser --system --group %s), or name another in node.conf: user = <name>", user);
    }
    if (account->pw_uid == 0)
        return error_set(err, ERROR_DENIED, "primed does not run as root: node.conf has user = %s", user);
    if (hand_over(home, account->pw_uid, account->pw_gid, err) != 0)
        return -1;
    if (setgroups(0, NULL) != 0 || setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0 ||
        setresuid(account->pw_uid, account->pw_uid, account->pw_uid) != 0)
        return error_set_errno(err, errno, "cannot become the user %s", user);
    return 0;
}

int sandbox_become_owner(uid_t uid, gid_t gid, struct error *err)
{
    if (geteuid() != 0)
        return sandbox_drop_capabilities(err);
    if (uid == 0)
        return error_set(err, ERROR_DENIED, "primed does not run as root");
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return error_set_errno(err, errno, "cannot become the user %u", (unsigned)uid);
    return 0;
}

/* ---- what it may write ---- */

/* With REFER (the kernel's second version), files may move between folders of the home. */
#define LANDLOCK_VERSION_LEAST 2
#define WRITES                                                                                        \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |       \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

static int allow_writes(int rules, const char *path, uint64_t which)
{
    struct landlock_path_beneath_attr beneath = {.allowed_access = which};
    int failed;

    beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0)
        return -1;
    failed = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
    return failed;
}

int sandbox_confine_writes(const char *home, struct error *err)
{
    const struct landlock_ruleset_attr handled = {.handled_access_fs = WRITES};
    int failed;
    int rules;

    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) <
        LANDLOCK_VERSION_LEAST)
        return 0; /* no such kernel, or switched off: the unit's read-only system remains */
    rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (rules < 0)
        return error_set_errno(err, errno, "cannot confine writing to the home");
    failed = allow_writes(rules, home, WRITES) != 0 ||
             allow_writes(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE) != 0 ||
             prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
             syscall(SYS_landlock_restrict_self, rules, 0) != 0;
    if (failed)
        error_set_errno(err, errno, "cannot confine writing to the home");
    close(rules);
    return failed ? -1 : 0;
}

/* ---- what it may ask of the kernel ---- */

/* By what the node does with them. */
static const int allowed_calls[] = {
    /* memory and threads */
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(msync),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(gettid),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrusage),
    SCMP_SYS(membarrier),
    SCMP_SYS(sysinfo),
    /* files: the store, keys, logs, repositories */
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(close),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(statfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getdents64),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(fchmod),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(flock),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(umask),
    SCMP_SYS(fcntl),
    SCMP_SYS(fadvise64),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    /* sockets and the event loop */
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(socketpair),
    SCMP_SYS(shutdown),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    /* time, signals, identity, randomness */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(getrandom),
    SCMP_SYS(tgkill),
    SCMP_SYS(kill),
    SCMP_SYS(pidfd_send_signal), /* to ssh, which the privileged half started for us */
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
};

#if defined(__SANITIZE_ADDRESS__)
/* The leak check at exit stops the process with ptrace(2) from a thread of its own. */
static const int checker_calls[] = {SCMP_SYS(ptrace), SCMP_SYS(getdents), SCMP_SYS(wait4), SCMP_SYS(prctl),
                                    SCMP_SYS(process_vm_readv)};
#else
static const int deadly_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(init_module),
    SCMP_SYS(bpf),
    SCMP_SYS(setuid),
    SCMP_SYS(mount),
    SCMP_SYS(pivot_root),
    SCMP_SYS(unshare),
};
#endif

/* The call's argument number `which` must be `value`. */
static struct scmp_arg_cmp equals(unsigned which, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = which, .op = SCMP_CMP_EQ, .datum_a = value};
}

/* Sockets of these families only: an exploited node has no raw packets and no netlink to play with. */
static int allow_sockets(scmp_filter_ctx filter)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, equals(0, (uint64_t)families[i])) !=
            0)
            return -1;
    }
    return 0;
}

/* The terminal's ioctl (isatty) and the socket's FIONBIO, FIONREAD are all that the libraries ask for. */
static int allow_ioctls(scmp_filter_ctx filter)
{
    static const scmp_datum_t requests[] = {0x5401 /* TCGETS */, 0x5421 /* FIONBIO */, 0x541b /* FIONREAD */};

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, equals(1, requests[i])) != 0)
            return -1;
    }
    return 0;
}

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int failed = seccomp_rule_add(filter, action, calls[i], 0);
        /* -EDOM: this architecture has no such call */
        if (failed != 0 && failed != -EDOM)
            return -1;
    }
    return 0;
}

int sandbox_enter(struct error *err)
{
    scmp_filter_ctx filter;
    int failed = 0;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set_errno(err, errno, "cannot give up the right to new privileges");
    filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    failed |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    failed |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    failed |=
        add_calls(filter, SCMP_ACT_ALLOW, allowed_calls, sizeof(allowed_calls) / sizeof(allowed_calls[0]));
    failed |= allow_sockets(filter) | allow_ioctls(filter);
    /* glibc sets names of threads and the parent-death signal; nothing else of prctl is needed */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, equals(0, PR_SET_NAME));
#if defined(__SANITIZE_ADDRESS__)
    failed |= prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    failed |=
        add_calls(filter, SCMP_ACT_ALLOW, checker_calls, sizeof(checker_calls) / sizeof(checker_calls[0]));
#else
    failed |= add_calls(filter, SCMP_ACT_KILL_PROCESS, deadly_calls,
                        sizeof(deadly_calls) / sizeof(deadly_calls[0]));
#endif
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    return failed == 0
               ? 0
               : error_set(err, ERROR_INTERNAL, "cannot set the system-call filter: %s", strerror(-failed));
}
