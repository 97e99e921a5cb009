/*
 * Is a host there, and over which routers? Probes as ping(8) and traceroute(8) send them, without any
 * privilege: ICMP echo requests where the kernel lets this process send them (net.ipv4.ping_group_range), and
 * datagrams to ports that nobody listens on, which every host answers with "port unreachable" (RFC 1122
 * 3.2.2.1) unless a filter keeps it from that.
 */
#pragma once

#include "base/host_port.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reach_kind { REACH_ECHO, REACH_DATAGRAM };

enum reach_what {
    REACH_NOTHING,    /* no answer in time, or stopped */
    REACH_ROUTER,     /* a router: the probe had lived long enough (ICMP time exceeded) */
    REACH_HOST,       /* the host itself */
    REACH_UNREACHABLE /* a router, or this machine: there is no way */
};
struct reach_answer {
    enum reach_what what;
    char from[HOST_TEXT_MAX]; /* "" for REACH_NOTHING */
    int64_t us;               /* from the probe to the answer */
    int ttl;                  /* of an answer to an echo request; -1: not known */
};

struct reach;

/* `address` is an IPv4 or IPv6 address. ERROR_DENIED: this process may send no echo requests.
 * ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
struct reach *reach_open(const char *address, enum reach_kind kind, struct error *err);
void reach_close(struct reach *reach);

#define REACH_PAYLOAD_MOST 1400 /* bytes */

/*
 * Sends one probe that may pass `ttl` routers (0: as many as usual), with `payload` bytes, and waits for its
 * answer until timeout_ms are over or stop(arg) (may be NULL) is true. ERROR_UNREACHABLE: it cannot be sent.
 */
int reach_probe(struct reach *reach, int ttl, size_t payload, int timeout_ms, bool (*stop)(void *arg),
                void *arg, struct reach_answer *out, struct error *err);

/*
 * Looks a host up: calls `each` for its addresses; an address stands for itself. ERROR_UNREACHABLE: there are
 * none. ERROR_BUSY: stop(arg) was true.
 */
int reach_look_up(const char *host, bool (*stop)(void *arg), void *arg,
                  void (*each)(void *each_arg, const char *address), void *each_arg, struct error *err);

/* The name of an address (waits as long as the system's resolver does). ERROR_UNREACHABLE: it has none. */
int reach_name_of(const char *address, char out[HOST_TEXT_MAX], struct error *err);
