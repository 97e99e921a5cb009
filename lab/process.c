#include "lab/process.h"

#include "base/file.h"
#include "identity/identity.h"
#include "lab/namespace.h"
#include "lab/own.h"
#include "lab/ssh.h"
#include "lab/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* node.conf is written once: what somebody changed in it stays. */
static int write_node_conf(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    char path[PATH_MAX];
    char text[2048];
    char address[LAB_ADDRESS_MAX];
    const char *user = lab_user();
    bool has_local = strcmp(lab->network, LAB_NETWORK) == 0 || lab->namespaces; /* 127.0.0.1, for itself */
    const char *local = server->listens_local && has_local ? ", 127.0.0.1" : "";
    int length;

    lab_path(lab, server, "node.conf", path);
    if (access(path, F_OK) == 0)
        return 0;
    lab_address(lab, server, address);
    length = snprintf(text, sizeof(text),
                      "# a node of the lab\nhostname = %s\nlisten = %s%s\nsubject = %s\n%s%s%s", server->dns,
                      address, local, server->subject, user != NULL ? "user = " : "",
                      user != NULL ? user : "", user != NULL ? "\n" : "");
    return file_write(path, text, (size_t)length, 0644, err);
}

/* In a child that becomes the server. */
static void enter_or_exit(const struct lab *lab, const struct lab_server *server)
{
    struct error err = {0};

    if (lab_namespace_enter(lab, server, &err) == 0)
        return;
    fprintf(stderr, "primelab: %s\n", err.message);
    _exit(126);
}

