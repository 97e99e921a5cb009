#include "net/probe.h"

#include "base/clock.h"
#include "net/probe_connection.h"
#include "net/tls.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_MAX 64
#define CANCEL_LOOK_MS 100 /* how soon a cancellation is noticed */
#define RETRY_MS 50        /* for a connection that waits for a free descriptor */

/* What the threads of one probe share. */
struct probe {
    const struct trust_request *requests;
    size_t count;
    atomic_size_t next;
    atomic_bool *cancel;
    pthread_mutex_t lock; /* one report at a time */
    probe_done done;
    void *arg;
};

/* One thread. */
struct loop {
    struct probe *probe;
    struct probe_means means;
    struct probe_connection *connections;
    struct epoll_event *events;
    size_t places;
    size_t active;
    pthread_t thread;
    bool started; /* has a thread of its own */
};

static bool is_cancelled(const struct probe *probe)
{
    return probe->cancel != NULL && atomic_load(probe->cancel);
}

static void report(struct loop *loop, struct probe_connection *connection)
{
    struct probe *probe = loop->probe;
    struct probe_result result;
    size_t index = connection->index;

    probe_connection_finish(connection, &result);
    loop->active--;
    pthread_mutex_lock(&probe->lock);
    probe->done(probe->arg, index, &result);
    pthread_mutex_unlock(&probe->lock);
}

/* Puts the next request into a free place; reports those that end at once. */
static void fill(struct loop *loop, struct probe_connection *connection)
{
    while (connection->step == PROBE_IDLE) {
        size_t index = atomic_fetch_add(&loop->probe->next, 1);

        if (index >= loop->probe->count)
            return;
        loop->active++;
        probe_connection_start(connection, &loop->means, &loop->probe->requests[index], index);
        if (is_cancelled(loop->probe))
            probe_connection_cancel(connection);
        if (connection->step == PROBE_END)
            report(loop, connection);
    }
}

static void go(struct loop *loop, struct probe_connection *connection, int64_t now)
{
    probe_connection_go(connection, &loop->means, now);
    if (connection->step != PROBE_END)
        return;
    report(loop, connection);
    fill(loop, connection);
}

static int time_to_wait(const struct loop *loop)
{
    int64_t now = clock_monotonic_ms();
    int64_t first = now + 60000;

    for (size_t i = 0; i < loop->places; i++) {
        const struct probe_connection *connection = &loop->connections[i];

        if (connection->step == PROBE_IDLE)
            continue;
        if (connection->step_ms < first)
            first = connection->step_ms;
        if (connection->step == PROBE_SOCKET && now + RETRY_MS < first)
            first = now + RETRY_MS;
    }
    if (loop->probe->cancel != NULL && now + CANCEL_LOOK_MS < first)
        first = now + CANCEL_LOOK_MS;
    return first > now ? (int)(first - now) : 0;
}

/* Those that no socket event wakes, and those whose time is up. `now` is from before the events were taken:
 * what arrived while this thread was busy still counts as in time. */
static void look_around(struct loop *loop, int64_t now, bool resolved)
{
    bool cancelled = is_cancelled(loop->probe);

    for (size_t i = 0; i < loop->places; i++) {
        struct probe_connection *connection = &loop->connections[i];

        if (connection->step == PROBE_IDLE)
            continue;
        if (cancelled) {
            probe_connection_cancel(connection);
            report(loop, connection);
            fill(loop, connection);
        } else if (connection->step == PROBE_SOCKET || now >= connection->step_ms ||
                   (resolved && connection->step == PROBE_LOOK_UP)) {
            go(loop, connection, now);
        }
    }
}

static void *run_loop(void *arg)
{
    struct loop *loop = arg;

    for (size_t i = 0; i < loop->places; i++)
        fill(loop, &loop->connections[i]);
    while (loop->active > 0) {
        int wait = time_to_wait(loop);
        int count;
        int64_t now;
        bool resolved = false;

        count = epoll_wait(loop->means.epoll, loop->events, (int)loop->places + 1, wait);
        now = clock_monotonic_ms();
        for (int i = 0; i < count; i++) {
            eventfd_t number;

            if (loop->events[i].data.ptr != NULL)
                go(loop, loop->events[i].data.ptr, 0);
            else if (eventfd_read(loop->means.resolved, &number) == 0)
                resolved = true;
        }
        look_around(loop, now, resolved);
    }
    return NULL;
}

static void close_loop(struct loop *loop)
{
    if (loop->means.epoll >= 0)
        close(loop->means.epoll);
    if (loop->means.resolved >= 0)
        close(loop->means.resolved);
    free(loop->connections);
    free(loop->events);
}

static int open_loop(struct loop *loop, struct probe *probe, const struct probe_means *means, size_t places,
                     struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN};

    *loop = (struct loop){.probe = probe, .means = *means, .places = places};
    loop->means.epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->means.resolved = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->connections = calloc(places, sizeof(*loop->connections));
    loop->events = calloc(places + 1, sizeof(*loop->events));
    if (loop->connections == NULL || loop->events == NULL)
        error_set(err, ERROR_INTERNAL, "out of memory");
    else if (loop->means.epoll < 0 || loop->means.resolved < 0 ||
             epoll_ctl(loop->means.epoll, EPOLL_CTL_ADD, loop->means.resolved, &event) != 0)
        error_set_errno(err, errno, "cannot start connecting");
    else
        return 0;
    close_loop(loop);
    return -1;
}

static size_t threads_for(const struct probe_options *options, size_t count)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = options->threads > 0 ? (size_t)options->threads
                     : processors > 0     ? (size_t)processors
                                          : 1;

    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    return threads < count ? threads : count;
}

/* The calling thread is one of them. Fewer than asked for will do. */
static int run_threads(struct probe *probe, const struct probe_means *means, size_t threads, size_t places,
                       struct error *err)
{
    struct loop loops[THREADS_MAX];
    size_t opened = 0;

    while (opened < threads && open_loop(&loops[opened], probe, means, places, opened == 0 ? err : NULL) == 0)
        opened++;
    if (opened == 0)
        return -1;
    for (size_t i = 1; i < opened; i++)
        loops[i].started = pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]) == 0;
    run_loop(&loops[0]);
    for (size_t i = 0; i < opened; i++) {
        if (loops[i].started)
            pthread_join(loops[i].thread, NULL);
        close_loop(&loops[i]);
    }
    return 0;
}

int probe_run(struct store *store, const struct trust_request *requests, size_t count,
              const struct probe_options *options, probe_done done, void *arg, struct error *err)
{
    static const struct probe_options defaults;
    struct probe_means means = {.store = store};
    struct probe probe = {.requests = requests, .count = count, .done = done, .arg = arg};
    size_t concurrency;
    size_t threads;
    int result;

    if (count == 0)
        return 0;
    if (options == NULL)
        options = &defaults;
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
    means.context = tls_client_context(NULL, err);
    if (means.context == NULL)
        return -1;
    means.timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : PROBE_TIMEOUT_MS;
    probe.cancel = options->cancel;
    atomic_init(&probe.next, 0);
    pthread_mutex_init(&probe.lock, NULL);
    concurrency = options->concurrency > 0 ? (size_t)options->concurrency : PROBE_CONCURRENCY;
    threads = threads_for(options, concurrency < count ? concurrency : count);
    result = run_threads(&probe, &means, threads, (concurrency + threads - 1) / threads, err);
    pthread_mutex_destroy(&probe.lock);
    SSL_CTX_free(means.context);
    return result;
}
