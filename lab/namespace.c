#include "lab/namespace.h"

#include "base/file.h"
#include "base/text.h"
#include "lab/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWITCH "switch"
#define READY_FD 3
#define HOLDER_STOP_MS 1000
#define IPV6_NETWORK "2001:db8:0:2" /* beside LAB_PRIVATE_NETWORK (RFC 3849) */

static const struct lab_server the_switch = {.name = SWITCH, .kind = LAB_STANDIN};

/* Whose namespace the server lives in. */
static const struct lab_server *namespace_of(const struct lab_server *server)
{
    return server->kind == LAB_NODE ? server : &the_switch;
}

static pid_t find_holder(const struct lab *lab, const struct lab_server *server)
{
    return lab_find_process(lab, namespace_of(server), LAB_TASK_NAMESPACE);
}

static int enter(pid_t holder, struct error *err)
{
    char path[64];
    int failed = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)holder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
        failed = error_set(err, ERROR_DENIED, "cannot enter a network of the lab: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return failed;
}

int lab_namespace_enter(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    pid_t holder;

    if (!lab->namespaces)
        return 0;
    holder = find_holder(lab, server);
    if (holder != 0)
        return enter(holder, err);
    error_set(err, ERROR_UNREACHABLE, "the network of %s is gone", server->name);
    return error_hint(err, "bring the lab up again with: primelab%s down, primelab%s up --netns", lab->option,
                      lab->option);
}

/* Has ip(8) do what the lines say, in that namespace. */
static int run_ip(pid_t holder, struct text *lines, struct error *err)
{
    int input[2];
    int status = 1;
    pid_t pid;

    if (lines->failed || pipe2(input, O_CLOEXEC) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot start ip(8)");
    pid = fork();
    if (pid == 0) {
        dup2(input[0], STDIN_FILENO);
        if (enter(holder, NULL) == 0)
            execlp("ip", "ip", "-batch", "-", (char *)NULL);
        _exit(errno == ENOENT ? 127 : 126);
    }
    /* The reading end stays open meanwhile: a child that is gone already must not break the pipe. A few
     * hundred bytes always fit in. */
    file_write_all(input[1], lines->data, lines->length);
    close(input[0]);
    close(input[1]);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        error_set(err, ERROR_NOT_FOUND,
                  "networks of a lab's own are made with ip(8), which is not installed");
        return error_hint(err, "apt-get install iproute2");
    }
    return error_set(err, ERROR_INTERNAL, "ip(8) did not make the lab's network");
}

static void hold(const struct lab *lab, const char *name, int ready)
{
    char program[PATH_MAX + 16];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    snprintf(program, sizeof(program), "%s/primelab", lab->programs);
    if (dup2(ready, READY_FD) == READY_FD)
        execl(program, "primelab", "--folder", lab->folder, "namespace", name, (char *)NULL);
    _exit(127);
}

int lab_namespace_hold(int ready)
{
    int null;

    if (unshare(CLONE_NEWNET) != 0) {
        perror("primelab: cannot make a network namespace");
        return 1;
    }
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDERR_FILENO);
    close(ready);
    for (;;)
        pause();
}

/* Starts the holder of a namespace where there is none; its process. */
static pid_t ensure_holder(const struct lab *lab, const struct lab_server *server, bool *made,
                           struct error *err)
{
    pid_t pid = find_holder(lab, server);
    int ready[2];
    char byte;

