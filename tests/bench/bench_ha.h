/* Two nodes of a pair in one process, with the real link between them: TLS over loopback, both certificates
 * judged, both keys proved. Only the daemon around them is missing. */
#pragma once

#include "tests/bench/bench_pins.h"

#include "ha/link_pipe.h"
#include "ha/link_server.h"
#include "ha/link_source.h"
#include "ha/receiver.h"
#include "ha/sender.h"
#include "net/tls.h"
#include "store/setting.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#define TMPFS_MAGIC 0x01021994

struct bench_node {
    char home[500];
    struct link_self self;
    struct identity *identity;
    struct seal *seal;
};

struct bench_pair {
    char folder[400];
    struct bench_node active, standby;
    struct event_base *base;
    struct https_server *https;
    struct link_server *links;
    pthread_t loop;
    struct ha_sender *sender;
    struct link_source *source;
    struct ha_receiver *receiver;
};

static inline int bench_key(void *arg, struct proof_key *out, struct error *err)
{
    (void)arg;
    (void)err;
    memset(out->bytes, 'k', sizeof(out->bytes));
    return 0;
}

static inline int bench_silence_ms(void *arg)
{
    (void)arg;
    return 20000;
}

static inline const char *bench_role(void *arg)
{
    (void)arg;
    return "primary";
}

struct bench_task {
    void (*run)(void *arg);
    void *arg;
};

static inline void *bench_run_task(void *arg)
{
    struct bench_task task = *(struct bench_task *)arg;

    free(arg);
    task.run(task.arg);
    return NULL;
}

static inline int bench_work(void *arg, void (*run)(void *run_arg), void *run_arg, struct error *err)
{
    struct bench_task *task = malloc(sizeof(*task));
    pthread_t thread;

    (void)arg;
    (void)err;
    *task = (struct bench_task){run, run_arg};
    check(pthread_create(&thread, NULL, bench_run_task, task) != 0, "start a thread");
    pthread_detach(thread);
    return 0;
}

static inline int bench_acknowledged(void *arg, const struct ha_position *position, struct error *err)
{
    struct bench_pair *pair = arg;

    return ha_sender_acknowledge(pair->sender, position, err);
}

static inline void bench_gone(void *arg, const void *pipe_arg)
{
    struct bench_pair *pair = arg;

    ha_sender_gone(pair->sender, pipe_arg);
}

static inline void bench_serve(struct bench_pair *pair, struct https_exchange *exchange,
                               const struct ha_position *position)
{
    const struct link_pipe_calls calls = {bench_acknowledged, bench_gone, pair};
    struct error err = {0};
    struct link_pipe *out = link_pipe_new(exchange, &calls, &err);
    struct ha_pipe pipe;
    int failed;

    check(out == NULL, err.message);
    pipe = link_pipe_of(out);
    failed = position != NULL ? ha_sender_changes(pair->sender, position, &pipe, &err)
                              : ha_sender_snapshot(pair->sender, &pipe, &err);
    if (failed == 0) {
        link_pipe_start(out);
        return;
    }
    link_pipe_free(out);
    link_refuse(exchange, &err);
}

static inline void bench_serve_snapshot(void *arg, const struct link_caller *caller,
                                        struct https_exchange *exchange)
{
    (void)caller;
    bench_serve(arg, exchange, NULL);
}

static inline void bench_serve_changes(void *arg, const struct link_caller *caller,
                                       struct https_exchange *exchange)
{
    struct ha_position position;
    struct error err = {0};

    (void)caller;
    check(ha_position_parse(https_exchange_query(exchange), &position, &err) != 0, err.message);
    bench_serve(arg, exchange, &position);
}

static inline void bench_take(void *arg, struct https_exchange *exchange)
{
    struct bench_pair *pair = arg;

    if (!link_server_take(pair->links, exchange))
        https_reply(exchange, 404, NULL, NULL, 0);
}

