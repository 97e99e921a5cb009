#include "daemon/broker.h"

#include "daemon/keepalived.h"
#include "daemon/notify.h"
#include "daemon/ssh_start.h"
#include "net/https_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 2 /* that come along with a question */

enum broker_operation {
    BROKER_LISTEN = 1,
    BROKER_SSH,
    BROKER_ADDRESS_CHECK,
    BROKER_ADDRESS_START,
    BROKER_ADDRESS_SET,
    BROKER_ADDRESS_STOP,
    BROKER_ADDRESS_STATE,
    BROKER_READY
};

struct broker_question {
    uint32_t operation;
    uint32_t index;                 /* BROKER_LISTEN */
    struct broker_ssh ssh;          /* BROKER_SSH */
    struct virtual_address address; /* BROKER_ADDRESS_CHECK, _START */
    bool active;                    /* BROKER_ADDRESS_SET */
    uint64_t epoch;                 /* the same */
};

struct broker_answer {
    struct error error;                 /* code ERROR_NONE: done; a descriptor may come along */
    struct virtual_address_state state; /* BROKER_ADDRESS_STATE */
};

union descriptors {
    struct cmsghdr header;
    char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

/* ---- both halves: one message with its descriptors ---- */

static bool send_message(int socket, const void *bytes, size_t length, const int *fds, size_t count)
{
    union descriptors control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
    }
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)length;
}

/* fds: DESCRIPTORS_MAX places; those that did not come are -1. */
static bool receive_message(int socket, void *bytes, size_t length, int *fds)
{
    union descriptors control = {0};
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    const struct cmsghdr *header;
    ssize_t got;

    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    for (int i = 0; i < DESCRIPTORS_MAX; i++)
        fds[i] = -1;
    header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    return got == (ssize_t)length;
}

static void close_all(const int *fds)
{
    for (int i = 0; i < DESCRIPTORS_MAX; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

/* ---- the privileged half ---- */

/* A pidfd, by which the other half learns of its end and can end it. */
static int start_ssh(const char *home, const struct node_conf *conf, const struct broker_ssh *what,
                     const int *fds, struct error *err)
{
    pid_t pid;
    int fd;

    if (fds[0] < 0 || fds[1] < 0 || !ssh_values_are_plain(what))
        return error_set(err, ERROR_INVALID_ARGUMENT, "ssh cannot be started with such values");
    pid = ssh_start(home, conf, what, fds[0], fds[1], err);
    if (pid < 0)
        return -1;
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        return fd;
    error_set_errno(err, errno, "cannot watch ssh");
    kill(pid, SIGKILL);
    return -1;
}

/* What the privileged half holds while it serves. */
struct privileged {
    const char *home;
    const struct node_conf *conf;
    struct keepalived *keepalived;
};

/* About the virtual address. */
static void answer_address(struct privileged *self, const struct broker_question *question,
                           struct broker_answer *answer)
{
    switch (question->operation) {
    case BROKER_ADDRESS_CHECK:
        keepalived_check(self->conf, &question->address, &answer->error);
        break;
    case BROKER_ADDRESS_START:
        keepalived_start(self->keepalived, &question->address, &answer->error);
        break;
    case BROKER_ADDRESS_SET:
        keepalived_set(self->keepalived, question->active, question->epoch, &answer->error);
        break;
    case BROKER_ADDRESS_STOP:
        keepalived_stop(self->keepalived);
        break;
    case BROKER_ADDRESS_STATE:
        keepalived_state(self->keepalived, &answer->state);
        break;
    default:
        error_set(&answer->error, ERROR_DENIED, "the privileged part of primed does no such thing");
    }
}

/* One question of the child. False when the child closed its end or sent something else. */
static bool answer_question(int socket, struct privileged *self)
{
    struct broker_question question;
    struct broker_answer answer = {0};
    int fds[DESCRIPTORS_MAX];
    int fd = -1;

    if (!receive_message(socket, &question, sizeof(question), fds)) {
        close_all(fds);
        return false;
    }
    if (question.operation == BROKER_READY) {
        close_all(fds);
        notify_manager("READY=1");
        return true;
    }
    if (question.operation == BROKER_LISTEN && question.index < self->conf->listen_count)
        fd = https_listen(self->conf->listen[question.index], self->conf->port, &answer.error);
    else if (question.operation == BROKER_SSH)
        fd = start_ssh(self->home, self->conf, &question.ssh, fds, &answer.error);
    else
        answer_address(self, &question, &answer);
    close_all(fds);
    send_message(socket, &answer, sizeof(answer), &fd, fd >= 0);
    if (fd >= 0)
        close(fd);
    return true;
}

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? BROKER_SIGNALED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Takes leave of every process that ended; true, with its status, if the other half is among them. */
static bool reap(pid_t child, struct keepalived *keepalived, int *status)
{
    bool ended = false;
    int one;
    pid_t pid;

    while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
        if (pid == child) {
            *status = one;
            ended = true;
        } else {
            keepalived_ended(keepalived, pid);
        }
    }
    return ended || (pid < 0 && errno == ECHILD);
}

/* The signals that the loop below takes from a descriptor. */
static int take_signals(sigset_t *before)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, before);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

