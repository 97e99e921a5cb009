#include "control/client.h"

#include "base/text.h"
#include "control/address.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 10 /* a daemon that lives but accepts nobody */
#define SEND_TIMEOUT_MS 10000
#define QUIET_MS 2000 /* without a word, before the daemon is asked whether it is alive */
#define ALIVE_MS 8000 /* for its answer, which needs nothing but its event loop */
#define READ_STEP 65536

struct control_client {
    int fd;
    bool lost;
    json_int_t last_id;
    struct text input; /* read, but not yet taken as a line */
    size_t taken;      /* bytes at its beginning that were */
    size_t searched;   /* bytes from there on that hold no line end */
    char path[PATH_MAX];
};

static int no_answer(const char *path, struct error *err)
{
    return error_set(err, ERROR_UNREACHABLE, "primed does not answer on %.400s", path);
}

static int connect_error(int reason, const char *path, struct error *err)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
        return no_answer(path, err);
    case EACCES:
    case EPERM:
        return error_set(err, ERROR_DENIED, "you may not use %.400s: %s", path, strerror(reason));
    case EAGAIN:
        return error_set(err, ERROR_TIMEOUT, "primed accepts no connection on %.400s within %d s", path,
                         CONNECT_TIMEOUT_S);
    default:
        return error_set_errno(err, reason, "cannot connect to %.400s", path);
    }
}