static int start_node(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    char home[PATH_MAX];
    char program[PATH_MAX];
    int status = 0;
    pid_t pid;

    if (write_node_conf(lab, server, err) != 0)
        return -1;
    lab_path(lab, server, "", home);
    if (snprintf(program, sizeof(program), "%s/primed", lab->programs) >= (int)sizeof(program))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path of primed is too long");
    pid = fork();
    if (pid == 0) {
        enter_or_exit(lab, server);
        execl(program, "primed", "--home", home, (char *)NULL);
        fprintf(stderr, "primelab: cannot run %s: %s\n", program, strerror(errno));
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return error_set_errno(err, errno, "cannot start %s", server->name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(err, ERROR_INTERNAL, "%s did not start", server->name);
}

static void become_daemon(const struct lab *lab, const struct lab_server *server)
{
    char path[PATH_MAX];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log;

    setsid();
    lab_path(lab, server, "standin.log", path);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(null, STDIN_FILENO);
    dup2(log >= 0 ? log : null, STDOUT_FILENO);
}

/* A program of its own, so that its command line says what it is. */
static void run_standin(const struct lab *lab, const struct lab_server *server, int ready)
{
    char program[PATH_MAX + 16];

    become_daemon(lab, server);
    enter_or_exit(lab, server);
    snprintf(program, sizeof(program), "%s/primelab", lab->programs);
    if (dup2(ready, STANDIN_READY_FD) == STANDIN_READY_FD)
        execl(program, "primelab", "--folder", lab->folder, "standin", server->name, (char *)NULL);
    fprintf(stderr, "primelab: cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

static int start_standin(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    int ready[2];
    char byte;
    ssize_t got;
    pid_t pid;

    if (pipe2(ready, O_CLOEXEC) != 0 || (pid = fork()) < 0)
        return error_set_errno(err, errno, "cannot start %s", server->name);
    if (pid == 0)
        run_standin(lab, server, ready[1]);
    close(ready[1]);
    do
        got = read(ready[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    close(ready[0]);
    if (waitpid(pid, NULL, WNOHANG) == 0 && lab_pid(lab, server) == pid)
        return 0;
    return error_set(err, ERROR_INTERNAL, "%s did not start", server->name);
}

int lab_start(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    char folder[PATH_MAX];

    lab_path(lab, server, "", folder);
    if (file_make_folder(folder, 0755, err) != 0)
        return -1;
    return server->kind == LAB_NODE ? start_node(lab, server, err) : start_standin(lab, server, err);
}

/* One half of a frozen node cannot end while the other does not hear it. */
static int wake(void *arg, pid_t pid, enum lab_task task)
{
    (void)task;
    lab_signal(arg, pid, SIGCONT, NULL);
    return 0;
}

int lab_stop(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    pid_t pid = lab_pid(lab, server);

    if (pid != 0)
        lab_each_process(lab, server, wake, (void *)(uintptr_t)lab);
    return pid != 0 ? lab_end(lab, pid, LAB_STOP_MS, err) : 0;
}

struct stray {
    const struct lab *lab;
    const struct lab_server *server;
    struct error *err;
};

static int end_stray(void *arg, pid_t pid, enum lab_task task)
{
    const struct stray *stray = arg;
    bool is_known = task == LAB_TASK_SSHD ? lab_ssh_pid(stray->lab, stray->server) != 0
                                          : lab_pid(stray->lab, stray->server) != 0;

    if (is_known || (task != LAB_TASK_NODE && task != LAB_TASK_STANDIN && task != LAB_TASK_SSHD))
        return 0;
    return lab_end(stray->lab, pid, LAB_STOP_MS, stray->err) == 0 ? 1 : -1;
}

int lab_end_strays(const struct lab *lab, struct error *err)
{
    for (size_t i = 0; i < lab_server_count; i++) {
        struct stray stray = {lab, &lab_servers[i], err};

        if (lab_sweep(lab, &lab_servers[i], end_stray, &stray, err) != 0)
            return -1;
    }
    return 0;
}

int lab_shell(const struct lab *lab, const struct lab_server *server, const char *command)
{
    char home[PATH_MAX];
    char program[PATH_MAX];
    int status;
    pid_t pid;

    lab_path(lab, server, "", home);
    if (snprintf(program, sizeof(program), "%s/primesh", lab->programs) >= (int)sizeof(program))
        return 1;
    pid = command != NULL ? fork() : 0;
    if (pid == 0) {
        lab_namespace_enter(lab, server, NULL); /* whoever may not can use the shell all the same */
        if (command != NULL)
            execl(program, "primesh", "--home", home, "-c", command, (char *)NULL);
        else
            execl(program, "primesh", "--home", home, (char *)NULL);
        fprintf(stderr, "primelab: cannot run %s: %s\n", program, strerror(errno));
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The new files belong to whom the server runs as. */
static void hand_over(const char *folder)
{
    static const char *const files[] = {"server.pem", "server.key", "server.crt"};
    const char *user = lab_user();
    const struct passwd *account = user != NULL ? getpwnam(user) : NULL;
    char path[PATH_MAX];

    if (account == NULL)
        return;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (snprintf(path, sizeof(path), "%s/%s", folder, files[i]) < (int)sizeof(path) &&
            lchown(path, account->pw_uid, account->pw_gid) != 0 && errno != ENOENT)
            fprintf(stderr, "primelab: cannot give %s to %s: %s\n", path, user, strerror(errno));
    }
}

int lab_complain_stopped(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    error_set(err, ERROR_UNREACHABLE, "%s does not run", server->name);
    if (server->on_demand)
        return error_hint(err, "start it with: primelab%s start %s", lab->option, server->name);
    return error_hint(err, "start the lab with: primelab%s up", lab->option);
}

int lab_check_awake(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    pid_t pid = lab_pid(lab, server);

    if (pid == 0)
        return lab_complain_stopped(lab, server, err);
    if (!lab_is_frozen(pid))
        return 0;
    error_set(err, ERROR_TIMEOUT, "%s hangs", server->name);
    return error_hint(err, "let it go on with: primelab heal %s%s", server->name, lab->option);
}

/* With the key that the server has. */
static struct identity *renew_certificate(const char *folder, struct error *err)
{
    struct identity *old = identity_load(folder, err);
    struct identity *renewed = NULL;
    GENERAL_NAMES *names;

    if (old == NULL)
        return NULL;
    names = X509_get_ext_d2i(old->certificate, NID_subject_alt_name, NULL, NULL);
    EVP_PKEY_up_ref(old->key);
    renewed =
        identity_self_signed(old->key, X509_get_subject_name(old->certificate), names, IDENTITY_DAYS, err);
    GENERAL_NAMES_free(names);
    identity_free(old);
    return renewed;
}

int lab_new_identity(const struct lab *lab, const struct lab_server *server, bool keep_key, struct error *err)
{
    char folder[PATH_MAX];
    char names[2][300];
    const char *list[] = {names[0], names[1]};
    const struct identity_spec spec = {.subject = server->subject, .names = list, .name_count = 2};
    struct identity *identity;
    char address[LAB_ADDRESS_MAX];
    int failed;

    snprintf(names[0], sizeof(names[0]), "DNS:%s", server->dns);
    lab_address(lab, server, address);
    snprintf(names[1], sizeof(names[1]), "IP:%s", address);
    lab_identity_folder(lab, server, folder);
    identity = keep_key ? renew_certificate(folder, err) : identity_generate(&spec, err);
    if (identity == NULL)
        return -1;
    failed = identity_save(identity, folder, err);
    identity_free(identity);
    if (failed == 0)
        hand_over(folder);
    return failed;
}

int lab_renew(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    if (lab_check_awake(lab, server, err) != 0 || lab_new_identity(lab, server, false, err) != 0)
        return -1;
    if (server->kind == LAB_NODE)
        return lab_shell(lab, server, "ncs restart") == 0
                   ? 0
                   : error_set(err, ERROR_INTERNAL, "%s has new files, but its services did not restart",
                               server->name);
    return lab_stop(lab, server, err) == 0 ? lab_start(lab, server, err) : -1;
}
