/* `verify all`: a probe of 2,000 pinned servers on loopback beside a bare OpenSSL client loop with as many
 * threads and the same TLS settings. Rounds alternate; medians count. */
#include "bench_net.h"

#include "net/probe.h"

#include <pthread.h>

#define HOSTS 2000
#define ROUNDS 7
#define REACH 0.9

struct bare {
    SSL_CTX *context;
    uint16_t port;
    atomic_size_t next;
    atomic_size_t good;
};

static struct in_addr address_of(size_t i)
{
    return (struct in_addr){htonl(0x7f0a0000U + (uint32_t)(i / 200 * 256 + i % 200 + 1))};
}

static void *bare_loop(void *arg)
{
    struct bare *bare = arg;
    size_t i;

    while ((i = atomic_fetch_add(&bare->next, 1)) < HOSTS) {
        struct sockaddr_in to = {
            .sin_family = AF_INET, .sin_port = htons(bare->port), .sin_addr = address_of(i)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        SSL *ssl = SSL_new(bare->context);

        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && SSL_set_fd(ssl, fd) == 1 &&
            SSL_connect(ssl) == 1) {
            SSL_shutdown(ssl);
            atomic_fetch_add(&bare->good, 1);
        }
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

static double run_bare(SSL_CTX *context, uint16_t port, size_t threads)
{
    struct bare bare = {.context = context, .port = port};
    pthread_t ids[64];
    double start = seconds_now();

    for (size_t i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, bare_loop, &bare);
    for (size_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    if (atomic_load(&bare.good) != HOSTS)
        give_up("the bare loop failed");
    return HOSTS / (seconds_now() - start);
}

struct tally {
    size_t accepted;
};

static void count_accepted(void *arg, size_t index, const struct probe_result *result)
{
    struct tally *tally = arg;

    (void)index;
    if (result->state == PROBE_FAILED)
        fprintf(stderr, "%s\n", result->error.message);
    else if (trust_is_accepted(result->verdict.outcome))
        tally->accepted++;
    else
        fprintf(stderr, "%s\n", result->verdict.error.message);
}

static double run_probe(struct store *store, const struct trust_request *requests)
{
    struct tally tally = {0};
    double start = seconds_now();

    if (probe_run(store, requests, HOSTS, NULL, count_accepted, &tally, NULL) != 0 || tally.accepted != HOSTS)
        give_up("the probe failed");
    return HOSTS / (seconds_now() - start);
}

int main(void)
{
    static struct trust_request requests[HOSTS];
    struct servers servers = start_servers(4, 1);
    size_t threads = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    double probed[ROUNDS];
    double bare[ROUNDS];
    double ratios[ROUNDS];
    char home[64];
    struct store *store = open_store(home);
    SSL_CTX *context = tls_client_context(NULL, NULL);

    for (size_t i = 0; i < HOSTS; i++) {
        struct in_addr address = address_of(i);

        requests[i] = (struct trust_request){.zone = TRUST_ZONE_SYSTEM, .mode = TRUST_PIN, .task = "bench"};
        requests[i].host.kind = HOST_IPV4;
        requests[i].host.port = servers.port;
        inet_ntop(AF_INET, &address, requests[i].host.host, HOST_TEXT_MAX);
    }
    printf("first contact with %d servers, each pinned durably: %.0f/s\n", HOSTS, run_probe(store, requests));
    for (size_t i = 0; i < ROUNDS; i++) {
        bare[i] = run_bare(context, servers.port, threads < 64 ? threads : 64);
        probed[i] = run_probe(store, requests);
        ratios[i] = probed[i] / bare[i];
    }
    printf("verify %d pinned servers: %.0f/s; bare OpenSSL loop, %zu threads: %.0f/s; ratio %.3f (reach: at "
           "least %.2f)\n",
           HOSTS, median(probed, ROUNDS), threads, median(bare, ROUNDS), median(ratios, ROUNDS), REACH);
    SSL_CTX_free(context);
    drop_store(store, home);
    stop_servers(&servers);
    return 0;
}
