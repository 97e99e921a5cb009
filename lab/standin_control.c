#include "lab/standin_control.h"

#include "lab/process.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_S 10

struct control {
    struct evconnlistener *listener;
    struct event_base *base;
    control_handler handler;
    void *arg;
};

static int read_address(const struct lab *lab, const struct lab_server *server, struct sockaddr_un *out,
                        struct error *err)
{
    char path[PATH_MAX];

    lab_path(lab, server, "control.sock", path);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(out->sun_path))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "%s is too long for a socket's name: choose a shorter folder", path);
    memcpy(out->sun_path, path, strlen(path) + 1);
    return 0;
}

static void on_end(struct bufferevent *stream, short what, void *arg)
{
    (void)what;
    (void)arg;
    bufferevent_free(stream);
}

static void on_written(struct bufferevent *stream, void *arg)
{
    (void)arg;
    bufferevent_free(stream);
}

static void on_read(struct bufferevent *stream, void *arg)
{
    struct control *control = arg;
    char reply[CONTROL_LINE_MAX] = "";
    char *line = evbuffer_readln(bufferevent_get_input(stream), NULL, EVBUFFER_EOL_LF);

    if (line == NULL)
        return;
    control->handler(control->arg, line, reply);
    free(line);
    bufferevent_setcb(stream, NULL, on_written, on_end, NULL);
    evbuffer_add_printf(bufferevent_get_output(stream), "%s\n", reply);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg)
{
    static const struct timeval most = {.tv_sec = ANSWER_TIMEOUT_S};
    struct control *control = arg;
    struct bufferevent *stream = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener;
    (void)peer;
    (void)length;
    if (stream == NULL) {
        close(fd);
        return;
    }
    bufferevent_set_timeouts(stream, &most, &most);
    bufferevent_setwatermark(stream, EV_READ, 0, CONTROL_LINE_MAX);
    bufferevent_setcb(stream, on_read, NULL, on_end, control);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

struct control *control_new(struct event_base *base, const struct lab *lab, const struct lab_server *server,
                            control_handler handler, void *arg, struct error *err)
{
    struct control *control = calloc(1, sizeof(*control));
    struct sockaddr_un address;
    mode_t mask;

    if (control == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    *control = (struct control){.base = base, .handler = handler, .arg = arg};
    if (read_address(lab, server, &address, err) != 0)
        goto failed;
    unlink(address.sun_path); /* of a process that ended by itself */
    mask = umask(0177);
    control->listener =
        evconnlistener_new_bind(base, on_connection, control, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                -1, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (control->listener != NULL)
        return control;
    error_set_errno(err, errno, "cannot listen on %s", address.sun_path);
failed:
    free(control);
    return NULL;
}

void control_free(struct control *control)
{
    if (control == NULL)
        return;
    evconnlistener_free(control->listener);
    free(control);
}

/* One line of the answer, without its end. */
static int read_line(int fd, char reply[CONTROL_LINE_MAX])
{
    size_t length = 0;

    while (length < CONTROL_LINE_MAX - 1) {
        ssize_t got = read(fd, reply + length, CONTROL_LINE_MAX - 1 - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        length += (size_t)got;
        reply[length] = '\0';
        if (strchr(reply, '\n') != NULL) {
            *strchr(reply, '\n') = '\0';
            return 0;
        }
    }
    return -1;
}

int control_ask(const struct lab *lab, const struct lab_server *server, const char *line,
                char reply[CONTROL_LINE_MAX], struct error *err)
{
    static const struct timeval most = {.tv_sec = ANSWER_TIMEOUT_S};
    struct sockaddr_un address;
    char text[CONTROL_LINE_MAX];
    int length = snprintf(text, sizeof(text), "%s\n", line);
    int failed = -1;
    int fd;

    if (read_address(lab, server, &address, err) != 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
    if (lab_pid(lab, server) == 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        lab_complain_stopped(lab, server, err);
    else if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length || read_line(fd, reply) != 0)
        error_set(err, ERROR_TIMEOUT, "%s does not answer", server->name);
    else
        failed = 0;
    close(fd);
    return failed;
}
