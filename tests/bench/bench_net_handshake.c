/* What the verdict against a stored pin adds to the CPU of a client's TLS handshake. The server's CPU is not
 * counted: it would only make the share look smaller. Rounds alternate; the median of their ratios counts. */
#include "bench_net.h"

#include "net/verdict.h"

#define HANDSHAKES 300 /* a round */
#define ROUNDS 41
#define REACH 1.02

static double cpu_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The same handshake either way; `verdict` NULL: without. */
static void shake_hands(SSL_CTX *context, uint16_t port, struct store *store,
                        const struct trust_request *request)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct verdict verdict = {.store = store, .request = request};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(context);

    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        give_up("no connection");
    SSL_set_fd(ssl, fd);
    if (request != NULL)
        verdict_guard(ssl, &verdict);
    if (SSL_connect(ssl) != 1 || (request != NULL && !verdict_ask(ssl, &verdict)))
        give_up("no handshake");
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

static double run_round(SSL_CTX *context, uint16_t port, struct store *store,
                        const struct trust_request *request)
{
    double start = cpu_now();

    for (int i = 0; i < HANDSHAKES; i++)
        shake_hands(context, port, store, request);
    return (cpu_now() - start) / HANDSHAKES * 1e6;
}

static void measure(const char *key, int ec, struct store *store)
{
    struct servers servers = start_servers(2, ec);
    SSL_CTX *context = tls_client_context(NULL, NULL);
    struct trust_request request = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "bench"};
    double with[ROUNDS];
    double without[ROUNDS];
    double ratios[ROUNDS];

    host_parse("127.0.0.1", &request.host.kind, request.host.host, NULL);
    request.host.port = servers.port;
    shake_hands(context, servers.port, store, &request); /* pins it */
    for (size_t i = 0; i < ROUNDS; i++) {
        /* who goes first changes, too */
        if (i % 2 == 0)
            without[i] = run_round(context, servers.port, store, NULL);
        with[i] = run_round(context, servers.port, store, &request);
        if (i % 2 == 1)
            without[i] = run_round(context, servers.port, store, NULL);
        ratios[i] = with[i] / without[i];
    }
    printf("handshake with verdict (%s): %.1f us CPU; without: %.1f us; ratio %.3f (reach: at most %.2f)\n",
           key, median(with, ROUNDS), median(without, ROUNDS), median(ratios, ROUNDS), REACH);
    SSL_CTX_free(context);
    stop_servers(&servers);
}

int main(void)
{
    char home[64];
    struct store *store = open_store(home);

    measure("rsa 2048", 0, store);
    measure("ec P-256", 1, store);
    drop_store(store, home);
    return 0;
}
