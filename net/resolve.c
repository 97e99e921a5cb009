#include "net/resolve.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct resolve {
    pthread_mutex_t lock;
    int references; /* the caller and the thread */
    struct host_port host;
    int done_fd;
    bool done;
    int reason; /* of getaddrinfo(3); 0: found */
    struct addrinfo *addresses;
};

static int look_up(const struct host_port *host, int flags, struct addrinfo **addresses)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    char port[8];

    snprintf(port, sizeof(port), "%u", host->port);
    return getaddrinfo(host->host, port, &hints, addresses);
}

void resolve_release(struct resolve *resolve)
{
    bool last;

    pthread_mutex_lock(&resolve->lock);
    last = --resolve->references == 0;
    pthread_mutex_unlock(&resolve->lock);
    if (!last)
        return;
    resolve_addresses_free(resolve->addresses);
    close(resolve->done_fd);
    pthread_mutex_destroy(&resolve->lock);
    free(resolve);
}

static void *run(void *arg)
{
    struct resolve *resolve = arg;
    struct addrinfo *addresses = NULL;
    int reason = look_up(&resolve->host, AI_ADDRCONFIG, &addresses);

    pthread_mutex_lock(&resolve->lock);
    resolve->addresses = reason == 0 ? addresses : NULL;
    resolve->reason = reason;
    resolve->done = true;
    pthread_mutex_unlock(&resolve->lock);
    eventfd_write(resolve->done_fd, 1);
    resolve_release(resolve);
    return NULL;
}

static struct resolve *start_thread(const struct host_port *host, int done_fd)
{
    struct resolve *resolve = calloc(1, sizeof(*resolve));
    pthread_attr_t detached;
    pthread_t thread;
    int failed;

    if (resolve == NULL)
        return NULL;
    pthread_mutex_init(&resolve->lock, NULL);
    resolve->references = 2;
    resolve->host = *host;
    /* The caller may be gone, and its descriptor's number be somebody else's, when the answer comes. */
    resolve->done_fd = fcntl(done_fd, F_DUPFD_CLOEXEC, 0);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    failed = resolve->done_fd < 0 || pthread_create(&thread, &detached, run, resolve) != 0;
    pthread_attr_destroy(&detached);
    if (!failed)
        return resolve;
    if (resolve->done_fd >= 0)
        close(resolve->done_fd);
    pthread_mutex_destroy(&resolve->lock);
    free(resolve);
    return NULL;
}

static int not_found(const struct host_port *host, int reason, struct error *err)
{
    return error_set(err, ERROR_UNREACHABLE, "cannot find the address of %s: %s", host->host,
                     reason == EAI_SYSTEM ? "the system's resolver failed" : gai_strerror(reason));
}

struct resolve *resolve_start(const struct host_port *host, int done_fd, struct addrinfo **addresses,
                              struct error *err)
{
    struct resolve *resolve;
    int reason;

    *addresses = NULL;
    if (host->kind != HOST_NAME) {
        reason = look_up(host, AI_NUMERICHOST, addresses);
        if (reason != 0)
            not_found(host, reason, err);
        return NULL;
    }
    resolve = start_thread(host, done_fd);
    if (resolve == NULL)
        error_set(err, ERROR_INTERNAL, "cannot look up %s: no thread for it", host->host);
    return resolve;
}

int resolve_result(struct resolve *resolve, struct addrinfo **addresses, struct error *err)
{
    int result;

    pthread_mutex_lock(&resolve->lock);
    if (!resolve->done) {
        result = 0;
    } else if (resolve->addresses == NULL) {
        result = not_found(&resolve->host, resolve->reason, err);
    } else {
        *addresses = resolve->addresses;
        resolve->addresses = NULL;
        result = 1;
    }
    pthread_mutex_unlock(&resolve->lock);
    return result;
}

void resolve_addresses_free(struct addrinfo *addresses)
{
    if (addresses != NULL)
        freeaddrinfo(addresses);
}
