#include "lab/standin.h"

#include "base/file.h"
#include "identity/identity.h"
#include "lab/data_files.h"
#include "lab/desk.h"
#include "lab/standin_control.h"
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
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define ERS_PORT 9060

struct standin {
    const struct lab *lab;
    struct lab here; /* the same from where this process stands, once it cannot walk there any more */
    const struct lab_server *server;
    struct desk desk;
    struct identity *identity;
    SSL_CTX *context;
    struct https_server *https;
    struct control *control;
};

/* --- handshakes -------------------------------------------------------------------------------------------
 */

static void log_connection(const struct standin *standin, const SSL *ssl, const char *what)
{
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof(peer);
    char address[INET_ADDRSTRLEN] = "-";

    if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&peer, &size) == 0)
        inet_ntop(AF_INET, &peer.sin_addr, address, sizeof(address));
    log_write(standin->desk.log, LOG_LEVEL_INFO, "%s %s", address, what);
}

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
    struct standin *standin = arg;

    if (standin->desk.api.settings.mood.type->kind != MOOD_NO_HANDSHAKE)
        return SSL_CLIENT_HELLO_SUCCESS;
    desk_take_mood(&standin->desk, standin->desk.api.settings.mood.path);
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

    if (settings_read(standin->lab, standin->server, &settings, err) != 0)
        return -1;
    https_server_pause(standin->https,
                       settings.mood.type->kind == MOOD_HALF_OPEN && settings.mood.path[0] == '\0');
    desk_set(&standin->desk, &settings);
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
    mood_format(&standin->desk.api.settings.mood, &mood);
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

/* They are read with each request, by whom we have become. */
static int check_data(struct standin *standin, struct error *err)
{
    const char *folder = standin->desk.api.folder;
    const struct passwd *user = getpwuid(geteuid());

    /* the way to the lab may be closed to that user (a lab below /root), but we stand in it */
    if (access(folder, R_OK | X_OK) != 0 && access(".", R_OK | X_OK) == 0) {
        standin->here = *standin->lab;
        snprintf(standin->here.folder, sizeof(standin->here.folder), ".");
        standin->lab = &standin->here;
        data_folder(standin->lab, standin->server, standin->desk.api.folder);
    }
    if (access(folder, R_OK | X_OK) == 0)
        return 0;
    error_set_errno(err, errno, "cannot read %s as the user %s", folder,
                    user != NULL ? user->pw_name : "that the lab runs as");
    return error_hint(err, "bring the lab up in a folder which that user can reach: primelab --folder");
}

static int open_api(struct standin *standin, struct error *err)
{
    char path[PATH_MAX];
    char address[LAB_ADDRESS_MAX];

    standin->desk.api.type = settings_is_ise(standin->server) ? &api_ise : &api_dnac;
    data_folder(standin->lab, standin->server, standin->desk.api.folder);
    standin->desk.place.folder = standin->desk.api.folder;
    for (size_t i = 0; i < lab_server_count; i++) {
        const struct lab_server *other = &lab_servers[i];

        if (other->kind != LAB_STANDIN || other == standin->server)
            continue;
        lab_address(standin->lab, other, address);
        snprintf(standin->desk.place.other, sizeof(standin->desk.place.other), "%s:%u", address,
                 lab_port(standin->lab, other));
        break;
    }
    lab_path(standin->lab, standin->server, "standin.log", path);
    standin->desk.log = log_open(path, LOG_LEVEL_INFO, err);
    if (standin->desk.log == NULL || data_copy(standin->lab, standin->server, err) != 0)
        return -1;
    return RAND_bytes(standin->desk.api.secret, sizeof(standin->desk.api.secret)) == 1
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

/*
 * An ISE has a port for ERS besides. Where another program has that, ERS is on the first alone: no lab shall
 * fail for it. How many were opened; 0: not even the first.
 */
static size_t open_ports(const struct standin *standin, const char *address, uint16_t port, int fds[2],
                         struct error *err)
{
    struct error cause = {0};

    fds[0] = https_listen(address, port, err);
    if (fds[0] < 0)
        return 0;
    if (!settings_is_ise(standin->server))
        return 1;
    fds[1] = https_listen(address, ERS_PORT, &cause);
    if (fds[1] >= 0)
        return 2;
    log_write(standin->desk.log, LOG_LEVEL_WARNING, "ERS is on port %u alone: %s", port, cause.message);
    return 1;
}

static int open_standin(struct standin *standin, struct error *err)
{
    const struct https_server_limits limits = {.connections_max = CONNECTIONS_MAX};
    const struct lab *lab = standin->lab;
    const struct lab_server *server = standin->server;
    uint16_t port = lab_port(lab, server);
    char address[LAB_ADDRESS_MAX];
    int fds[2];
    size_t count;

    lab_address(lab, server, address);
    if (open_api(standin, err) != 0 || open_tls(standin, address, err) != 0)
        return -1;
    count = open_ports(standin, address, port, fds, err);
    if (count == 0)
        return -1;
    standin->desk.base = event_base_new();
    standin->https = https_server_new(standin->desk.base, fds, count, standin->context, &limits, desk_answer,
                                      &standin->desk, err);
    if (standin->https == NULL)
        return -1; /* it closed the sockets */
    standin->control = control_new(standin->desk.base, lab, server, on_control, standin, err);
    if (standin->control == NULL || take_settings(standin, err) != 0)
        return -1;
    if (write_number(lab, server, "port", port, err) != 0 ||
        write_number(lab, server, "pid", getpid(), err) != 0)
        return -1;
    if (chdir(lab->folder) != 0)
        return error_set_errno(err, errno, "cannot enter %s", lab->folder);
    return drop_privileges(err) == 0 ? check_data(standin, err) : -1;
}

static void close_standin(struct standin *standin)
{
    desk_close(&standin->desk);
    control_free(standin->control);
    https_server_free(standin->https);
    SSL_CTX_free(standin->context);
    identity_free(standin->identity);
    if (standin->desk.base != NULL)
        event_base_free(standin->desk.base);
    log_close(standin->desk.log);
    OPENSSL_cleanse(&standin->desk.api.secret, sizeof(standin->desk.api.secret));
}

int standin_run(const struct lab *lab, const struct lab_server *server, int ready)
{
    struct standin standin = {.lab = lab, .server = server};
    struct error err = {0};
    int status = 1;

    signal(SIGPIPE, SIG_IGN);
    if (open_standin(&standin, &err) == 0) {
        struct event *end = evsignal_new(standin.desk.base, SIGTERM, stop, standin.desk.base);

        event_add(end, NULL);
        dup2(STDOUT_FILENO, STDERR_FILENO); /* to the log: who brought the lab up must not wait for us */
        close(ready);
        event_base_dispatch(standin.desk.base);
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
