/*
 * First replication of many records over the real link, until they are durable on the standby, beside what
 * the bytes alone take: mdb_copy of the same store, and a copy of that file over TLS on loopback into another
 * file. Argument: number of pins (default 1000000).
 */
#include "tests/bench/bench_ha.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/wait.h>

#define PINS_DEFAULT 1000000
#define PINS_FEW 200000 /* enough to fill every buffer */
#define PIECE (64 * 1024)
#define ROUNDS 3

/* ---- the reference ---- */

struct copy {
    int socket;
    SSL_CTX *context;
    const char *from;
};

static void *send_file(void *arg)
{
    static char bytes[PIECE];
    const struct copy *copy = arg;
    SSL *ssl = SSL_new(copy->context);
    int fd = open(copy->from, O_RDONLY);
    ssize_t got;

    check(SSL_set_fd(ssl, copy->socket) != 1 || SSL_accept(ssl) != 1, "accept TLS");
    while ((got = read(fd, bytes, sizeof(bytes))) > 0)
        check(SSL_write(ssl, bytes, (int)got) != got, "send");
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void connect_pair(int ends[2])
{
    int listening = https_listen("127.88.0.9", 0, NULL);
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);

    check(listening < 0 || getsockname(listening, (struct sockaddr *)&bound, &size) != 0, "listen");
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(ends[0], (struct sockaddr *)&bound, size) != 0, "connect");
    fcntl(listening, F_SETFL, 0);
    ends[1] = accept(listening, NULL, NULL);
    check(ends[1] < 0, "accept");
    close(listening);
}

/* Seconds; *bytes: how many. */
static double copy_over_tls(const struct bench_pair *pair, const char *from, const char *to, uint64_t *bytes)
{
    static char piece[PIECE];
    struct copy copy = {.context = tls_server_context(pair->active.identity, NULL), .from = from};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    double start = now_ns();
    pthread_t thread;
    int ends[2], got;
    SSL *ssl;

    connect_pair(ends);
    copy.socket = ends[1];
    check(pthread_create(&thread, NULL, send_file, &copy) != 0, "start a thread");
    ssl = SSL_new(context);
    check(SSL_set_fd(ssl, ends[0]) != 1 || SSL_connect(ssl) != 1, "connect TLS");
    *bytes = 0;
    while ((got = SSL_read(ssl, piece, sizeof(piece))) > 0) {
        check(write(fd, piece, (size_t)got) != got, "write");
        *bytes += (uint64_t)got;
    }
    check(fsync(fd) != 0, "sync"); /* what is replicated is durable too */
    pthread_join(thread, NULL);
    start = (now_ns() - start) / 1e9;
    SSL_free(ssl);
    SSL_CTX_free(context);
    SSL_CTX_free(copy.context);
    close(ends[0]);
    close(ends[1]);
    close(fd);
    return start;
}

static double copy_store(const struct bench_pair *pair, const char *to)
{
    char command[1200];
    double start;

    snprintf(command, sizeof(command), "%s/store", pair->active.home);
    start = now_ns();
    pid_t child = fork();
    if (child == 0) {
        execlp("mdb_copy", "mdb_copy", command, to, (char *)NULL);
        _exit(127);
    }
    int status;
    check(waitpid(child, &status, 0) != child || status != 0, "run mdb_copy (lmdb-utils)");
    return (now_ns() - start) / 1e9;
}

/* ---- ours ---- */

/* Private memory of this process, both nodes in it, in KiB: the most while something ran. */
static atomic_long peak_kib;
static atomic_bool watching;

static void *watch_memory(void *arg)
{
    struct timespec pause = {.tv_nsec = 20000000};

    (void)arg;
    while (watching) {
        FILE *rollup = fopen("/proc/self/smaps_rollup", "re");
        char line[200];
        long kib = 0;

        while (rollup != NULL && fgets(line, sizeof(line), rollup) != NULL)
            sscanf(line, "Anonymous: %ld", &kib);
        if (rollup != NULL)
            fclose(rollup);
        if (kib > peak_kib)
            peak_kib = kib;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static double replicate(struct bench_pair *pair, bool fresh)
{
    double start = now_ns();

    bench_start_receiver(pair, fresh);
    bench_wait_in_sync(pair);
    start = (now_ns() - start) / 1e9;
    bench_stop_receiver(pair);
    return start;
}

static long replicate_watched(struct bench_pair *pair, double *seconds)
{
    pthread_t thread;

    peak_kib = 0;
    watching = true;
    check(pthread_create(&thread, NULL, watch_memory, NULL) != 0, "start a thread");
    *seconds = replicate(pair, true);
    watching = false;
    pthread_join(thread, NULL);
    return peak_kib;
}

static void smallest(double *least, double value)
{
    if (*least == 0 || value < *least)
        *least = value;
}

int main(int argc, char **argv)
{
    uint64_t pins = argc > 1 ? strtoull(argv[1], NULL, 10) : PINS_DEFAULT;
    double ours = 0, copied = 0, sent = 0, seconds;
    struct bench_pair pair;
    struct store_stats stats;
    char folder[400], copy[500], arrived[500];
    long few_kib, many_kib = 0;
    struct error err = {0};
    uint64_t bytes = 0;

    bench_folder(folder);
    snprintf(copy, sizeof(copy), "%s/copy", folder);
    snprintf(arrived, sizeof(arrived), "%s/arrived", folder);
    check(mkdir(copy, 0700) != 0, "make a folder");
    bench_open_pair(&pair, folder);
    bench_start_sender(&pair);
    bench_scope = STORE_SCOPE_PAIR;
    fill_pins(pair.active.self.store, PINS_FEW);
    few_kib = replicate_watched(&pair, &seconds);
    for (uint64_t i = PINS_FEW; i < pins; i += PINS_PER_JOB)
        check(store_run(pair.active.self.store, add_many, &i, &err) != 0, err.message);
    snprintf(arrived, sizeof(arrived), "%s/copy/data.mdb", folder);
    for (int i = 0; i < ROUNDS; i++) {
        long kib = replicate_watched(&pair, &seconds);

        many_kib = kib > many_kib ? kib : many_kib;
        smallest(&ours, seconds);
        remove(arrived);
        smallest(&copied, copy_store(&pair, copy));
        snprintf(copy, sizeof(copy), "%s/sent", folder);
        smallest(&sent, copy_over_tls(&pair, arrived, copy, &bytes));
        snprintf(copy, sizeof(copy), "%s/copy", folder);
    }
    check(store_stats(pair.standby.self.store, &stats, &err) != 0, err.message);
    check(stats.pins != pins + 1, "the standby has not all pins"); /* and its own of the active node */
    printf("first replication of %" PRIu64
           " records: %.2f s; mdb_copy %.2f s and %.0f MB over TLS %.2f s; ratio "
           "%.2f (at most 3)\n",
           pins, ours, copied, (double)bytes / 1e6, sent, ours / (copied + sent));
    printf(
        "private memory of both nodes meanwhile: %ld KiB; with a fifth of them %ld KiB; ratio %.2f (at most "
        "1.5)\n",
        many_kib, few_kib, (double)many_kib / (double)few_kib);
    bench_close_pair(&pair);
    bench_remove(folder);
    return 0;
}
