/* primed: the appliance itself. See --help. */
#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "daemon/backup.h"
#include "daemon/broker.h"
#include "daemon/descriptors.h"
#include "daemon/node.h"
#include "daemon/sandbox.h"
#include "daemon/ssh_start.h"
#include "daemon/ssh_voucher.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
    const char *home;
    const char *key_algorithm; /* --authorized-keys */
    bool foreground;
    bool prove;
};

static void print_help(void)
{
    printf(
        "usage: primed [--home <folder>] [--foreground]\n"
        "\n"
        "Runs one node of " PRODUCT_NAME
        ": the writer of its store, its HTTPS service and its health monitor.\n"
        "\n"
        "  --home <folder>  the node's home; default $PRIMESH_HOME, else " NODE_HOME_DEFAULT "\n"
        "  --foreground     stay in the foreground (as under systemd); otherwise return once it is up\n"
        "  --version        print the version\n"
        "\n"
        "For primesh, whether the node runs or not (docs/security.md):\n"
        "  --authorized-keys <algorithm> <key> [<address>]   see primesh --help\n"
        "  --prove-voucher  tell by the exit status if the voucher on standard input holds for the caller\n"
        "\n"
        "SIGTERM ends it, SIGHUP opens the log files anew. What it needs to know stands in "
        "<home>/node.conf.\n");
}

