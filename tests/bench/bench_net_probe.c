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

/* What one run took. */
struct cost {
    double rate; /* servers a second */
    double cpu;  /* microseconds of this process's CPU a server: the clients' part alone */
};

struct meter {
    double start;
    double cpu;
};

static double cpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct meter begin(void)
{
    return (struct meter){seconds_now(), cpu_now()};
}

static struct cost end(struct meter meter)
{
    return (struct cost){HOSTS / (seconds_now() - meter.start), (cpu_now() - meter.cpu) / HOSTS * 1e6};
}

static struct cost run_bare(SSL_CTX *context, uint16_t port, size_t threads)
{
    struct bare bare = {.context = context, .port = port};
    pthread_t ids[64];
    struct meter meter = begin();

    for (size_t i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, bare_loop, &bare);
    for (size_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    if (atomic_load(&bare.good) != HOSTS)
        give_up("the bare loop failed");
    return end(meter);
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

static struct cost run_probe(struct store *store, const struct trust_request *requests)
{
    struct tally tally = {0};
    struct meter meter = begin();

    if (probe_run(store, requests, HOSTS, NULL, count_accepted, &tally, NULL) != 0 || tally.accepted != HOSTS)
        give_up("the probe failed");
    return end(meter);
}

int main(void)
{
    static struct trust_request requests[HOSTS];
    struct servers servers = start_servers(4, 1);
    size_t threads = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    double probed[ROUNDS];
    double bare[ROUNDS];
    double ratios[ROUNDS];
    double shares[ROUNDS];
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
    printf("first contact with %d servers, each pinned durably: %.0f/s\n", HOSTS,
           run_probe(store, requests).rate);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct cost without = run_bare(context, servers.port, threads < 64 ? threads : 64);
        struct cost with = run_probe(store, requests);

        bare[i] = without.rate;
        probed[i] = with.rate;
        ratios[i] = with.rate / without.rate;
        shares[i] = with.cpu / without.cpu;
    }
    printf("verify %d pinned servers: %.0f/s; bare OpenSSL loop, %zu threads: %.0f/s; ratio %.3f (reach: at "
           "least %.2f); CPU of the clients: ratio %.3f\n",
           HOSTS, median(probed, ROUNDS), threads, median(bare, ROUNDS), median(ratios, ROUNDS), REACH,
           median(shares, ROUNDS));
    SSL_CTX_free(context);
    drop_store(store, home);
    stop_servers(&servers);
    return 0;
}
