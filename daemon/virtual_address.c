#include "daemon/virtual_address.h"

#include "base/clock.h"
#include "daemon/broker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARP_TABLE "/proc/self/net/arp" /* the service sees no /proc/net (ProcSubset=pid) */
#define ARP_COMPLETE 0x2               /* ATF_COM: the neighbour answered */
#define LOOK_MS 20
#define DISCARD_PORT 9 /* nobody listens there; a living host says so */

/* True if the kernel knows whose hardware address it is. */
static bool is_known_neighbour(const char *address)
{
    FILE *table = fopen(ARP_TABLE, "re");
    char line[256];
    bool known = false;

    if (table == NULL)
        return false;
    while (!known && fgets(line, sizeof(line), table) != NULL) {
        char found[INET_ADDRSTRLEN];
        unsigned flags;

        known = sscanf(line, "%15s %*s %x", found, &flags) == 2 && strcmp(found, address) == 0 &&
                (flags & ARP_COMPLETE) != 0;
    }
    fclose(table);
    return known;
}

/* Asks the network whether anybody has the address: by ARP, and by a datagram that nobody wants. */
static bool answers(const char *address)
{
    int64_t end_ms = clock_monotonic_ms() + VIRTUAL_ADDRESS_ASK_MS;
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT)};
    bool known_before = is_known_neighbour(address); /* may be long gone */
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = false;
    char byte = 0;

    if (fd < 0)
        return false;
    if (inet_pton(AF_INET, address, &target.sin_addr) == 1 &&
        connect(fd, (const struct sockaddr *)&target, sizeof(target)) == 0 && send(fd, &byte, 1, 0) == 1) {
        while (!found && clock_monotonic_ms() < end_ms) {
            struct pollfd watched = {.fd = fd, .events = POLLIN};

            found = (poll(&watched, 1, LOOK_MS) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) < 0 &&
                     errno == ECONNREFUSED) ||
                    (!known_before && is_known_neighbour(address));
        }
    }
    close(fd);
    return found;
}

int virtual_address_check(struct node *node, const struct virtual_address *wanted, struct error *err)
{
    struct virtual_address_state state;

    if (broker_address_check(node->broker, wanted, err) != 0 ||
        broker_address_state(node->broker, &state, err) != 0)
        return -1;
    if (state.started || !answers(wanted->ipv4))
        return 0;
    error_set(err, ERROR_CONFLICT, "the virtual address %s is in use already", wanted->ipv4);
    return error_hint(err, "take another one that nobody in the subnet has");
}

int virtual_address_start(struct node *node, const struct virtual_address *wanted, struct error *err)
{
    return broker_address_start(node->broker, wanted, err);
}

int virtual_address_set_active(struct node *node, bool active, uint64_t epoch, struct error *err)
{
    return broker_address_set(node->broker, active, epoch, err);
}

void virtual_address_stop(struct node *node)
{
    struct error err = {0};

    if (broker_address_stop(node->broker, &err) != 0)
        log_write(node->application_log, LOG_LEVEL_ERROR,
                  "[system] [VirtualAddress] the virtual address could not be given up: %s", err.message);
}

int virtual_address_state(struct node *node, struct virtual_address_state *out, struct error *err)
{
    return broker_address_state(node->broker, out, err);
}
