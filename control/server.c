#include "control/server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/node_conf.h"
#include "control/address.h"
#include "control/session.h"

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_MODE 0660
#define ACCEPT_PAUSE_MS 100                   /* after running out of descriptors */
#define DEAF_MS 1000                          /* so long callers wait for one, then they are turned away */
#define COMPLAIN_INTERVAL_MS (10 * 60 * 1000) /* it is told of no more often */
#define PROBE_ANSWER_MS 2000

static int denied_or(int reason, struct error *err)
{
    if (err != NULL && (reason == EACCES || reason == EPERM || reason == EROFS))
        err->code = ERROR_DENIED;
    return -1;
}

/* True if somebody listens behind the socket file. A full queue counts: only the living have one. */
static bool somebody_answers(const struct control_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = false;

    if (fd >= 0) {
        answers = connect(fd, (const struct sockaddr *)&address->socket, sizeof(address->socket)) == 0 ||
                  errno == EAGAIN || errno == EINPROGRESS;
        close(fd);
    }
    return answers;
}

static int bind_socket(int fd, const struct control_address *address, struct error *err)
{
    struct stat info;
    int reason;

    /* The mode of the descriptor becomes that of the file: it is never open to more than SOCKET_MODE. */
    if (fchmod(fd, SOCKET_MODE) != 0)
        return error_set_errno(err, errno, "cannot set the mode of %.300s", address->path);
    if (bind(fd, (const struct sockaddr *)&address->socket, sizeof(address->socket)) == 0)
        goto bound;
    if (errno != EADDRINUSE) {
        reason = errno;
        error_set_errno(err, reason, "cannot make the socket %.300s", address->path);
        return denied_or(reason, err);
    }
    if (fstatat(address->folder, CONTROL_SOCKET_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISSOCK(info.st_mode))
        return error_set(err, ERROR_CONFLICT, "%.400s is in the way: it is not a socket", address->path);
    if (somebody_answers(address))
        return error_set(err, ERROR_BUSY, "another primed answers on %.400s", address->path);
    if (unlinkat(address->folder, CONTROL_SOCKET_NAME, 0) != 0 ||
        bind(fd, (const struct sockaddr *)&address->socket, sizeof(address->socket)) != 0) {
        reason = errno;
        error_set_errno(err, reason, "cannot replace the stale socket %.300s", address->path);
        return denied_or(reason, err);
    }
bound:
    /* The umask may have taken the group's right away. */
    if (fchmodat(address->folder, CONTROL_SOCKET_NAME, SOCKET_MODE, 0) != 0)
        return error_set_errno(err, errno, "cannot set the mode of %.300s", address->path);
    return 0;
}

static int open_listener(struct control_server *server, const char *home, struct error *err)
{
    struct stat info;
    char folder[PATH_MAX];

    if (node_path(home, "run", folder, sizeof(folder), err) != 0 ||
        file_make_folder(folder, 0750, err) != 0 || control_address_open(home, &server->address, err) != 0)
        return -1;
    server->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listening < 0)
        return error_set_errno(err, errno, "cannot make a socket");
    if (bind_socket(server->listening, &server->address, err) != 0)
        return -1;
    if (fstatat(server->address.folder, CONTROL_SOCKET_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0)
        server->inode = info.st_ino;
    if (listen(server->listening, SOMAXCONN) != 0)
        return error_set_errno(err, errno, "cannot listen on %.300s", server->address.path);
    return 0;
}

static void resume_accepting(evutil_socket_t fd, short what, void *arg)
{
    struct control_server *server = arg;

    (void)fd;
    (void)what;
    event_add(server->accepting, NULL);
}

static bool is_scarcity(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOBUFS || reason == ENOMEM;
}

static void complain(struct control_server *server, int reason)
{
    int64_t now_ms = clock_monotonic_ms();

    if (server->complained_ms != 0 && now_ms - server->complained_ms < COMPLAIN_INTERVAL_MS)
        return;
    server->complained_ms = now_ms;
    log_write(
        server->handlers.log, LOG_LEVEL_ERROR,
        "[system] the control socket is out of descriptors or memory, and accepts no shell until some are "
        "free: %s",
        strerror(reason));
}

/* What they asked stays unread. */
static void say_why(int fd)
{
    struct error why = {0};
    char *line;

    error_set(&why, ERROR_BUSY, "primed is out of descriptors, and takes no further caller");
    error_hint(&why, "end sessions or connections, or wait until they end; application.log has more");
    line = control_error_line(0, &why);
    if (line != NULL)
        send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(line);
}

/* Whoever waits would wait without a word. */
static void turn_away_all(struct control_server *server)
{
    int fd;

    do {
        if (server->spare >= 0)
            close(server->spare);
        fd = accept4(server->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            say_why(fd);
            close(fd);
        }
        server->spare = eventfd(0, EFD_CLOEXEC);
    } while (fd >= 0);
    server->deaf_ms = 0;
}

static void accept_later(struct control_server *server, int reason)
{
    static const struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
    int64_t now_ms = clock_monotonic_ms();

    complain(server, reason);
    if (server->deaf_ms == 0)
        server->deaf_ms = now_ms;
    if (now_ms - server->deaf_ms >= DEAF_MS)
        turn_away_all(server);
    /* The waiting connection keeps the socket readable: without a pause this would spin. */
    event_del(server->accepting);
    event_add(server->resuming, &pause);
}

static void accept_all(evutil_socket_t listening, short what, void *arg)
{
    struct control_server *server = arg;

    (void)what;
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            server->deaf_ms = 0;
            control_session_start(server, fd);
        } else if (is_scarcity(errno)) {
            accept_later(server, errno);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static int start_events(struct control_server *server, struct event_base *base, struct error *err)
{
    server->base = base;
    server->accepting = event_new(base, server->listening, EV_READ | EV_PERSIST, accept_all, server);
    server->resuming = event_new(base, -1, 0, resume_accepting, server);
    server->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->woken < 0)
        return error_set_errno(err, errno, "cannot make an eventfd");
    server->posting = event_new(base, server->woken, EV_READ | EV_PERSIST, control_session_deliver, server);
    if (server->accepting == NULL || server->resuming == NULL || server->posting == NULL ||
        event_add(server->accepting, NULL) != 0 || event_add(server->posting, NULL) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot watch the control socket");
    return 0;
}

struct control_server *control_server_new(struct event_base *base, const char *home,
                                          const struct control_handlers *handlers, struct error *err)
{
    struct control_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->drained, NULL);
    TAILQ_INIT(&server->sessions);
    STAILQ_INIT(&server->posts);
    server->address.folder = -1;
    server->listening = -1;
    server->woken = -1;
    server->spare = eventfd(0, EFD_CLOEXEC);
    server->handlers = *handlers;
    server->references = 1;
    if (open_listener(server, home, err) == 0 && start_events(server, base, err) == 0)
        return server;
    control_server_free(server);
    return NULL;
}

/* Only the file this server made: meanwhile another daemon may have put its own there. */
static void remove_socket_file(struct control_server *server)
{
    struct stat info;

    if (server->inode != 0 &&
        fstatat(server->address.folder, CONTROL_SOCKET_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        info.st_ino == server->inode)
        unlinkat(server->address.folder, CONTROL_SOCKET_NAME, 0);
}

void control_server_free(struct control_server *server)
{
    struct event *events[3];

    if (server == NULL)
        return;
    events[0] = server->accepting;
    events[1] = server->resuming;
    events[2] = server->posting;
    for (size_t i = 0; i < 3; i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    remove_socket_file(server);
    if (server->listening >= 0)
        close(server->listening);
    if (server->spare >= 0)
        close(server->spare);
    control_address_close(&server->address);
    control_session_end_all(server);
    control_server_release(server);
}
