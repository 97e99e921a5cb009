#include "net/reach.h"

#include "base/clock.h"
#include "net/socket_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 33434 /* of traceroute(8): nobody listens there */
#define PORTS 512
#define SLICE_MS 100 /* between two looks at stop() */
#define HOPS_USUAL 64
#define ECHO_HEADER 8 /* bytes, of both versions */

struct reach {
    int fd;
    enum reach_kind kind;
    union socket_address to;
    socklen_t to_length;
    uint16_t number; /* of the last probe: its sequence number, or its port */
    int64_t sent_us;
};

static bool is_v6(const struct reach *reach)
{
    return reach->to.any.sa_family == AF_INET6;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* ---- start ---- */

static int set(const struct reach *reach, int v4, int v6, int value)
{
    return is_v6(reach) ? setsockopt(reach->fd, IPPROTO_IPV6, v6, &value, sizeof(value))
                        : setsockopt(reach->fd, IPPROTO_IP, v4, &value, sizeof(value));
}

static int open_socket(struct reach *reach, struct error *err)
{
    int echo = is_v6(reach) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    int reason;

    reach->fd = socket(reach->to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       reach->kind == REACH_ECHO ? echo : 0);
    if (reach->fd < 0) {
        reason = errno;
        error_set_errno(err, reason, "cannot make a socket for probes");
        if (err != NULL && (reason == EACCES || reason == EPERM))
            err->code = ERROR_DENIED;
        return -1;
    }
    if (set(reach, IP_RECVERR, IPV6_RECVERR, 1) != 0 || set(reach, IP_RECVTTL, IPV6_RECVHOPLIMIT, 1) != 0)
        return error_set_errno(err, errno, "cannot set up a socket for probes");
    return 0;
}

struct reach *reach_open(const char *address, enum reach_kind kind, struct error *err)
{
    struct reach *reach = calloc(1, sizeof(*reach));

    if (reach == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    reach->fd = -1;
    reach->kind = kind;
    reach->to_length = socket_address_read(address, 0, &reach->to);
    if (reach->to_length == 0)
        error_set(err, ERROR_INVALID_ARGUMENT, "%.100s is no address", address);
    else if (open_socket(reach, err) == 0)
        return reach;
    reach_close(reach);
    return NULL;
}

void reach_close(struct reach *reach)
{
    if (reach == NULL)
        return;
    if (reach->fd >= 0)
        close(reach->fd);
    free(reach);
}

/* ---- a probe ---- */

static void set_port(struct reach *reach)
{
    uint16_t port = htons(reach->number);

    if (is_v6(reach))
        reach->to.v6.sin6_port = port;
    else
        reach->to.v4.sin_port = port;
}

/* The kernel fills in the identifier, which is the socket's, and the checksum. */
static void put_header(const struct reach *reach, uint8_t *packet)
{
    uint16_t sequence = htons(reach->number);

    memset(packet, 0, ECHO_HEADER);
    packet[0] = is_v6(reach) ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    memcpy(packet + 6, &sequence, sizeof(sequence));
}

static int send_probe(struct reach *reach, size_t payload, struct error *err)
{
    uint8_t packet[ECHO_HEADER + REACH_PAYLOAD_MOST] = {0};
    size_t length = payload < REACH_PAYLOAD_MOST ? payload : REACH_PAYLOAD_MOST;
    char text[INET6_ADDRSTRLEN] = "?";
    int pending;
    socklen_t size = sizeof(pending);

    reach->number++;
    if (reach->kind == REACH_ECHO) {
        put_header(reach, packet);
        length += ECHO_HEADER;
    } else {
        if (reach->number < FIRST_PORT || reach->number >= FIRST_PORT + PORTS)
            reach->number = FIRST_PORT;
        set_port(reach);
    }
    /* what an earlier probe came to would be told to this one */
    getsockopt(reach->fd, SOL_SOCKET, SO_ERROR, &pending, &size);
    reach->sent_us = now_us();
    if (sendto(reach->fd, packet, length, 0, &reach->to.any, reach->to_length) >= 0)
        return 0;
    pending = errno;
    inet_ntop(reach->to.any.sa_family,
              is_v6(reach) ? (const void *)&reach->to.v6.sin6_addr : (const void *)&reach->to.v4.sin_addr,
              text, sizeof(text));
    error_set_errno(err, pending, "cannot send to %s", text);
    if (err != NULL)
        err->code = ERROR_UNREACHABLE;
    return -1;
}

/* ---- its answer ---- */

static void take_from(struct reach_answer *out, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, out->from,
                  sizeof(out->from));
    else if (from->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr, out->from,
                  sizeof(out->from));
}

/* A header of either version has the number in the same place. */
static bool is_of_last(const struct reach *reach, const uint8_t *packet, size_t length)
{
    uint16_t number;

    if (length < ECHO_HEADER)
        return false;
    memcpy(&number, packet + 6, sizeof(number));
    return ntohs(number) == reach->number;
}

static void take_ttl(struct reach_answer *out, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if ((part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TTL) ||
            (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_HOPLIMIT))
            memcpy(&out->ttl, CMSG_DATA(part), sizeof(out->ttl));
    }
}

