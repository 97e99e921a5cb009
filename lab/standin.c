#include "lab/standin.h"

#include "base/file.h"
#include "base/log.h"
#include "identity/identity.h"
#include "lab/data_files.h"
#include "lab/standin_control.h"
#include "lab/trouble.h"
#include "net/https_server.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define MS_PER_S 1000
#define US_PER_MS 1000

/* A request whose answer waits: for its time, or, half-open, for another mood. */
struct held {
    LIST_ENTRY(held) next;
    struct standin *standin;
    struct https_exchange *exchange;
    struct event *timer; /* NULL: half-open */
    struct mood mood;    /* when it came */
};

struct standin {
    const struct lab *lab;
    const struct lab_server *server;
    struct api api;
    struct trouble_place place;
    struct event_base *base;
    struct identity *identity;
    SSL_CTX *context;
    struct https_server *https;
    struct control *control;
    struct log *log;
    LIST_HEAD(, held) held;
};

/* --- requests ---------------------------------------------------------------------------------------------
 */

static void log_request(const struct standin *standin, const struct https_exchange *exchange,
                        const struct mood *mood, const struct api_reply *reply)
{
    const char *query = https_exchange_query(exchange);
    struct text name = {0};

    mood_format(mood, &name);
    log_write(standin->log, LOG_LEVEL_INFO,
              "%s %s %s%s%s %d user=%s authorization=%s token=%s bytes=%zu mood=%s",
              https_exchange_peer(exchange), https_exchange_method(exchange), https_exchange_path(exchange),
              query[0] != '\0' ? "?" : "", query, reply->status, reply->user[0] != '\0' ? reply->user : "-",
              https_exchange_header(exchange, "Authorization") != NULL ? "yes" : "no",
              https_exchange_header(exchange, "X-Auth-Token") != NULL ? "yes" : "no", reply->body.length,
              name.data == NULL ? "" : name.data);
    text_free(&name);
}

static void answer_in_mood(struct standin *standin, struct https_exchange *exchange, const struct mood *mood)
{
    struct api_request request = {
        .method = https_exchange_method(exchange),
        .path = https_exchange_path(exchange),
        .query = https_exchange_query(exchange),
        .accept = https_exchange_header(exchange, "Accept"),
        .authorization = https_exchange_header(exchange, "Authorization"),
        .token = https_exchange_header(exchange, "X-Auth-Token"),
    };
    const size_t moved = strlen(TROUBLE_MOVED);
    struct api_reply reply = {0};

    if (strncmp(request.path, TROUBLE_MOVED "/", moved + 1) == 0)
        request.path += moved;
    if (mood->type->kind == MOOD_STATUS)
        api_fail(&standin->api, &request, mood->type->status, &reply);
    else
        api_answer(&standin->api, &request, &reply);
    trouble_change(exchange, mood, &standin->place, &reply);
    log_request(standin, exchange, mood, &reply);
    trouble_send(exchange, mood, &reply);
    api_reply_clear(&reply);
}

static void forget(struct held *held)
{
    LIST_REMOVE(held, next);
    if (held->timer != NULL)
        event_free(held->timer);
    free(held);
}

static void release(struct held *held)
{
    struct https_exchange *exchange = held->exchange;
    struct standin *standin = held->standin;
    struct mood mood = held->mood;

    forget(held);
    answer_in_mood(standin, exchange, &mood);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    release(arg);
}

/* False: it cannot wait. */
static bool hold(struct standin *standin, struct https_exchange *exchange, const struct mood *mood)
{
    struct held *held = calloc(1, sizeof(*held));

    if (held == NULL)
        return false;
    *held = (struct held){.standin = standin, .exchange = exchange, .mood = *mood};
    if (mood->type->kind == MOOD_SLOW) {
        struct timeval wait = {.tv_sec = mood->number / MS_PER_S,
                               .tv_usec = mood->number % MS_PER_S * US_PER_MS};

        held->timer = evtimer_new(standin->base, on_timer, held);
        if (held->timer == NULL || evtimer_add(held->timer, &wait) != 0) {
            if (held->timer != NULL)
                event_free(held->timer);
            free(held);
            return false;
        }
    }
    LIST_INSERT_HEAD(&standin->held, held, next);
    return true;
}

/* The mood that holds for this path. One that holds so many times has then held once more. */
static struct mood take_mood(struct standin *standin, const char *path)
{
    struct mood *mood = &standin->api.settings.mood;
    struct mood taken = *mood;

    if (!mood_is_for(mood, path))
        return (struct mood){.type = &mood_types[0]};
    if (mood->times > 0 && --mood->times == 0)
        *mood = (struct mood){.type = &mood_types[0]};
    return taken;
}

