#include "daemon/broker.h"

#include "net/https_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum broker_operation { BROKER_LISTEN = 1 };

struct broker_question {
    uint32_t operation;
    uint32_t index;
};

struct broker_answer {
    struct error error; /* code ERROR_NONE: a descriptor comes along */
};

static void send_answer(int socket, const struct broker_answer *answer, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)answer, .iov_len = sizeof(*answer)};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

/* One question of the child. False when the child closed its end or sent something else. */
static bool answer_question(int socket, const struct node_conf *conf)
{
    struct broker_question question;
    struct broker_answer answer = {0};
    ssize_t got;
    int fd = -1;

    do
        got = recv(socket, &question, sizeof(question), 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof(question))
        return false;
    if (question.operation == BROKER_LISTEN && question.index < conf->listen_count)
        fd = https_listen(conf->listen[question.index], conf->port, &answer.error);
    else
        error_set(&answer.error, ERROR_DENIED, "the privileged part of primed does no such thing");
    send_answer(socket, &answer, fd);
    if (fd >= 0)
        close(fd);
    return true;
}

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int broker_serve(int socket, pid_t child, const struct node_conf *conf)
{
    struct pollfd watched[2] = {{.fd = socket, .events = POLLIN}, {.events = POLLIN}};
    sigset_t signals;
    int status;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    watched[1].fd = signalfd(-1, &signals, SFD_CLOEXEC);
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct signalfd_siginfo info;

        if (poll(watched, 2, -1) < 0)
            continue;
        if (watched[0].revents != 0 && !answer_question(socket, conf))
            watched[0].fd = -1;
        if (watched[1].revents != 0 && read(watched[1].fd, &info, sizeof(info)) == sizeof(info) &&
            info.ssi_signo != SIGCHLD)
            kill(child, (int)info.ssi_signo);
    }
    close(watched[1].fd);
    return exit_status(status);
}

static int descriptor_of(struct msghdr *message)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    int fd;

    if (header == NULL || header->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

int broker_listen(int socket, unsigned index, struct error *err)
{
    struct broker_question question = {.operation = BROKER_LISTEN, .index = index};
    struct broker_answer answer;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {.iov_base = &answer, .iov_len = sizeof(answer)};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t got;
    int fd;

    if (send(socket, &question, sizeof(question), MSG_NOSIGNAL) != sizeof(question))
        return error_set_errno(err, errno, "cannot ask the privileged part of primed");
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != sizeof(answer))
        return error_set(err, ERROR_INTERNAL, "the privileged part of primed does not answer");
    fd = descriptor_of(&message);
    if (answer.error.code == ERROR_NONE && fd >= 0)
        return fd;
    if (err != NULL)
        *err = answer.error;
    return -1;
}
