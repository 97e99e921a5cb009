/* Names and addresses of hosts, for people who ask for them. */
#include "net/reach.h"

#include "net/resolve.h"
#include "net/socket_address.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLICE_MS 100

static int wait_result(struct resolve *resolve, int done, bool (*stop)(void *arg), void *arg,
                       struct addrinfo **addresses, struct error *err)
{
    int result;

    while ((result = resolve_result(resolve, addresses, err)) == 0) {
        struct pollfd wait = {.fd = done, .events = POLLIN};

        if (stop(arg))
            return error_set(err, ERROR_BUSY, "stopped");
        poll(&wait, 1, SLICE_MS);
    }
    return result > 0 ? 0 : -1;
}

static int find(const struct host_port *host, bool (*stop)(void *arg), void *arg, struct addrinfo **addresses,
                struct error *err)
{
    int done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct resolve *resolve;
    int failed;

    if (done < 0)
        return error_set_errno(err, errno, "cannot make an eventfd");
    resolve = resolve_start(host, done, addresses, err);
    failed = *addresses == NULL ? -1 : 0;
    if (resolve != NULL) {
        failed = wait_result(resolve, done, stop, arg, addresses, err);
        resolve_release(resolve);
    }
    close(done);
    return failed;
}

int reach_look_up(const char *text, bool (*stop)(void *arg), void *arg,
                  void (*each)(void *each_arg, const char *address), void *each_arg, struct error *err)
{
    struct addrinfo *addresses = NULL;
    struct host_port host = {.port = 1};
    char address[NI_MAXHOST];

    if (host_parse(text, &host.kind, host.host, err) != 0 || find(&host, stop, arg, &addresses, err) != 0)
        return -1;
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) == 0)
            each(each_arg, address);
    }
    resolve_addresses_free(addresses);
    return 0;
}

int reach_name_of(const char *address, char out[HOST_TEXT_MAX], struct error *err)
{
    union socket_address where;
    socklen_t length = socket_address_read(address, 0, &where);
    int reason =
        length == 0 ? EAI_NONAME : getnameinfo(&where.any, length, out, HOST_TEXT_MAX, NULL, 0, NI_NAMEREQD);

    if (reason == 0)
        return 0;
    return error_set(err, ERROR_UNREACHABLE, "cannot find the name of %.100s: %s", address,
                     reason == EAI_SYSTEM ? "the system's resolver failed" : gai_strerror(reason));
}