static void answer(void *arg, struct https_exchange *exchange)
{
    struct standin *standin = arg;
    const enum mood_kind kind = standin->api.settings.mood.type->kind;
    struct mood mood = {.type = &mood_types[0]};

    if (kind != MOOD_NO_HANDSHAKE) /* that one counts handshakes */
        mood = take_mood(standin, https_exchange_path(exchange));
    if ((mood.type->kind == MOOD_SLOW || mood.type->kind == MOOD_HALF_OPEN) && hold(standin, exchange, &mood))
        return;
    answer_in_mood(standin, exchange, &mood);
}

/* --- handshakes -------------------------------------------------------------------------------------------
 */

static void log_connection(const struct standin *standin, const SSL *ssl, const char *what)
{
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof(peer);
    char address[INET_ADDRSTRLEN] = "-";

    if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&peer, &size) == 0)
        inet_ntop(AF_INET, &peer.sin_addr, address, sizeof(address));
    log_write(standin->log, LOG_LEVEL_INFO, "%s %s", address, what);
}

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
    struct standin *standin = arg;

    if (standin->api.settings.mood.type->kind != MOOD_NO_HANDSHAKE)
        return SSL_CLIENT_HELLO_SUCCESS;
    take_mood(standin, standin->api.settings.mood.path);
    log_connection(standin, ssl, "handshake refused");
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_CLIENT_HELLO_ERROR;
}

static void on_tls(const SSL *ssl, int where, int value)
{
    (void)value;
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
        log_connection(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), ssl, "handshake done");
}

/* --- what primelab says -----------------------------------------------------------------------------------
 */

static int take_settings(struct standin *standin, struct error *err)
{
    struct settings settings;
    struct held *held;
    struct held *following;

    if (settings_read(standin->lab, standin->server, &settings, err) != 0)
        return -1;
    standin->api.settings = settings;
    https_server_pause(standin->https,
                       settings.mood.type->kind == MOOD_HALF_OPEN && settings.mood.path[0] == '\0');
    for (held = LIST_FIRST(&standin->held); held != NULL; held = following) {
        following = LIST_NEXT(held, next);
        if (held->timer == NULL && settings.mood.type->kind != MOOD_HALF_OPEN) {
            held->mood = (struct mood){.type = &mood_types[0]};
            release(held);
        }
    }
    return 0;
}

/* Connections that are there keep the key they began with. */
static int take_identity(struct standin *standin, struct error *err)
{
    char folder[PATH_MAX];
    struct identity *identity;

    lab_identity_folder(standin->lab, standin->server, folder);
    identity = identity_load(folder, err);
    if (identity == NULL)
        return -1;
    if (SSL_CTX_use_cert_and_key(standin->context, identity->certificate, identity->key, identity->chain,
                                 1) != 1) {
        identity_free(identity);
        return error_set(err, ERROR_INTERNAL, "the new key and certificate cannot be used");
    }
    identity_free(standin->identity);
    standin->identity = identity;
    return 0;
}

static void on_control(void *arg, const char *line, char reply[CONTROL_LINE_MAX])
{
    struct standin *standin = arg;
    struct error err = {0};
    struct text mood = {0};
    int failed = 0;

    if (strcmp(line, "settings") == 0)
        failed = take_settings(standin, &err);
    else if (strcmp(line, "identity") == 0)
        failed = take_identity(standin, &err);
    mood_format(&standin->api.settings.mood, &mood);
    if (failed != 0)
        snprintf(reply, CONTROL_LINE_MAX, "error %s", err.message);
    else
        snprintf(reply, CONTROL_LINE_MAX, "ok %s", mood.data == NULL ? "" : mood.data);
    text_free(&mood);
}

/* --- the process ------------------------------------------------------------------------------------------
 */

static void stop(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    event_base_loopbreak(arg);
}

static int write_number(const struct lab *lab, const struct lab_server *server, const char *name, long number,
                        struct error *err)
{
    char path[PATH_MAX];
    char text[32];

    lab_path(lab, server, name, path);
    return file_write(path, text, (size_t)snprintf(text, sizeof(text), "%ld\n", number), 0644, err);
}

/* What faces the network keeps no privileges. */
static int drop_privileges(struct error *err)
{
    const char *user = lab_user();
    const struct passwd *account = user != NULL ? getpwnam(user) : NULL;

    if (account == NULL)
        return 0;
    if (setgroups(0, NULL) == 0 && setresgid(account->pw_gid, account->pw_gid, account->pw_gid) == 0 &&
        setresuid(account->pw_uid, account->pw_uid, account->pw_uid) == 0)
        return 0;
    return error_set_errno(err, errno, "cannot become the user %s", user);
}

