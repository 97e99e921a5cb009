#include "daemon/ssh_channel.h"

#include "base/file.h"
#include "base/text.h"
#include "daemon/broker.h"
#include "daemon/ssh_start.h"
#include "store/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAID_MAX 8192   /* bytes of ssh's messages that are kept */
#define GO_AWAY_MS 2000 /* for ssh to end by itself once its input is closed */

struct ssh_channel {
    struct node *node;
    struct url url;
    int fd;      /* SFTP */
    int side;    /* ssh's messages; the password goes in here */
    int process; /* pidfd */
};

int ssh_prepare_home(const char *home, struct error *err)
{
    char path[PATH_MAX];

    if (node_path(home, SSH_FOLDER, path, sizeof(path), err) != 0 || file_make_folder(path, 0700, err) != 0 ||
        node_path(home, SSH_FOLDER "/askpass", path, sizeof(path), err) != 0)
        return -1;
    unlink(path); /* of an older version, which had ssh run it */
    return 0;
}

static int read_policy(struct node *node, struct broker_ssh *what, struct error *err)
{
    struct store_txn *txn = store_read(node->store, err);
    enum trust_policy policy;
    int failed;

    if (txn == NULL)
        return -1;
    failed = policy_get(txn, TRUST_ZONE_USER, &policy, err);
    store_end(txn);
    if (failed != 0)
        return -1;
    what->check_host_keys = policy != TRUST_POLICY_DISABLE;
    what->known_only = policy == TRUST_POLICY_ENABLE;
    return 0;
}

static int describe(struct node *node, const struct url *url, struct broker_ssh *what, struct error *err)
{
    *what = (struct broker_ssh){.port = url->port};
    if (url->user[0] == '\0') {
        error_set(err, ERROR_INVALID_ARGUMENT, "no user is named for %s", url->host);
        return error_hint(err, "write %s://<user>@%s/...", url_scheme_name(url->scheme), url->host);
    }
    if (strlen(url->user) >= sizeof(what->user))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a user's name has at most %zu bytes",
                         sizeof(what->user) - 1);
    memcpy(what->user, url->user, strlen(url->user));
    memcpy(what->host, url->host, strlen(url->host));
    if (!ssh_values_are_plain(what))
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%s\" cannot be a user for ssh", url->user);
    return read_policy(node, what, err);
}

/* The password waits in the socket; what comes behind it is the end. */
static int leave_password(int side, const char *password, struct error *err)
{
    bool fits = true;

    if (password != NULL && password[0] != '\0')
        fits = send(side, password, strlen(password), MSG_NOSIGNAL | MSG_DONTWAIT) ==
                   (ssize_t)strlen(password) &&
               send(side, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
    shutdown(side, SHUT_WR);
    return fits ? 0 : error_set(err, ERROR_INTERNAL, "cannot hand the password over");
}

static struct ssh_channel *start(struct node *node, const struct url *url, const struct broker_ssh *what,
                                 const char *password, const int data[2], const int side[2],
                                 struct error *err)
{
    struct ssh_channel *channel = calloc(1, sizeof(*channel));

    if (channel == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    *channel = (struct ssh_channel){.node = node, .url = *url, .fd = data[0], .side = side[0]};
    if (leave_password(side[0], password, err) == 0) {
        channel->process = broker_ssh(node->broker, what, data[1], side[1], err);
        if (channel->process >= 0) {
            fcntl(side[0], F_SETFL, fcntl(side[0], F_GETFL) | O_NONBLOCK);
            return channel;
        }
    }
    free(channel);
    return NULL;
}

struct ssh_channel *ssh_channel_open(struct node *node, const struct url *url, const char *password,
                                     struct error *err)
{
    struct ssh_channel *channel = NULL;
    struct broker_ssh what;
    int data[2] = {-1, -1};
    int side[2] = {-1, -1};

    if (describe(node, url, &what, err) != 0)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, side) != 0)
        error_set_errno(err, errno, "cannot make a channel for ssh");
    else
        channel = start(node, url, &what, password, data, side, err);
    for (int i = channel != NULL; i < 2; i++) {
        if (data[i] >= 0)
            close(data[i]);
        if (side[i] >= 0)
            close(side[i]);
    }
    return channel;
}

int ssh_channel_fd(const struct ssh_channel *channel)
{
    return channel->fd;
}

/* ---- what ssh says ---- */