static inline void *bench_loop(void *arg)
{
    event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static inline void bench_open_node(struct bench_node *node, const char *folder, const char *name,
                                   const char *address)
{
    struct identity_spec spec = {.subject = "/CN=bench"};
    struct error err = {0};

    snprintf(node->home, sizeof(node->home), "%s/%s", folder, name);
    check(mkdir(node->home, 0700) != 0, "make a folder");
    node->self.store = store_open(node->home, STORE_WRITE, &err);
    check(node->self.store == NULL, err.message);
    if (seal_make(node->home, &err) == 0)
        node->seal = seal_open(node->home, &err);
    check(node->seal == NULL, err.message);
    node->identity = identity_generate(&spec, &err);
    check(node->identity == NULL, err.message);
    node->self.identity = node->identity;
    snprintf(node->self.address, sizeof(node->self.address), "%s", address);
    snprintf(node->self.node, sizeof(node->self.node), "%s", store_node_id(node->self.store));
    node->self.version = "1";
}

static inline int bench_begin_line(struct store_txn *txn, void *arg, struct error *err)
{
    (void)arg;
    return replica_begin_line(txn, 1, err);
}

static inline void bench_start_sender(struct bench_pair *pair)
{
    struct ha_sender_options options = {.store = pair->active.self.store, .seal = pair->active.seal};
    struct error err = {0};

    check(store_run(options.store, bench_begin_line, NULL, &err) != 0, err.message);
    pair->sender = ha_sender_new(&options, &err);
    check(pair->sender == NULL, err.message);
}

static inline void bench_serve_links(struct bench_pair *pair)
{
    static struct link_route routes[2];
    struct link_server_options options = {
        .self = &pair->active.self, .key = bench_key, .work = bench_work, .role = bench_role};
    SSL_CTX *context = tls_server_context(pair->active.identity, NULL);
    int fd = https_listen(pair->active.self.address, 0, NULL);
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);
    struct error err = {0};

    routes[0] = (struct link_route){"GET", "/ha/v1/snapshot", NULL, bench_serve_snapshot, pair};
    routes[1] = (struct link_route){"GET", "/ha/v1/changes", NULL, bench_serve_changes, pair};
    check(fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &size) != 0, "listen");
    pair->active.self.port = pair->standby.self.port = ntohs(bound.sin_port);
    tls_server_ask_clients(context);
    pair->base = options.base = event_base_new();
    pair->links = link_server_new(&options, &err);
    check(pair->links == NULL || link_server_add(pair->links, routes, 2, &err) != 0, err.message);
    pair->https = https_server_new(pair->base, &fd, 1, context, NULL, bench_take, pair, &err);
    check(pair->https == NULL, err.message);
    SSL_CTX_free(context);
    check(pthread_create(&pair->loop, NULL, bench_loop, pair->base) != 0, "start a thread");
}

static inline void bench_open_pair(struct bench_pair *pair, const char *folder)
{
    memset(pair, 0, sizeof(*pair));
    evthread_use_pthreads();
    snprintf(pair->folder, sizeof(pair->folder), "%s", folder);
    bench_open_node(&pair->active, folder, "active", "127.88.0.1");
    bench_open_node(&pair->standby, folder, "standby", "127.88.0.2");
    bench_serve_links(pair);
}

static inline void bench_start_receiver(struct bench_pair *pair, bool fresh)
{
    struct link_source_options links = {
        .self = &pair->standby.self, .task = "bench", .silence_ms = bench_silence_ms, .key = bench_key};
    struct ha_receiver_options options = {.store = pair->standby.self.store,
                                          .seal = pair->standby.seal,
                                          .fresh = fresh,
                                          .log_folder = pair->folder};
    struct error err = {0};

    check(host_parse(pair->active.self.address, &links.peer.kind, links.peer.host, &err) != 0, err.message);
    links.peer.port = pair->active.self.port;
    pair->source = link_source_new(&links, &err);
    check(pair->source == NULL, err.message);
    options.source = link_source_of(pair->source);
    pair->receiver = ha_receiver_start(&options, &err);
    check(pair->receiver == NULL, err.message);
}

static inline void bench_stop_receiver(struct bench_pair *pair)
{
    ha_receiver_stop(pair->receiver);
    link_source_free(pair->source);
    pair->receiver = NULL;
    pair->source = NULL;
}

static inline void bench_wait_in_sync(struct bench_pair *pair)
{
    struct ha_sender_state state;
    struct ha_receiver_state received;

    for (;;) {
        struct timespec pause = {.tv_nsec = 200000};

        ha_sender_state(pair->sender, &state);
        ha_receiver_state(pair->receiver, &received);
        check(received.error.code != ERROR_NONE, received.error.message);
        if (received.following && state.unreplicated == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

static inline int bench_remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void bench_close_pair(struct bench_pair *pair)
{
    if (pair->receiver != NULL)
        bench_stop_receiver(pair);
    ha_sender_free(pair->sender);
    link_server_close(pair->links);
    event_base_loopbreak(pair->base);
    pthread_join(pair->loop, NULL);
    https_server_free(pair->https);
    event_base_loop(pair->base, EVLOOP_NONBLOCK);
    link_server_free(pair->links);
    event_base_free(pair->base);
    store_close(pair->active.self.store);
    store_close(pair->standby.self.store);
}

/* A folder on a disk, made new. */
static inline void bench_folder(char out[400])
{
    const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/var/tmp";
    struct statfs info;

    snprintf(out, 400, "%.300s/bench-ha-XXXXXX", folder);
    check(mkdtemp(out) == NULL || statfs(out, &info) != 0, "make a folder");
    check(info.f_type == TMPFS_MAGIC, "the folder lies in memory: set TMPDIR to one on a disk");
}

static inline void bench_remove(const char *folder)
{
    nftw(folder, bench_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
