/* show interface: the network interfaces of the machine, as the kernel has them. */
#include "base/text.h"
#include "commands/context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
    INTERFACE_NAME,
    INTERFACE_STATE,
    INTERFACE_ADDRESS,
    INTERFACE_RECEIVED,
    INTERFACE_RECEIVE_ERRORS,
    INTERFACE_SENT,
    INTERFACE_SEND_ERRORS
};
static const struct shell_column columns[] = {
    [INTERFACE_NAME] = {.name = "interface", .heading = "Interface"},
    [INTERFACE_STATE] = {.name = "state", .heading = "State"},
    [INTERFACE_ADDRESS] = {.name = "addresses", .heading = "Addresses"},
    [INTERFACE_RECEIVED] = {.name = "received_bytes", .heading = "Received", .kind = SHELL_NUMBER},
    [INTERFACE_RECEIVE_ERRORS] = {.name = "receive_failures", .kind = SHELL_NUMBER},
    [INTERFACE_SENT] = {.name = "sent_bytes", .heading = "Sent", .kind = SHELL_NUMBER},
    [INTERFACE_SEND_ERRORS] = {.name = "send_failures", .kind = SHELL_NUMBER},
};
static const struct shell_listing listing = {
    .name = "interfaces", .form = SHELL_TABLE, SHELL_COLUMNS(columns)};

static const char *state_of(unsigned flags)
{
    if ((flags & IFF_UP) == 0)
        return "off";
    return (flags & IFF_RUNNING) != 0 ? "up" : "down";
}

/* Leading one bits of a netmask. */
static int prefix_of(const uint8_t *mask, size_t length)
{
    int bits = 0;

    for (size_t i = 0; i < length; i++)
        bits += __builtin_popcount(mask[i]);
    return bits;
}

/* "127.0.0.1/8", or "" for what is no address of the Internet's. */
static void format_address(const struct ifaddrs *entry, char *out, size_t size)
{
    const struct sockaddr *address = entry->ifa_addr;
    char text[INET6_ADDRSTRLEN];
    const uint8_t *mask;
    const void *bytes;
    size_t length;

    out[0] = '\0';
    if (address == NULL || entry->ifa_netmask == NULL)
        return;
    if (address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
        mask = (const uint8_t *)&((const struct sockaddr_in *)(const void *)entry->ifa_netmask)->sin_addr;
        length = sizeof(struct in_addr);
    } else if (address->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        mask = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)entry->ifa_netmask)->sin6_addr;
        length = sizeof(struct in6_addr);
    } else {
        return;
    }
    if (inet_ntop(address->sa_family, bytes, text, sizeof(text)) != NULL)
        snprintf(out, size, "%s/%d", text, prefix_of(mask, length));
}

static void put_addresses(struct shell_output *output, const struct ifaddrs *all, const char *name)
{
    struct text addresses = {0};
    char address[INET6_ADDRSTRLEN + 16];

    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (strcmp(entry->ifa_name, name) != 0)
            continue;
        format_address(entry, address, sizeof(address));
        if (address[0] != '\0')
            text_format(&addresses, "%s%s", addresses.length > 0 ? " " : "", address);
    }
    output_text(output, INTERFACE_ADDRESS, addresses.data, addresses.length);
    text_free(&addresses);
}

static void print_interface(struct shell_output *output, const struct ifaddrs *all,
                            const struct ifaddrs *entry)
{
    const struct rtnl_link_stats *counters = entry->ifa_data;

    output_string(output, INTERFACE_NAME, entry->ifa_name);
    output_string(output, INTERFACE_STATE, state_of(entry->ifa_flags));
    put_addresses(output, all, entry->ifa_name);
    if (counters != NULL) {
        output_number(output, INTERFACE_RECEIVED, counters->rx_bytes);
        output_number(output, INTERFACE_RECEIVE_ERRORS, (int64_t)counters->rx_errors + counters->rx_dropped);
        output_number(output, INTERFACE_SENT, counters->tx_bytes);
        output_number(output, INTERFACE_SEND_ERRORS, (int64_t)counters->tx_errors + counters->tx_dropped);
    }
    output_row_end(output);
}

/* The kernel has one entry of this family for each interface, with its counters. */
static bool is_interface(const struct ifaddrs *entry)
{
    return entry->ifa_addr != NULL && entry->ifa_addr->sa_family == AF_PACKET;
}

static bool exists(const struct ifaddrs *all, const char *name)
{
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (is_interface(entry) && strcmp(entry->ifa_name, name) == 0)
            return true;
    }
    return false;
}

static int run_interface(struct shell_call *call, struct error *err)
{
    const char *wanted = shell_arg(call, "interface");
    struct shell_output *output = shell_output(call);
    struct ifaddrs *all;

    if (getifaddrs(&all) != 0)
        return error_set_errno(err, errno, "cannot ask for the network interfaces");
    if (wanted != NULL && !exists(all, wanted)) {
        freeifaddrs(all);
        error_set(err, ERROR_NOT_FOUND, "there is no interface %.60s", wanted);
        return error_hint(err, "those there are: show interface");
    }
    output_begin(output, &listing);
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (is_interface(entry) && (wanted == NULL || strcmp(entry->ifa_name, wanted) == 0))
            print_interface(output, all, entry);
    }
    output_end(output);
    freeifaddrs(all);
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "show interface [<interface>]",
     .help = "Network interfaces and their addresses",
     .run = run_interface,
     .manual = "Received and Sent are bytes since the interface is there."},
};
const struct shell_branch interface_branch = SHELL_BRANCH(commands);