/* The meaning of an ICMP error; what it says of the host's port or protocol, the host says. */
static enum reach_what meaning_of(const struct sock_extended_err *cause)
{
    if (cause->ee_origin == SO_EE_ORIGIN_ICMP) {
        if (cause->ee_type == ICMP_TIME_EXCEEDED)
            return REACH_ROUTER;
        return cause->ee_code == ICMP_PORT_UNREACH || cause->ee_code == ICMP_PROT_UNREACH ? REACH_HOST
                                                                                          : REACH_UNREACHABLE;
    }
    if (cause->ee_type == ICMP6_TIME_EXCEEDED)
        return REACH_ROUTER;
    return cause->ee_code == ICMP6_DST_UNREACH_NOPORT ? REACH_HOST : REACH_UNREACHABLE;
}

static bool take_cause(struct reach_answer *out, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        const struct sock_extended_err *cause = (const void *)CMSG_DATA(part);

        if (!(part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) &&
            !(part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR))
            continue;
        if (cause->ee_origin != SO_EE_ORIGIN_ICMP && cause->ee_origin != SO_EE_ORIGIN_ICMP6)
            continue;
        out->what = meaning_of(cause);
        take_from(out, SO_EE_OFFENDER(cause));
        return true;
    }
    return false;
}

/* One packet or one error that waits on the socket. False: none does. */
static bool take_message(struct reach *reach, int flags, struct reach_answer *out)
{
    uint8_t packet[ECHO_HEADER + REACH_PAYLOAD_MOST];
    union socket_address peer = {0};
    char parts[512] __attribute__((aligned(8)));
    struct iovec room = {packet, sizeof(packet)};
    struct msghdr message = {.msg_name = &peer,
                             .msg_namelen = sizeof(peer),
                             .msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = parts,
                             .msg_controllen = sizeof(parts)};
    ssize_t got = recvmsg(reach->fd, &message, flags);
    uint16_t port;
    bool ours;

    if (got < 0)
        return false;
    /* of an error the kernel says where the probe had gone to */
    port = ntohs(is_v6(reach) ? peer.v6.sin6_port : peer.v4.sin_port);
    ours = reach->kind == REACH_ECHO ? is_of_last(reach, packet, (size_t)got) : port == reach->number;
    if (!ours)
        return true;
    if ((flags & MSG_ERRQUEUE) != 0) {
        take_cause(out, &message);
    } else {
        out->what = REACH_HOST;
        take_from(out, &peer.any);
        take_ttl(out, &message);
    }
    return true;
}

int reach_probe(struct reach *reach, int ttl, size_t payload, int timeout_ms, bool (*stop)(void *arg),
                void *arg, struct reach_answer *out, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    int64_t left = timeout_ms;

    *out = (struct reach_answer){.ttl = -1};
    if (set(reach, IP_TTL, IPV6_UNICAST_HOPS, ttl > 0 ? ttl : HOPS_USUAL) != 0)
        return error_set_errno(err, errno, "cannot set how far a probe goes");
    if (send_probe(reach, payload, err) != 0)
        return -1;
    while (out->what == REACH_NOTHING && left > 0 && (stop == NULL || !stop(arg))) {
        struct pollfd wait = {.fd = reach->fd, .events = POLLIN};

        if (poll(&wait, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0) {
            while (out->what == REACH_NOTHING && take_message(reach, MSG_ERRQUEUE, out))
                ;
            while (out->what == REACH_NOTHING && take_message(reach, 0, out))
                ;
        }
        left = deadline - clock_monotonic_ms();
    }
    out->us = now_us() - reach->sent_us;
    return 0;
}