int broker_serve(int socket, pid_t child, const char *home, const struct node_conf *conf)
{
    struct pollfd watched[2] = {{.fd = socket, .events = POLLIN}, {.events = POLLIN}};
    struct privileged self = {.home = home, .conf = conf, .keepalived = keepalived_new(home, conf)};
    sigset_t before;
    int status = 0;

    watched[1].fd = take_signals(&before);
    while (!reap(child, self.keepalived, &status)) {
        struct signalfd_siginfo info;

        if (poll(watched, 2, keepalived_wait_ms(self.keepalived)) < 0)
            continue;
        keepalived_tick(self.keepalived);
        if (watched[0].revents != 0 && !answer_question(socket, &self))
            watched[0].fd = -1;
        if (watched[1].revents != 0 && read(watched[1].fd, &info, sizeof(info)) == sizeof(info) &&
            info.ssi_signo != SIGCHLD)
            kill(child, (int)info.ssi_signo);
    }
    keepalived_free(self.keepalived);
    close(watched[1].fd);
    sigprocmask(SIG_SETMASK, &before, NULL); /* whoever is started next would inherit it */
    return exit_status(status);
}

/* ---- the other half ---- */

/* One question at a time: the answers come in their order, and say not to whom. */
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

/* *fd (may be NULL): the descriptor that came along, or -1. */
static int ask(int socket, const struct broker_question *question, const int *fds, size_t count,
               struct broker_answer *answer, int *fd, struct error *err)
{
    int got[DESCRIPTORS_MAX];
    bool answered;

    pthread_mutex_lock(&asking);
    answered = send_message(socket, question, sizeof(*question), fds, count) &&
               receive_message(socket, answer, sizeof(*answer), got);
    pthread_mutex_unlock(&asking);
    if (!answered)
        return error_set(err, ERROR_INTERNAL, "the privileged part of primed does not answer");
    if (fd != NULL && answer->error.code == ERROR_NONE) {
        *fd = got[0];
        got[0] = -1;
    }
    close_all(got);
    if (answer->error.code == ERROR_NONE)
        return 0;
    if (err != NULL)
        *err = answer->error;
    return -1;
}

static int ask_descriptor(int socket, const struct broker_question *question, const int *fds, size_t count,
                          struct error *err)
{
    struct broker_answer answer;
    int fd = -1;

    return ask(socket, question, fds, count, &answer, &fd, err) == 0 ? fd : -1;
}

int broker_listen(int socket, unsigned index, struct error *err)
{
    struct broker_question question = {.operation = BROKER_LISTEN, .index = index};

    return ask_descriptor(socket, &question, NULL, 0, err);
}

int broker_ssh(int socket, const struct broker_ssh *what, int channel, int side, struct error *err)
{
    struct broker_question question = {.operation = BROKER_SSH, .ssh = *what};
    const int fds[DESCRIPTORS_MAX] = {channel, side};

    return ask_descriptor(socket, &question, fds, DESCRIPTORS_MAX, err);
}

static int ask_address(int socket, const struct broker_question *question, struct error *err)
{
    struct broker_answer answer;

    return ask(socket, question, NULL, 0, &answer, NULL, err);
}

int broker_address_check(int socket, const struct virtual_address *wanted, struct error *err)
{
    struct broker_question question = {.operation = BROKER_ADDRESS_CHECK, .address = *wanted};

    return ask_address(socket, &question, err);
}

int broker_address_start(int socket, const struct virtual_address *wanted, struct error *err)
{
    struct broker_question question = {.operation = BROKER_ADDRESS_START, .address = *wanted};

    return ask_address(socket, &question, err);
}

int broker_address_set(int socket, bool active, uint64_t epoch, struct error *err)
{
    struct broker_question question = {.operation = BROKER_ADDRESS_SET, .active = active, .epoch = epoch};

    return ask_address(socket, &question, err);
}

int broker_address_stop(int socket, struct error *err)
{
    struct broker_question question = {.operation = BROKER_ADDRESS_STOP};

    return ask_address(socket, &question, err);
}

int broker_address_state(int socket, struct virtual_address_state *out, struct error *err)
{
    struct broker_question question = {.operation = BROKER_ADDRESS_STATE};
    struct broker_answer answer;

    if (ask(socket, &question, NULL, 0, &answer, NULL, err) != 0)
        return -1;
    *out = answer.state;
    return 0;
}

void broker_ready(int socket)
{
    const struct broker_question question = {.operation = BROKER_READY};

    send_message(socket, &question, sizeof(question), NULL, 0);
}