/* Returns -1 to go on, else the exit status. */
static int read_options(int argc, char **argv, struct options *out)
{
    static const struct option known[] = {{"home", required_argument, NULL, 'H'},
                                          {"foreground", no_argument, NULL, 'f'},
                                          {"authorized-keys", required_argument, NULL, 'K'},
                                          {"prove-voucher", no_argument, NULL, 'P'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;

    *out = (struct options){.home = node_home()};
    while ((option = getopt_long(argc, argv, "H:fVh", known, NULL)) != -1) {
        switch (option) {
        case 'H':
            out->home = optarg;
            break;
        case 'f':
            out->foreground = true;
            break;
        case 'K':
            out->key_algorithm = optarg;
            break;
        case 'P':
            out->prove = true;
            break;
        case 'V':
            printf("primed " PRODUCT_VERSION "\n");
            return 0;
        case 'h':
            print_help();
            return 0;
        default:
            fprintf(stderr, "primed: see primed --help\n");
            return 2;
        }
    }
    if (out->key_algorithm != NULL && (argc - optind == 1 || argc - optind == 2))
        return ssh_print_authorized_keys(out->home, out->key_algorithm, argv[optind], argv[optind + 1]);
    if (out->prove && optind == argc)
        return ssh_prove_voucher(out->home);
    if (optind == argc && out->key_algorithm == NULL)
        return -1;
    if (optind == argc) {
        fprintf(stderr, "primed: --authorized-keys takes an algorithm, a key and perhaps an address\n");
        return 2;
    }
    fprintf(stderr, "primed: \"%s\" is no option; see primed --help\n", argv[optind]);
    return 2;
}

static int complain(const struct error *err)
{
    fprintf(stderr, "primed: %s\n", err->message);
    if (err->hint[0] != '\0')
        fprintf(stderr, "primed: %s\n", err->hint);
    return 1;
}

static int write_pid(const char *home, struct error *err)
{
    char path[PATH_MAX];
    char text[32];
    int length = snprintf(text, sizeof(text), "%d\n", (int)getppid());

    if (node_path(home, "run/primed.pid", path, sizeof(path), err) != 0)
        return -1;
    return file_write(path, text, (size_t)length, 0644, err);
}

struct readiness {
    const char *home;
    int broker;
    int pipe; /* to whoever started the daemon; -1 in the foreground */
};

static void redirect_to_null(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup3(null, fd, 0); /* dup2(2) is not among the calls that the sandbox allows */
        close(null);
    }
}

static void tell_ready(void *arg)
{
    struct readiness *readiness = arg;
    struct error err = {0};

    if (write_pid(readiness->home, &err) != 0)
        complain(&err);
    broker_ready(readiness->broker);
    if (readiness->pipe >= 0) {
        redirect_to_null(STDERR_FILENO);
        close(readiness->pipe);
    }
}

/* The half that meets the outside. */
static int run_child(const struct options *options, const struct node_conf *conf, pid_t parent, int broker,
                     int ready_pipe)
{
    struct readiness readiness = {.home = options->home, .broker = broker, .pipe = ready_pipe};
    struct error err = {0};
    int result = -1;

    if (chdir(options->home) != 0)
        error_set_errno(&err, errno, "cannot enter the home %s", options->home);
    else if (sandbox_become(conf->user, options->home, &err) == 0 && sandbox_confine_writes(".", &err) == 0) {
        /* the way to the home may be closed to the user that primed runs as (a lab below /root) */
        if (access(options->home, R_OK | W_OK | X_OK) != 0)
            readiness.home = ".";
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* behind the change of user, which clears it */
        if (getppid() != parent)
            return 1; /* it was ended before this half could hear of it */
        result = node_run(readiness.home, conf, broker, tell_ready, &readiness, &err);
    }
    if (err.code == ERROR_NONE)
        return result;
    complain(&err);
    if (ready_pipe >= 0 && write(ready_pipe, "x", 1) < 0)
        return 1;
    return 1;
}

/* Works in a process that has become the owner of a part of the home: what lies there is not to be trusted by
 * root. 0, or -1 where it has complained. */
static int as_owner(const char *home, const char *part, int (*work)(const char *text, struct error *err),
                    const char *text)
{
    char path[PATH_MAX];
    struct error err = {0};
    struct stat info;
    int status;
    pid_t pid;

    if (node_path(home, part, path, sizeof(path), &err) != 0 || lstat(path, &info) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        if (chdir(home) != 0)
            error_set_errno(&err, errno, "cannot enter the home %s", home);
        else if (sandbox_become_owner(info.st_uid, info.st_gid, &err) == 0 && work(text, &err) == 0)
            _exit(0);
        _exit(complain(&err));
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0
                                                                                                       : -1;
}

static int finish_restore(const char *unused, struct error *err)
{
    (void)unused;
    return restore_finish(".", err);
}

/* Puts a restored node in its place before anything of the home is read. */
static int take_restored(const char *home, struct error *err)
{
    char path[PATH_MAX];
    struct stat info;

    if (node_path(home, RESTORE_READY, path, sizeof(path), err) != 0)
        return -1;
    if (lstat(path, &info) != 0 || as_owner(home, RESTORE_READY, finish_restore, NULL) == 0)
        return 0;
    return error_set(err, ERROR_INTERNAL, "cannot put the restored node in its place");
}

static int write_log(const char *text, struct error *err)
{
    struct log *log = log_open(NODE_APPLICATION_LOG, LOG_LEVEL_ERROR, err);

    log_write(log, LOG_LEVEL_ERROR, "%s", text);
    log_close(log);
    return log != NULL ? 0 : -1;
}

/* To standard error, and to the node's log: once primed is up its standard error may lead nowhere. */
static int complain_in_log(const char *home, const struct error *err)
{
    as_owner(home, "log", write_log, err->message);
    return complain(err);
}

/* Killed, or crashed: the half itself could say nothing. SIGTERM in the middle of its start was asked for. */
static void note_end(const char *home, int status)
{
    int number = status - BROKER_SIGNALED;
    struct error err = {0};

    if (number <= 0 || number == SIGTERM || number == SIGINT)
        return;
    error_set(&err, ERROR_INTERNAL, "primed's unprivileged half was ended by signal %d (%s): primed ends",
              number, strsignal(number));
    complain_in_log(home, &err);
}

static int run_once(const struct options *options, const struct node_conf *conf, int ready_pipe)
{
    pid_t parent = getpid();
    int pair[2];
    pid_t child;
    int status;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || (child = fork()) < 0) {
        perror("primed: cannot start its second half");
        return 1;
    }
    if (child == 0) {
        close(pair[0]);
        exit(run_child(options, conf, parent, pair[1], ready_pipe));
    }
    close(pair[1]);
    if (ready_pipe >= 0) {
        close(ready_pipe);
        redirect_to_null(STDERR_FILENO);
    }
    status = broker_serve(pair[0], child, options->home, conf);
    close(pair[0]);
    note_end(options->home, status);
    return status;
}

/* The other half can write node.conf: it gives the node no other user by that, and no port of the machine. */
static int read_conf_again(const char *home, struct node_conf *conf, struct error *err)
{
    struct node_conf next;

    if (node_conf_read(home, &next, err) != 0)
        return -1;
    if (!node_conf_may_take_port(conf, next.port))
        return error_set(err, ERROR_DENIED, "node.conf has port = %u now, which takes a start of primed",
                         next.port);
    memcpy(next.user, conf->user, sizeof(next.user));
    *conf = next;
    return 0;
}

/* The other half ends with NODE_AGAIN when a backup takes the node's place: then node.conf is another one,
 * and all begins again. */
static int run_halves(const struct options *options, struct node_conf *conf, int ready_pipe)
{
    struct error err = {0};
    int status = run_once(options, conf, ready_pipe);

    while (status == NODE_AGAIN) {
        if (take_restored(options->home, &err) != 0 || read_conf_again(options->home, conf, &err) != 0)
            return complain_in_log(options->home, &err);
        status = run_once(options, conf, -1);
    }
    return status;
}

/* Standard error stays until the node is up, so that its complaints reach whoever started it. */
static int run_daemon(const struct options *options, struct node_conf *conf)
{
    int ready[2];
    char byte;
    ssize_t got;
    pid_t pid;

    if (pipe2(ready, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        perror("primed: cannot become a daemon");
        return 1;
    }
    if (pid == 0) {
        close(ready[0]);
        setsid();
        redirect_to_null(STDIN_FILENO);
        redirect_to_null(STDOUT_FILENO);
        exit(run_halves(options, conf, ready[1]));
    }
    close(ready[1]);
    do
        got = read(ready[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    close(ready[0]);
    /* closed without a word: it is up, unless it died before it could say so */
    return got == 0 && waitpid(pid, NULL, WNOHANG) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options;
    struct node_conf conf;
    struct error err = {0};
    char home[PATH_MAX];
    int status;

    if (getenv(SSH_ASKPASS_ROLE) != NULL)
        return ssh_askpass();
    status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    umask(027);
    if (descriptors_raise(&err) != 0)
        return complain(&err);
    if (file_make_folder(options.home, 0750, &err) != 0)
        return complain(&err);
    if (realpath(options.home, home) == NULL) {
        error_set_errno(&err, errno, "cannot find the home %s", options.home);
        return complain(&err);
    }
    options.home = home;
    if (take_restored(home, &err) != 0 || node_conf_read(home, &conf, &err) != 0)
        return complain(&err);
    return options.foreground ? run_halves(&options, &conf, -1) : run_daemon(&options, &conf);
}