    *made = pid == 0;
    if (pid != 0)
        return pid;
    if (pipe2(ready, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        error_set_errno(err, errno, "cannot start what holds a network");
        return 0;
    }
    if (pid == 0) {
        close(ready[0]);
        hold(lab, server->name, ready[1]);
    }
    close(ready[1]);
    while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
        ;
    close(ready[0]);
    if (waitpid(pid, NULL, WNOHANG) == 0)
        return pid;
    error_set(err, ERROR_DENIED, "a network namespace is not to be had here");
    error_hint(err, "bring the lab up on loopback: primelab%s up", lab->option);
    return 0;
}

static void add_address(struct text *lines, const struct lab *lab, const struct lab_server *server,
                        const char *device)
{
    text_format(lines, "address add %s.%d/24 dev %s\n", lab->network, server->host, device);
    text_format(lines, "address add " IPV6_NETWORK "::%d/64 dev %s nodad\n", server->host, device);
}

static int make_switch(const struct lab *lab, pid_t holder, struct error *err)
{
    struct text lines = {0};
    int failed;

    text_add_string(&lines, "link set lo up\nlink add lab type bridge\nlink set lab up\n");
    for (size_t i = 0; i < lab_server_count; i++) {
        if (lab_servers[i].kind == LAB_STANDIN)
            add_address(&lines, lab, &lab_servers[i], "lab");
    }
    failed = run_ip(holder, &lines, err);
    text_free(&lines);
    return failed;
}

/* The cable's far end is named after the node. */
static int join_node(const struct lab *lab, const struct lab_server *server, pid_t holder,
                     pid_t switch_holder, struct error *err)
{
    struct text lines = {0};
    int failed;

    text_format(&lines, "link add %s type veth peer name eth0 netns %d\n", server->name, (int)holder);
    text_format(&lines, "link set %s master lab up\n", server->name);
    failed = run_ip(switch_holder, &lines, err);
    text_clear(&lines);
    text_add_string(&lines, "link set lo up\nlink set eth0 up\n");
    add_address(&lines, lab, server, "eth0");
    if (failed == 0)
        failed = run_ip(holder, &lines, err);
    text_free(&lines);
    return failed;
}

int lab_namespaces_make(const struct lab *lab, struct error *err)
{
    pid_t switch_holder;
    bool made;

    if (!lab->namespaces)
        return 0;
    if (geteuid() != 0) {
        error_set(err, ERROR_DENIED, "networks of the nodes' own take root");
        return error_hint(err, "bring the lab up on loopback, which everybody may: primelab%s up",
                          lab->option);
    }
    switch_holder = ensure_holder(lab, &the_switch, &made, err);
    if (switch_holder == 0 || (made && make_switch(lab, switch_holder, err) != 0))
        return -1;
    for (size_t i = 0; i < lab_server_count; i++) {
        pid_t holder;

        if (lab_servers[i].kind != LAB_NODE)
            continue;
        holder = ensure_holder(lab, &lab_servers[i], &made, err);
        if (holder == 0 || (made && join_node(lab, &lab_servers[i], holder, switch_holder, err) != 0))
            return -1;
    }
    return 0;
}

static int end_holder(void *arg, pid_t pid, enum lab_task task)
{
    if (task != LAB_TASK_NAMESPACE)
        return 0;
    return lab_end(arg, pid, HOLDER_STOP_MS, NULL) == 0 ? 1 : -1;
}

void lab_namespaces_end(const struct lab *lab)
{
    lab_sweep(lab, NULL, end_holder, (void *)(uintptr_t)lab, NULL);
}

bool lab_is_unplugged(const struct lab *lab, const struct lab_server *server)
{
    char path[PATH_MAX];

    lab_path(lab, server, "unplugged", path);
    return lab->namespaces && access(path, F_OK) == 0;
}

int lab_cable(const struct lab *lab, const struct lab_server *server, bool plugged, struct error *err)
{
    struct text lines = {0};
    char path[PATH_MAX];
    pid_t holder;
    int failed;

    if (!lab->namespaces) {
        error_set(err, ERROR_CONFLICT,
                  "the nodes of this lab share the machine's loopback, which has no cables");
        return error_hint(err,
                          "as root, a lab with cables: primelab --name cables up --netns; for everybody, a "
                          "node that hangs: primelab break %s%s",
                          server->name, lab->option);
    }
    holder = find_holder(lab, &the_switch);
    if (holder == 0)
        return error_set(err, ERROR_UNREACHABLE, "the lab's switch is gone");
    text_format(&lines, "link set %s %s\n", server->name, plugged ? "up" : "down");
    failed = run_ip(holder, &lines, err);
    text_free(&lines);
    if (failed != 0)
        return -1;
    lab_path(lab, server, "unplugged", path);
    if (!plugged)
        return file_write(path, "", 0, 0644, err);
    unlink(path);
    return 0;
}
