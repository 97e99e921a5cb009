#include "lab/standin.h"

#include "base/file.h"
#include "identity/identity.h"
#include "net/https_server.h"
#include "net/tls.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct standin {
    struct event_base *base;
    struct identity *identity;
    SSL_CTX *context;
    struct https_server *server;
};

static void answer(void *arg, struct https_exchange *exchange)
{
    (void)arg;
    https_reply(exchange, 404, NULL, NULL, 0);
}

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

static int open_standin(const struct lab *lab, const struct lab_server *server, struct standin *standin,
                        struct error *err)
{
    char folder[PATH_MAX];
    char names[2][300];
    const char *list[] = {names[0], names[1]};
    const struct identity_spec spec = {.subject = server->subject, .names = list, .name_count = 2};
    uint16_t port = lab_port(lab, server);
    char address[LAB_ADDRESS_MAX];
    int fd;

    lab_address(lab, server, address);
    snprintf(names[0], sizeof(names[0]), "DNS:%s", server->dns);
    snprintf(names[1], sizeof(names[1]), "IP:%s", address);
    lab_identity_folder(lab, server, folder);
    standin->identity = identity_ensure(folder, &spec, err);
    if (standin->identity == NULL || (standin->context = tls_server_context(standin->identity, err)) == NULL)
        return -1;
    fd = https_listen(address, port, err);
    if (fd < 0)
        return -1;
    standin->base = event_base_new();
    standin->server = https_server_new(standin->base, &fd, 1, standin->context, NULL, answer, NULL, err);
    if (standin->server == NULL) {
        close(fd);
        return -1;
    }
    if (write_number(lab, server, "port", port, err) != 0 ||
        write_number(lab, server, "pid", getpid(), err) != 0)
        return -1;
    return drop_privileges(err);
}

int standin_run(const struct lab *lab, const struct lab_server *server, int ready)
{
    struct standin standin = {0};
    struct error err = {0};
    int status = 1;

    signal(SIGPIPE, SIG_IGN);
    if (open_standin(lab, server, &standin, &err) == 0) {
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
    https_server_free(standin.server);
    SSL_CTX_free(standin.context);
    identity_free(standin.identity);
    if (standin.base != NULL)
        event_base_free(standin.base);
    return status;
}
