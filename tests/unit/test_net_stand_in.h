/* Servers for the tests of net/'s clients: good ones and bad ones, each on a thread of its own; and a store.
 */
#pragma once

#include "test_net.h"

#include "net/https_server.h"
#include "net/tls.h"
#include "store/seal.h"
#include "store/store.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <sys/stat.h>

struct stand_in;
typedef void (*behaviour)(struct stand_in *server, int fd);

struct stand_in {
    behaviour behave; /* ends before the connection is closed */
    SSL_CTX *context; /* for those that speak TLS */
    const char *reply;
    int listening;
    uint16_t port;
    pthread_t thread;
    atomic_int connections;
    atomic_int handshakes;
    atomic_int client_certificates;
    pthread_mutex_t lock;
    char heard[4000]; /* what came inside TLS, of all connections */
    size_t heard_length;
};

static void *stand_in_run(void *arg)
{
    struct stand_in *server = arg;
    int fd;

    while ((fd = accept(server->listening, NULL, NULL)) >= 0) {
        struct timeval limit = {.tv_sec = PATIENCE_S};

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        atomic_fetch_add(&server->connections, 1);
        server->behave(server, fd);
        close(fd);
    }
    return NULL;
}

static void stand_in_open_at(struct stand_in *server, behaviour behave, SSL_CTX *context, const char *address,
                             uint16_t port)
{
    static const struct timeval forever;

    signal(SIGPIPE, SIG_IGN);
    *server = (struct stand_in){.behave = behave, .context = context, .reply = ""};
    pthread_mutex_init(&server->lock, NULL);
    server->listening = https_listen(address, port, NULL);
    assert_true(server->listening >= 0);
    fcntl(server->listening, F_SETFL, 0);
    setsockopt(server->listening, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
    server->port = port_of(server->listening);
    assert_int_equal(pthread_create(&server->thread, NULL, stand_in_run, server), 0);
}

__attribute__((unused)) static void stand_in_open(struct stand_in *server, behaviour behave, SSL_CTX *context)
{
    stand_in_open_at(server, behave, context, "127.0.0.1", 0);
}

__attribute__((unused)) static void stand_in_close(struct stand_in *server)
{
    shutdown(server->listening, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listening);
    SSL_CTX_free(server->context);
    pthread_mutex_destroy(&server->lock);
}

__attribute__((unused)) static void say_nothing(struct stand_in *server, int fd)
{
    char bytes[1000];

    (void)server;
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
}

__attribute__((unused)) static void close_at_once(struct stand_in *server, int fd)
{
    (void)server;
    (void)fd;
}

__attribute__((unused)) static void close_in_mid_handshake(struct stand_in *server, int fd)
{
    char bytes[1000];

    (void)server;
    recv(fd, bytes, sizeof(bytes), 0);
    send(fd, "\x16\x03\x03\x00\x7a\x02\x00\x00", 8, MSG_NOSIGNAL);
}

__attribute__((unused)) static void speak_http(struct stand_in *server, int fd)
{
    char bytes[1000];

    (void)server;
    recv(fd, bytes, sizeof(bytes), 0);
    send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
    say_nothing(server, fd);
}

/* One byte of a handshake that never ends, now and then. */
__attribute__((unused)) static void drip(struct stand_in *server, int fd)
{
    static const char record[] = "\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb";
    struct pollfd in = {.fd = fd, .events = POLLRDHUP};

    (void)server;
    for (size_t i = 0; poll(&in, 1, 20) == 0; i++) {
        if (send(fd, i < sizeof(record) - 1 ? record + i : "\x03", 1, MSG_NOSIGNAL) != 1)
            break;
    }
}

static void note_heard(struct stand_in *server, const char *bytes, size_t length)
{
    pthread_mutex_lock(&server->lock);
    if (length > sizeof(server->heard) - 1 - server->heard_length)
        length = sizeof(server->heard) - 1 - server->heard_length;
    memcpy(server->heard + server->heard_length, bytes, length);
    server->heard_length += length;
    pthread_mutex_unlock(&server->lock);
}

/* Shakes hands, writes down what is said, and answers `reply` to the end of a request's headers. */
__attribute__((unused)) static void speak_tls(struct stand_in *server, int fd)
{
    SSL *ssl = SSL_new(server->context);
    char bytes[1000];
    X509 *shown;
    int got;

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        atomic_fetch_add(&server->handshakes, 1);
    shown = SSL_get0_peer_certificate(ssl);
    if (shown != NULL)
        atomic_fetch_add(&server->client_certificates, 1);
    while (SSL_is_init_finished(ssl) && (got = SSL_read(ssl, bytes, sizeof(bytes) - 1)) > 0) {
        note_heard(server, bytes, (size_t)got);
        bytes[got] = '\0';
        if (server->reply[0] != '\0' && strstr(bytes, "\r\n\r\n") != NULL) {
            SSL_write(ssl, server->reply, (int)strlen(server->reply));
            SSL_shutdown(ssl);
            break;
        }
    }
    SSL_free(ssl);
    ERR_clear_error();
}

/* A server's context for an identity, which stays the caller's. */
__attribute__((unused)) static SSL_CTX *context_of(const struct identity *identity)
{
    struct error err = {0};
    SSL_CTX *context = tls_server_context(identity, &err);

    if (context == NULL)
        fail_msg("%s", err.message);
    return context;
}

struct home {
    char path[100];
    struct store *store;
};

static int home_remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

__attribute__((unused)) static int home_setup(void **state)
{
    const char *temporary = getenv("TMPDIR");
    struct home *home = calloc(1, sizeof(*home));
    struct error err = {0};

    snprintf(home->path, sizeof(home->path), "%.60s/primesh-XXXXXX", temporary ? temporary : "/tmp");
    assert_non_null(mkdtemp(home->path));
    if (seal_make(home->path, &err) == 0)
        home->store = store_open(home->path, STORE_WRITE, &err);
    if (home->store == NULL)
        fail_msg("%s", err.message);
    *state = home;
    return 0;
}

__attribute__((unused)) static int home_teardown(void **state)
{
    struct home *home = *state;

    store_close(home->store);
    nftw(home->path, home_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(home);
    return 0;
}