static int open_api(struct standin *standin, struct error *err)
{
    char path[PATH_MAX];
    char address[LAB_ADDRESS_MAX];

    standin->api.type = settings_is_ise(standin->server) ? &api_ise : &api_dnac;
    data_folder(standin->lab, standin->server, standin->api.folder);
    standin->place.folder = standin->api.folder;
    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *other = &lab_servers[i];

        if (other->kind != LAB_STANDIN || other == standin->server)
            continue;
        lab_address(standin->lab, other, address);
        snprintf(standin->place.other, sizeof(standin->place.other), "%s:%u", address,
                 lab_port(standin->lab, other));
        break;
    }
    lab_path(standin->lab, standin->server, "standin.log", path);
    standin->log = log_open(path, LOG_LEVEL_INFO, err);
    if (standin->log == NULL || data_copy(standin->lab, standin->server, err) != 0)
        return -1;
    return RAND_bytes(standin->api.secret, sizeof(standin->api.secret)) == 1
               ? 0
               : error_set(err, ERROR_INTERNAL, "no random bytes");
}

static int open_tls(struct standin *standin, const char *address, struct error *err)
{
    const struct lab_server *server = standin->server;
    char folder[PATH_MAX];
    char names[2][300];
    const char *list[] = {names[0], names[1]};
    const struct identity_spec spec = {.subject = server->subject, .names = list, .name_count = 2};

    snprintf(names[0], sizeof(names[0]), "DNS:%s", server->dns);
    snprintf(names[1], sizeof(names[1]), "IP:%s", address);
    lab_identity_folder(standin->lab, server, folder);
    standin->identity = identity_ensure(folder, &spec, err);
    if (standin->identity == NULL || (standin->context = tls_server_context(standin->identity, err)) == NULL)
        return -1;
    SSL_CTX_set_client_hello_cb(standin->context, on_client_hello, standin);
    SSL_CTX_set_app_data(standin->context, standin);
    SSL_CTX_set_info_callback(standin->context, on_tls);
    return 0;
}

static int open_standin(struct standin *standin, struct error *err)
{
    const struct https_server_limits limits = {.connections_max = CONNECTIONS_MAX};
    const struct lab *lab = standin->lab;
    const struct lab_server *server = standin->server;
    uint16_t port = lab_port(lab, server);
    char address[LAB_ADDRESS_MAX];
    int fd;

    lab_address(lab, server, address);
    if (open_api(standin, err) != 0 || open_tls(standin, address, err) != 0)
        return -1;
    fd = https_listen(address, port, err);
    if (fd < 0)
        return -1;
    standin->base = event_base_new();
    standin->https = https_server_new(standin->base, &fd, 1, standin->context, &limits, answer, standin, err);
    if (standin->https == NULL)
        return -1; /* it closed the socket */
    standin->control = control_new(standin->base, lab, server, on_control, standin, err);
    if (standin->control == NULL || take_settings(standin, err) != 0)
        return -1;
    if (write_number(lab, server, "port", port, err) != 0 ||
        write_number(lab, server, "pid", getpid(), err) != 0)
        return -1;
    return drop_privileges(err);
}

static void close_standin(struct standin *standin)
{
    while (!LIST_EMPTY(&standin->held))
        forget(LIST_FIRST(&standin->held));
    control_free(standin->control);
    https_server_free(standin->https);
    SSL_CTX_free(standin->context);
    identity_free(standin->identity);
    if (standin->base != NULL)
        event_base_free(standin->base);
    log_close(standin->log);
    OPENSSL_cleanse(&standin->api.secret, sizeof(standin->api.secret));
}

int standin_run(const struct lab *lab, const struct lab_server *server, int ready)
{
    struct standin standin = {.lab = lab, .server = server};
    struct error err = {0};
    int status = 1;

    signal(SIGPIPE, SIG_IGN);
    if (open_standin(&standin, &err) == 0) {
        struct event *end = evsignal_new(standin.base, SIGTERM, stop, standin.base);

        event_add(end, NULL);
        dup2(STDOUT_FILENO, STDERR_FILENO); /* to the log: who brought the lab up must not wait for us */
        close(ready);
        event_base_dispatch(standin.base);
        event_free(end);
        status = 0;
    } else {
        fprintf(stderr, "primelab: %s: %s\n", server->name, err.message);
        if (err.hint[0] != '\0')
            fprintf(stderr, "primelab: %s\n", err.hint);
    }
    close_standin(&standin);
    return status;
}
