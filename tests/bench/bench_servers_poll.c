/* Polling 2,000 registered ISE servers on loopback beside `curl --parallel` asking the same of them: the same
 * versions and ciphers of TLS, no verification, no session taken up again. Rounds alternate; medians count.
 * And the memory that the polling takes above an idle process. */
#include "bench_net.h"

#include "servers/poller.h"

#include <spawn.h>
#include <stdatomic.h>

#define SERVERS 2000
#define PER_NET 200
#define ROUNDS 5
#define REACH 0.8
#define MEMORY_MIB 64.0
#define PARALLEL 50    /* at once, of both; also curl's own default */
#define INTERVAL_MS 30 /* all are due again at once: as fast as it goes */
#define REPLY_BODY                                                                                 \
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><product name=\"Cisco Identity " \
    "Services Engine\"><version>3.1.0.518</version><type_of_node>1</type_of_node></product>"

extern char **environ;

static atomic_size_t checks;
static atomic_size_t failures;

static void name_task(void *arg, char *out, size_t size)
{
    (void)arg;
    snprintf(out, size, "bench");
}

static void checked(void *arg, const char *task, const struct server *server,
                    const struct server_found *found, const struct server_turn *turn)
{
    (void)arg;
    (void)task;
    (void)server;
    (void)turn;
    if (found->state != SERVER_REACHABLE && atomic_fetch_add(&failures, 1) == 0)
        fprintf(stderr, "%s\n", found->error.message);
    atomic_fetch_add(&checks, 1);
}

struct registering {
    const struct seal *seal;
    uint16_t port;
};

static int register_all(struct store_txn *txn, void *arg, struct error *err)
{
    const struct registering *registering = arg;
    uint8_t sealed[SERVER_SEALED_MAX];

    for (unsigned i = 0; i < SERVERS; i++) {
        struct server server = {.kind = SERVER_ISE, .user = "admin", .timeout_s = 30, .edited_ms = 1};

        server.address = (struct host_port){.kind = HOST_IPV4, .port = registering->port};
        snprintf(server.address.host, HOST_TEXT_MAX, "127.10.%u.%u", i / PER_NET, i % PER_NET + 1);
        if (credentials_seal(registering->seal, &server, "Lab-Password-1", sealed, err) != 0 ||
            server_put(txn, &server, err) != 0)
            return -1;
    }
    return 0;
}

/* Private memory of this process in MiB, maps of files apart. */
static double memory_now(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    double kib = 0;
    char line[200];

    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtod(line + 8, NULL);
    }
    if (status != NULL)
        fclose(status);
    return kib / 1024;
}

/* CPU seconds of this process, or of curl, which is a child that was waited for. */
static double cpu_now(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Polls until there were so many checks more; the rate a second. *peak: most memory seen. */
static double run_poller(const struct poller_means *means, size_t count, double *peak)
{
    struct timespec look = {.tv_nsec = 20000000};
    struct poller *poller = poller_start(means, NULL);
    double start = seconds_now();
    double rate;

    if (poller == NULL)
        give_up("no poller");
    atomic_store(&checks, 0);
    while (atomic_load(&checks) < count) {
        double memory = memory_now();

        *peak = memory > *peak ? memory : *peak;
        nanosleep(&look, NULL);
    }
    rate = (double)atomic_load(&checks) / (seconds_now() - start);
    poller_stop(poller);
    return rate;
}

static double run_curl(uint16_t port, int null)
{
    char url[100];
    char *arguments[] = {"curl",
                         "--parallel",
                         "--parallel-max",
                         "50",
                         "-s",
                         "-S",
                         "-k",
                         "--tlsv1.2",
                         "--no-sessionid",
                         "--http1.1",
                         "--compressed",
                         "--ciphers",
                         "DEFAULT:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=1",
                         "--user",
                         "admin:Lab-Password-1",
                         "-o",
                         "/dev/null",
                         url,
                         NULL};
    posix_spawn_file_actions_t actions;
    double start = seconds_now();
    int status;
    pid_t pid;

    snprintf(url, sizeof(url), "https://127.10.[0-%d].[1-%d]:%u/admin/API/mnt/Version", SERVERS / PER_NET - 1,
             PER_NET, port);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, null, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, null, STDERR_FILENO); /* its meter is not to be stopped */
    if (posix_spawnp(&pid, "curl", &actions, NULL, arguments, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        give_up("curl failed");
    posix_spawn_file_actions_destroy(&actions);
    return SERVERS / (seconds_now() - start);
}

int main(void)
{
    static char reply[512];
    struct servers servers;
    struct registering registering;
    struct poller_means means = {
        .parallel = PARALLEL, .interval_ms = INTERVAL_MS, .name_task = name_task, .checked = checked};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    double polled[ROUNDS];
    double curled[ROUNDS];
    double ratios[ROUNDS];
    double cpu[2][ROUNDS];
    double idle;
    double peak = 0;
    struct seal *seal;
    char home[64];

    snprintf(reply, sizeof(reply),
             "HTTP/1.1 200 OK\r\nContent-Type: application/xml;charset=UTF-8\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n%s",
             strlen(REPLY_BODY), REPLY_BODY);
    bench_reply = reply;
    servers = start_servers(4, 1);
    means.store = open_store(home);
    means.seal = seal = seal_make(home, NULL) == 0 ? seal_open(home, NULL) : NULL;
    registering = (struct registering){seal, servers.port};
    if (seal == NULL || store_run(means.store, register_all, &registering, NULL) != 0)
        give_up("nothing registered");
    https_client_init();
    idle = memory_now();
    run_poller(&means, SERVERS, &peak); /* first contacts, each pinned durably */
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = cpu_now(RUSAGE_CHILDREN);

        curled[i] = run_curl(servers.port, null);
        cpu[0][i] = (cpu_now(RUSAGE_CHILDREN) - start) / SERVERS * 1e6;
        start = cpu_now(RUSAGE_SELF);
        polled[i] = run_poller(&means, SERVERS, &peak);
        cpu[1][i] = (cpu_now(RUSAGE_SELF) - start) / (double)atomic_load(&checks) * 1e6;
        ratios[i] = polled[i] / curled[i];
    }
    if (atomic_load(&failures) > 0)
        give_up("some servers could not be reached");
    printf("poll %d registered servers: %.0f/s, each judged and kept; curl --parallel: %.0f/s; ratio %.3f "
           "(reach: at least %.2f); CPU of a check %.0f us, of curl's %.0f us\n",
           SERVERS, median(polled, ROUNDS), median(curled, ROUNDS), median(ratios, ROUNDS), REACH,
           median(cpu[1], ROUNDS), median(cpu[0], ROUNDS));
    printf("memory of that above idle: %.1f MiB, idle %.1f MiB, ratio %.3f (at most %.0f)\n", peak - idle,
           idle, peak - idle, MEMORY_MIB);
    seal_close(seal);
    drop_store(means.store, home);
    stop_servers(&servers);
    close(null);
    return 0;
}