/* Returns the socket, or -1. */
static int open_socket(struct control_address *address, struct error *err)
{
    struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return error_set_errno(err, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    do
        result = connect(fd, (struct sockaddr *)&address->socket, sizeof(address->socket));
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return fd;
    connect_error(errno, address->path, err);
    close(fd);
    return -1;
}

struct control_client *control_connect(const char *home, struct error *err)
{
    struct control_client *client = calloc(1, sizeof(*client));
    struct control_address address;
    struct error cause = {0};

    if (client == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    client->fd = -1;
    if (control_address_open(home, &address, &cause) != 0) {
        if (cause.code == ERROR_NOT_FOUND)
            no_answer(address.path, &cause);
        if (err != NULL)
            *err = cause;
        goto failed;
    }
    memcpy(client->path, address.path, sizeof(client->path));
    client->fd = open_socket(&address, err);
    control_address_close(&address);
    if (client->fd >= 0)
        return client;
failed:
    control_close(client);
    return NULL;
}

void control_close(struct control_client *client)
{
    if (client == NULL)
        return;
    if (client->fd >= 0)
        close(client->fd);
    text_free(&client->input);
    free(client);
}

int control_fd(const struct control_client *client)
{
    return client->fd;
}

bool control_is_lost(const struct control_client *client)
{
    return client->lost;
}

static int went_away(struct control_client *client, struct error *err)
{
    client->lost = true;
    return error_set(err, ERROR_UNREACHABLE, "primed closed the connection on %.400s", client->path);
}

static int is_silent(struct control_client *client, int limit_ms, struct error *err)
{
    client->lost = true;
    return error_set(err, ERROR_TIMEOUT, "primed does not answer on %.400s: not a word within %d s",
                     client->path, limit_ms / 1000);
}

/* 0 sent; -1 with *gone where the daemon closed: why, it may have written before. */
static int send_line(struct control_client *client, const char *line, size_t length, bool *gone,
                     struct error *err)
{
    *gone = false;
    while (length > 0) {
        struct pollfd out = {.fd = client->fd, .events = POLLOUT};
        ssize_t sent = send(client->fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            line += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN) {
            int ready = poll(&out, 1, SEND_TIMEOUT_MS);
            if (ready == 0)
                return is_silent(client, SEND_TIMEOUT_MS, err);
        } else if (errno != EINTR) {
            *gone = true;
            return went_away(client, err);
        }
    }
    return 0;
}

/* 1 readable, 0 the user gave up, -1 the time is over. */
static int wait_for(struct control_client *client, const struct control_watch *watch, int timeout_ms)
{
    struct pollfd in = {.fd = client->fd, .events = POLLIN};
    int ready;

    if (watch != NULL && watch->wait != NULL)
        return watch->wait(watch->arg, client->fd, timeout_ms);
    do
        ready = poll(&in, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0 ? 1 : -1;
}

/* The answer is one to no call under way, and passed over: that it comes is what counts. */
static int ask_alive(struct control_client *client, struct error *err)
{
    char *request = control_request_line(++client->last_id, CONTROL_ALIVE, NULL);
    bool gone = false;
    int failed = request == NULL ? error_set(err, ERROR_INTERNAL, "out of memory")
                                 : send_line(client, request, strlen(request), &gone, err);

    free(request);
    return gone ? 0 : failed;
}

static int wait_readable(struct control_client *client, const struct control_watch *watch, struct error *err)
{
    int ready = wait_for(client, watch, QUIET_MS);

    if (ready < 0) {
        if (ask_alive(client, err) != 0)
            return -1;
        ready = wait_for(client, watch, ALIVE_MS);
    }
    if (ready > 0)
        return 0;
    return ready == 0 ? error_set(err, ERROR_BUSY, "interrupted")
                      : is_silent(client, QUIET_MS + ALIVE_MS, err);
}

static int receive(struct control_client *client, struct error *err)
{
    char bytes[READ_STEP];
    ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return went_away(client, err);
    text_add(&client->input, bytes, (size_t)got);
    return client->input.failed ? error_set(err, ERROR_INTERNAL, "out of memory") : 0;
}

/* Points *line at the next whole line, which stays valid until the next call. */
static int next_line(struct control_client *client, const struct control_watch *watch, const char **line,
                     size_t *length, struct error *err)
{
    for (;;) {
        size_t held = client->input.length - client->taken;
        const char *start = client->input.data == NULL ? "" : client->input.data + client->taken;
        const char *end =
            held == client->searched ? NULL : memchr(start + client->searched, '\n', held - client->searched);

        if (end != NULL) {
            *line = start;
            *length = (size_t)(end - start) + 1;
            client->taken += *length;
            client->searched = 0;
            return 0;
        }
        if (held >= CONTROL_REPLY_MAX)
            return error_set(err, ERROR_INTERNAL, "a reply of primed is longer than %d bytes",
                             CONTROL_REPLY_MAX);
        client->searched = held;
        if (client->taken > 0) {
            memmove(client->input.data, start, held);
            client->input.length = held;
            client->taken = 0;
        }
        if (wait_readable(client, watch, err) != 0 || receive(client, err) != 0)
            return -1;
    }
}

/* 1: the answer is there (a result); 0: something on the way; -1: it failed. */
static int take_reply(json_int_t id, const char *line, size_t length, const struct control_watch *watch,
                      json_t **result, struct error *err)
{
    struct control_reply reply;
    int done = 0;

    if (control_reply_read(line, length, &reply, err) != 0) {
        done = -1;
    } else if (reply.kind == CONTROL_ERROR && (reply.id == id || reply.id == 0)) {
        if (err != NULL)
            *err = reply.error;
        done = -1;
    } else if (reply.id != id) {
        done = 0; /* the late answer of a call the user gave up */
    } else if (reply.kind == CONTROL_PROGRESS) {
        if (watch != NULL && watch->progress != NULL)
            watch->progress(watch->arg, reply.body);
    } else {
        if (result != NULL)
            *result = json_incref(reply.body);
        done = 1;
    }
    control_reply_clear(&reply);
    return done;
}

int control_call(struct control_client *client, const char *method, json_t *params,
                 const struct control_watch *watch, json_t **result, struct error *err)
{
    json_int_t id = ++client->last_id;
    char *request = control_request_line(id, method, params);
    size_t length = request == NULL ? 0 : strlen(request);
    bool gone = false;
    int done = 0;

    if (result != NULL)
        *result = NULL;
    if (request == NULL)
        done = error_set(err, ERROR_INTERNAL, "cannot write the request for %s", method);
    else if (length > CONTROL_LINE_MAX)
        done = error_set(err, ERROR_INVALID_ARGUMENT, "a request of %zu bytes is longer than %d", length,
                         CONTROL_LINE_MAX);
    else
        done = send_line(client, request, length, &gone, err);
    if (gone)
        done = 0;
    while (done == 0) {
        const char *line = NULL;

        done = next_line(client, watch, &line, &length, err);
        if (done == 0)
            done = take_reply(id, line, length, watch, result, err);
    }
    if (request != NULL)
        explicit_bzero(request, strlen(request)); /* it may hold a passphrase */
    free(request);
    return done > 0 ? 0 : -1;
}
