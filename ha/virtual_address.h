/*
 * The pair's virtual address: what may be one, and what keepalived(8) is told about it. Pure: opens nothing.
 *
 * The address follows the pair's own decision who is active; VRRP (RFC 9568) only carries it out. Each node's
 * keepalived reads a track file: a standby's says -254, which keeps its instance in the fault state, so that
 * it never takes the address by itself; an active node's says a number that grows with the epoch and is added
 * to the priority, so that of two nodes that both hold themselves for active the later one wins.
 */
#pragma once

#include "base/error.h"
#include "base/host_port.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wanted. Addresses as host_parse() writes them. */
struct virtual_address {
    char own[HOST_TEXT_MAX];  /* this node's listen address, IPv4 */
    char peer[HOST_TEXT_MAX]; /* the other node's, IPv4 */
    char ipv4[INET_ADDRSTRLEN];
    char ipv6[INET6_ADDRSTRLEN]; /* "": none */
    uint8_t router_id;           /* 1 to 255, the same on both: virtual_address_router_id() */
    uint32_t heartbeat_ms;       /* the pair's; adverts follow it */
};

/* Where the node's own address is. */
struct virtual_address_network {
    char interface[16]; /* "eth0" */
    bool is_loopback;
    unsigned prefix; /* bits of `own`'s network */
};

/*
 * The rules: both nodes and the IPv4 address in one subnet, the address no node's and neither the network's
 * nor its broadcast, no loopback or multicast; IPv6 never in fe80::/10. network NULL: those that need none.
 * ERROR_INVALID_ARGUMENT; ERROR_CONFLICT: not in one subnet, or a shared loopback.
 */
int virtual_address_rules(const struct virtual_address *wanted, const struct virtual_address_network *network,
                          struct error *err);

/* VRRP's id of the pair, 1 to 255, from the pair's id: the same on both nodes. */
uint8_t virtual_address_router_id(const char *pair_id);

/* Milliseconds between two adverts: a fifth of the heartbeat, 20 to 1000. */
unsigned virtual_address_advert_ms(uint32_t heartbeat_ms);

/* keepalived.conf of checked values. False: larger than `size`. */
#define VIRTUAL_ADDRESS_CONF_MAX 4096
bool virtual_address_conf(const struct virtual_address *wanted, const struct virtual_address_network *network,
                          const char *track_file, char *out, size_t size);

/* What the track file says. */
int virtual_address_weight(bool active, uint64_t epoch);

/* What is there now. */
struct virtual_address_state {
    bool started; /* it is wanted, and so was keepalived */
    bool running; /* keepalived lives */
    bool held;    /* the IPv4 address is on an interface of this machine */
    unsigned restarts;
    char problem[256]; /* why it does not run; "" */
};
