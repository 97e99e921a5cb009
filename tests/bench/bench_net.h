/* What the benches of net/ share: TLS servers in processes of their own, a store, figures. */
#pragma once

#include "base/clock.h"
#include "identity/identity.h"
#include "net/https_server.h"
#include "net/tls.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVERS_MAX 16

struct servers {
    uint16_t port;
    size_t count;
    pid_t pids[SERVERS_MAX];
};

static void give_up(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* `ec`: a P-256 key, whose signature costs the server next to nothing. */
static struct identity *bench_identity(int ec)
{
    struct identity_spec spec = {.subject = "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=ISE-server"};
    struct identity *identity = identity_generate(&spec, NULL);

    if (identity == NULL)
        give_up("no identity");
    if (ec) {
        EVP_PKEY_free(identity->key);
        identity->key = EVP_EC_gen("P-256");
        X509_set_pubkey(identity->certificate, identity->key);
        if (X509_sign(identity->certificate, identity->key, EVP_sha256()) <= 0)
            give_up("no certificate");
    }
    return identity;
}

/* What the servers answer to whatever they are asked; NULL: nothing, they only shake hands. */
static const char *bench_reply;

static void answer(SSL *ssl)
{
    char bytes[4096];

    if (SSL_read(ssl, bytes, bench_reply == NULL ? 1 : (int)sizeof(bytes)) > 0 && bench_reply != NULL) {
        SSL_write(ssl, bench_reply, (int)strlen(bench_reply));
        SSL_shutdown(ssl);
    }
}

static void serve_for_ever(int listening, SSL_CTX *context)
{
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        SSL *ssl = SSL_new(context);

        if (fd < 0 || ssl == NULL)
            exit(1);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
            answer(ssl);
        SSL_free(ssl);
        ERR_clear_error();
        close(fd);
    }
}

static struct servers start_servers(size_t count, int ec)
{
    struct identity *identity = bench_identity(ec);
    SSL_CTX *context = tls_server_context(identity, NULL);
    int listening = https_listen("0.0.0.0", 0, NULL);
    struct servers servers = {.count = count};
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);

    if (context == NULL || listening < 0)
        give_up("no server");
    getsockname(listening, (struct sockaddr *)&bound, &size);
    servers.port = ntohs(bound.sin_port);
    fcntl(listening, F_SETFL, 0);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < count; i++) {
        servers.pids[i] = fork();
        if (servers.pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve_for_ever(listening, context);
        }
    }
    close(listening);
    SSL_CTX_free(context);
    identity_free(identity);
    return servers;
}

static void stop_servers(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        kill(servers->pids[i], SIGKILL);
        waitpid(servers->pids[i], NULL, 0);
    }
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static struct store *open_store(char home[64])
{
    struct store *store = NULL;

    snprintf(home, 64, "/tmp/primesh-bench-XXXXXX");
    if (mkdtemp(home) == NULL || (store = store_open(home, STORE_WRITE, NULL)) == NULL)
        give_up("no store");
    return store;
}

static void drop_store(struct store *store, const char *home)
{
    store_close(store);
    nftw(home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
