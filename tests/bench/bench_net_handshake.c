/* What the verdict against a stored pin adds to the CPU of a client's TLS handshake. The server's CPU is not
 * counted: it would only make the share look smaller. Handshakes with and without alternate one by one, and
 * the medians are compared: so the machine's other work falls on both alike. */
#include "bench_net.h"

#include "net/verdict.h"

#define HANDSHAKES 4000 /* of each kind */
#define REACH 1.02
#define KINDS 3

/* Of all threads of this process; the same account as getrusage(2), in finer steps. */
static double cpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The same handshake either way; `request` NULL: without a verdict. */
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

static double cost_of_one(SSL_CTX *context, uint16_t port, struct store *store,
                          const struct trust_request *request)
{
    double start = cpu_now();

    shake_hands(context, port, store, request);
    return (cpu_now() - start) * 1e6;
}

static void measure(const char *key, int ec, struct store *store)
{
    struct servers servers = start_servers(2, ec);
    SSL_CTX *context = tls_client_context(NULL, NULL);
    SSL_CTX *stock = SSL_CTX_new(TLS_client_method());
    struct trust_request request = {.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "bench"};
    static double with[HANDSHAKES];
    static double without[HANDSHAKES];
    static double usual[HANDSHAKES];

    host_parse("127.0.0.1", &request.host.kind, request.host.host, NULL);
    request.host.port = servers.port;
    shake_hands(context, servers.port, store, &request); /* pins it */
    for (size_t i = 0; i < HANDSHAKES; i++) {
        /* each kind follows each other one as often: none always finds the caches that the same one left */
        for (size_t turn = i; turn < i + KINDS; turn++) {
            if (turn % KINDS == 0)
                without[i] = cost_of_one(context, servers.port, store, NULL);
            else if (turn % KINDS == (i / KINDS % 2 == 0 ? 1 : 2))
                usual[i] = cost_of_one(stock, servers.port, store, NULL);
            else
                with[i] = cost_of_one(context, servers.port, store, &request);
        }
    }
    printf("handshake with verdict (%s): %.1f us CPU; without: %.1f us; ratio %.3f (reach: at most %.2f)\n",
           key, median(with, HANDSHAKES), median(without, HANDSHAKES),
           median(with, HANDSHAKES) / median(without, HANDSHAKES), REACH);
    printf(
        "  a client with OpenSSL's own defaults, which builds a chain and ignores it: %.1f us; ratio %.3f\n",
        median(usual, HANDSHAKES), median(with, HANDSHAKES) / median(usual, HANDSHAKES));
    SSL_CTX_free(context);
    SSL_CTX_free(stock);
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