/* Words of ssh, and the sentence that they become around the host's name. */
static const struct saying {
    const char *said;
    enum error_code code;
    const char *before;
    const char *after;
} sayings[] = {
    {"ssh_askpass: exec", ERROR_INTERNAL, "no password for ", ": ssh may not run primed to ask for it"},
    {"Permission denied", ERROR_DENIED, "", " refuses the user or the password"},
    {"Could not resolve hostname", ERROR_UNREACHABLE, "cannot find the address of ", ""},
    {"Connection refused", ERROR_UNREACHABLE, "cannot connect to ", ": Connection refused"},
    {"No route to host", ERROR_UNREACHABLE, "cannot connect to ", ": No route to host"},
    {"Network is unreachable", ERROR_UNREACHABLE, "cannot connect to ", ": Network is unreachable"},
    {"timed out", ERROR_TIMEOUT, "", " does not answer"},
    {"subsystem request failed", ERROR_UNREACHABLE, "", " lets the user in, but offers no SFTP"},
    {"Too many authentication failures", ERROR_DENIED, "", " refuses the user or the password"},
};

static void host_name(const struct url *url, char out[HOST_TEXT_MAX + 16])
{
    snprintf(out, HOST_TEXT_MAX + 16, "%s port %u", url->host, url->port);
}

static void say_changed_key(const struct url *url, const char *said, struct error *err)
{
    const char *shown = strstr(said, "SHA256:");
    struct text fingerprint = {0};

    if (shown != NULL)
        text_add_escaped(&fingerprint, shown,
                         strspn(shown, "SHA256:+/ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz0123456789="),
                         NULL);
    error_set(err, ERROR_PIN_MISMATCH, "%s port %u shows another host key than the one met before%s%s",
              url->host, url->port, fingerprint.length > 0 ? ": " : "",
              fingerprint.length > 0 ? fingerprint.data : "");
    error_hint(err, "check it with the server's owner; if it is right: crypto host_key delete host %s_%u",
               url->host, url->port);
    text_free(&fingerprint);
}

/* The last line is the one that says why. */
static void say_last_line(const struct url *url, const char *said, struct error *err)
{
    size_t length = strlen(said);
    size_t start;
    struct text shown = {0};

    while (length > 0 && (said[length - 1] == '\n' || said[length - 1] == '\r'))
        length--;
    for (start = length; start > 0 && said[start - 1] != '\n'; start--)
        ;
    text_add_escaped(&shown, said + start, length - start, NULL);
    if (shown.length > 0)
        error_set(err, ERROR_UNREACHABLE, "no SFTP with %s port %u: ssh says %.300s", url->host, url->port,
                  shown.data);
    text_free(&shown);
}

static void explain(const struct ssh_channel *channel, const char *said, struct error *err)
{
    const struct url *url = &channel->url;
    char host[HOST_TEXT_MAX + 16];

    host_name(url, host);
    if (strstr(said, "HOST IDENTIFICATION HAS CHANGED") != NULL) {
        say_changed_key(url, said, err);
        return;
    }
    if (strstr(said, "host key is known") != NULL) {
        error_set(err, ERROR_UNTRUSTED, "the host key of %s is not known", host);
        error_hint(err, "the trust zone user takes only host keys that were met before; see: ncs "
                        "certvalidation certificate-check");
        return;
    }
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
        if (strstr(said, sayings[i].said) == NULL)
            continue;
        error_set(err, sayings[i].code, "%s%s%s", sayings[i].before, host, sayings[i].after);
        return;
    }
    say_last_line(url, said, err);
}

static void read_side(const struct ssh_channel *channel, char said[SAID_MAX])
{
    size_t used = 0;
    ssize_t got;

    while (used < SAID_MAX - 1 && (got = recv(channel->side, said + used, SAID_MAX - 1 - used, 0)) > 0)
        used += (size_t)got;
    said[used] = '\0';
}

/* ssh's own word for a first contact. */
static void log_first_use(const struct ssh_channel *channel, const char *said)
{
    const char *added = strstr(said, "Permanently added");

    if (added != NULL)
        log_write(channel->node->application_log, LOG_LEVEL_INFO,
                  "[user] first contact with %s port %u over ssh: its host key is kept", channel->url.host,
                  channel->url.port);
}

void ssh_channel_close(struct ssh_channel *channel, struct error *err)
{
    struct pollfd ended = {.fd = channel->process, .events = POLLIN};
    char said[SAID_MAX];

    close(channel->fd);
    if (poll(&ended, 1, err->code == ERROR_NONE || err->code == ERROR_UNREACHABLE ? GO_AWAY_MS : 0) <= 0)
        syscall(SYS_pidfd_send_signal, channel->process, SIGKILL, NULL, 0);
    close(channel->process);
    read_side(channel, said);
    close(channel->side);
    log_first_use(channel, said);
    /* what stopped it here (the local disk, Ctrl-C, a file that is not there) needs no words of ssh */
    if (err->code == ERROR_UNREACHABLE || err->code == ERROR_TIMEOUT) {
        explain(channel, said, err);
        if (err->code == ERROR_PIN_MISMATCH)
            log_write(channel->node->application_log, LOG_LEVEL_WARNING, "[user] %s", err->message);
    }
    free(channel);
}
