#include "ha/virtual_address.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ADVERT_LEAST_MS 20
#define ADVERT_MOST_MS 1000
#define WEIGHT_STANDBY (-254) /* keepalived.conf(5): below -253 the instance is in the fault state */
#define PRIORITY_LEAST 20
#define EPOCHS 200 /* priorities PRIORITY_LEAST to PRIORITY_LEAST + 199, below 254 */

static uint32_t number_of(const char *address)
{
    struct in_addr parsed;

    return inet_pton(AF_INET, address, &parsed) == 1 ? ntohl(parsed.s_addr) : 0;
}

static int check_unicast4(const char *what, const char *address, struct error *err)
{
    uint32_t number = number_of(address);

    if (number == 0 || number >> 28 >= 14) /* 224.0.0.0/4 and above: multicast, reserved, broadcast */
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s %.60s is not the IPv4 address of a host", what,
                         address);
    return 0;
}

static int check_ipv6(const char *address, struct error *err)
{
    struct in6_addr parsed;

    if (address[0] == '\0')
        return 0;
    if (inet_pton(AF_INET6, address, &parsed) != 1 || IN6_IS_ADDR_UNSPECIFIED(&parsed) ||
        IN6_IS_ADDR_LOOPBACK(&parsed) || IN6_IS_ADDR_MULTICAST(&parsed) || IN6_IS_ADDR_V4MAPPED(&parsed))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "virtual address %.60s is not the IPv6 address of a host", address);
    if (IN6_IS_ADDR_LINKLOCAL(&parsed))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "virtual address %.60s is in fe80::/10, which is for the addresses of one link",
                         address);
    return 0;
}

static int check_network(const struct virtual_address *wanted, const struct virtual_address_network *network,
                         struct error *err)
{
    uint32_t mask = network->prefix == 0 ? 0 : ~UINT32_C(0) << (32 - network->prefix);
    uint32_t own = number_of(wanted->own), address = number_of(wanted->ipv4);

    if (network->is_loopback) {
        error_set(err, ERROR_CONFLICT,
                  "a virtual address needs hosts of their own: %s is on the loopback interface", wanted->own);
        return error_hint(err,
                          "give each node an address of a network, or register without a virtual address");
    }
    if ((own & mask) != (number_of(wanted->peer) & mask))
        return error_set(err, ERROR_CONFLICT, "%s and %s are not in one subnet (%s/%u on %s)", wanted->own,
                         wanted->peer, wanted->own, network->prefix, network->interface);
    if ((own & mask) != (address & mask))
        return error_set(err, ERROR_CONFLICT,
                         "the virtual address %s is not in the subnet of both nodes (%s/%u on %s)",
                         wanted->ipv4, wanted->own, network->prefix, network->interface);
    if (network->prefix < 31 && ((address & ~mask) == 0 || (address & ~mask) == ~mask))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the virtual address %s is the network's own or its broadcast address",
                         wanted->ipv4);
    return 0;
}

int virtual_address_rules(const struct virtual_address *wanted, const struct virtual_address_network *network,
                          struct error *err)
{
    if (check_unicast4("this node's address", wanted->own, err) != 0 ||
        check_unicast4("the other node's address", wanted->peer, err) != 0 ||
        check_unicast4("virtual address", wanted->ipv4, err) != 0 || check_ipv6(wanted->ipv6, err) != 0)
        return -1;
    if (number_of(wanted->own) == number_of(wanted->peer))
        return error_set(err, ERROR_INVALID_ARGUMENT, "both nodes have the address %s", wanted->own);
    if (number_of(wanted->ipv4) == number_of(wanted->own) ||
        number_of(wanted->ipv4) == number_of(wanted->peer))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the virtual address %s is the address of one of the nodes", wanted->ipv4);
    if (number_of(wanted->ipv4) >> 24 == 127) {
        error_set(err, ERROR_CONFLICT, "the virtual address %s is a loopback address, which never moves",
                  wanted->ipv4);
        return error_hint(err,
                          "give each node an address of a network, or register without a virtual address");
    }
    return network == NULL ? 0 : check_network(wanted, network, err);
}

/* FNV-1a: no secret is kept by it, it only spreads. */
uint8_t virtual_address_router_id(const char *pair_id)
{
    uint32_t hash = 2166136261U;

    for (; *pair_id != '\0'; pair_id++)
        hash = (hash ^ (unsigned char)*pair_id) * 16777619U;
    return (uint8_t)(hash % 255 + 1);
}

unsigned virtual_address_advert_ms(uint32_t heartbeat_ms)
{
    unsigned advert_ms = heartbeat_ms / 5;

    if (advert_ms < ADVERT_LEAST_MS)
        return ADVERT_LEAST_MS;
    return advert_ms > ADVERT_MOST_MS ? ADVERT_MOST_MS : advert_ms;
}

/* A text that ends up in a configuration file, written piece by piece. */
struct writer {
    char *out;
    size_t size;
    size_t used;
};

static void put(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(writer->out + writer->used, writer->size - writer->used, format, arguments);
    va_end(arguments);
    writer->used += length < 0 ? writer->size : (size_t)length;
    if (writer->used >= writer->size)
        writer->used = writer->size - 1; /* full, and it stays so */
}

bool virtual_address_conf(const struct virtual_address *wanted, const struct virtual_address_network *network,
                          const char *track_file, char *out, size_t size)
{
    struct writer writer = {.out = out, .size = size};
    unsigned advert_ms = virtual_address_advert_ms(wanted->heartbeat_ms);

    put(&writer, "# Written by primed for the virtual address of its pair; changes are lost.\n"
                 "global_defs {\n"
                 "    router_id primesh\n"
                 "    vrrp_version 3\n"
                 "    vrrp_check_unicast_src\n"
                 "    vrrp_garp_master_repeat 2\n"
                 "    vrrp_garp_master_delay 1\n"
                 "    vrrp_garp_master_refresh 60\n"
                 "    max_auto_priority -1\n"
                 "    script_user nobody\n"
                 "    enable_script_security\n"
                 "}\n");
    put(&writer,
        "track_file primesh_active {\n"
        "    file \"%s\"\n"
        "    weight 1\n"
        "}\n",
        track_file);
    put(&writer,
        "vrrp_instance primesh {\n"
        "    state BACKUP\n"
        "    interface %s\n"
        "    virtual_router_id %u\n"
        "    priority %d\n"
        "    advert_int %u.%03u\n"
        "    down_timer_adverts 1\n"
        "    unicast_src_ip %s\n"
        "    unicast_peer {\n"
        "        %s\n"
        "    }\n"
        "    track_file {\n"
        "        primesh_active\n"
        "    }\n"
        "    virtual_ipaddress {\n"
        "        %s/32 dev %s\n"
        "    }\n",
        network->interface, wanted->router_id, PRIORITY_LEAST, advert_ms / 1000, advert_ms % 1000,
        wanted->own, wanted->peer, wanted->ipv4, network->interface);
    if (wanted->ipv6[0] != '\0') /* of another family than the adverts: not counted in them */
        put(&writer,
            "    virtual_ipaddress_excluded {\n"
            "        %s/128 dev %s\n"
            "    }\n",
            wanted->ipv6, network->interface);
    put(&writer, "}\n");
    return writer.used < size - 1;
}

int virtual_address_weight(bool active, uint64_t epoch)
{
    return active ? (int)(epoch % EPOCHS) : WEIGHT_STANDBY;
}
