#include "ha/witness.h"

#include "base/clock.h"
#include "base/host_port.h"
#include "net/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUTES "/proc/self/net/route" /* the service sees no /proc/net (ProcSubset=pid) */
#define ROUTE_GATEWAY 0x0002          /* RTF_GATEWAY of <linux/route.h> */
#define TCP_PORT 443                  /* any will do: an answer is an answer */

/* The gateway of the route to 0.0.0.0/0, as the kernel lists it. */
static bool default_gateway(char out[HOST_TEXT_MAX])
{
    FILE *file = fopen(ROUTES, "re");
    char line[512];
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        char interface[64];
        unsigned destination, gateway, flags;

        if (sscanf(line, "%63s %x %x %x", interface, &destination, &gateway, &flags) != 4 ||
            destination != 0 || (flags & ROUTE_GATEWAY) == 0)
            continue;
        found = inet_ntop(AF_INET, &(struct in_addr){.s_addr = gateway}, out, HOST_TEXT_MAX) != NULL;
    }
    if (file != NULL)
        fclose(file);
    return found;
}

static bool can(int fd, short events, int64_t end_ms)
{
    struct pollfd waiting = {.fd = fd, .events = events};
    int64_t left_ms = end_ms - clock_monotonic_ms();

    return left_ms > 0 && poll(&waiting, 1, (int)left_ms) == 1;
}

/* -1: this user may send none. */
static int ping(const char *address, int timeout_ms)
{
    struct reach *reach = reach_open(address, REACH_ECHO, NULL);
    struct reach_answer answer;
    int failed;

    if (reach == NULL)
        return -1;
    failed = reach_probe(reach, 0, 0, timeout_ms, NULL, NULL, &answer, NULL);
    reach_close(reach);
    return failed != 0 ? -1 : answer.what == REACH_HOST;
}

static bool knock(const struct addrinfo *to, int64_t end_ms)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof(int);
    int reason = ETIMEDOUT;

    if (fd < 0)
        return false;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        reason = 0;
    else if (errno != EINPROGRESS)
        reason = errno;
    else if (can(fd, POLLOUT, end_ms))
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length);
    close(fd);
    return reason == 0 || reason == ECONNREFUSED;
}

bool ha_witness_answers(const char *host, int timeout_ms, struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *to = NULL;
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    char gateway[HOST_TEXT_MAX];
    char port[8];
    int answer;

    if (host[0] == '\0') {
        if (!default_gateway(gateway)) {
            error_set(err, ERROR_UNREACHABLE,
                      "there is no default gateway to ask whether it is itself cut off");
            error_hint(err, "configure a witness in configuration mode ha");
            return false;
        }
        host = gateway;
    }
    snprintf(port, sizeof(port), "%d", TCP_PORT);
    if (getaddrinfo(host, port, &hints, &to) != 0) {
        error_set(err, ERROR_UNREACHABLE, "the witness %s is not an address", host);
        return false;
    }
    answer = ping(host, timeout_ms);
    if (answer < 0)
        answer = knock(to, end_ms);
    freeaddrinfo(to);
    if (answer <= 0)
        error_set(err, ERROR_UNREACHABLE,
                  "the witness %s does not answer, so this server may be the one that is cut off", host);
    return answer > 0;
}
