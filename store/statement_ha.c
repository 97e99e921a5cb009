/* The values of the configuration of the high-availability pair. */
#include "base/host_port.h"
#include "store/statement_value.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define MAIL_ADDRESSES_MAX 16
#define MAIL_ADDRESS_MAX 256

int statement_value_mail_list(const char *value, char *out, size_t size, struct error *err)
{
    char checked[MAIL_ADDRESS_MAX];
    size_t count = 1;

    for (const char *start = value;; start += strcspn(start, ",") + 1) {
        char address[MAIL_ADDRESS_MAX];
        size_t length = strcspn(start, ",");

        if (length >= sizeof(address) || count > MAIL_ADDRESSES_MAX)
            return error_set(err, ERROR_INVALID_ARGUMENT,
                             "%.*s is not a list of at most %d mail addresses, parted by commas",
                             SHOWN(value), MAIL_ADDRESSES_MAX);
        memcpy(address, start, length);
        address[length] = '\0';
        if (length == 0)
            return error_set(
                err, ERROR_INVALID_ARGUMENT,
                "%.*s is not a list of mail addresses: between two commas, or at an end, there is "
                "none (no blank goes behind a comma)",
                SHOWN(value));
        if (statement_value_mail_address(address, checked, sizeof(checked), err) != 0)
            return -1;
        if (start[length] == '\0')
            return statement_value_keep(value, out, size, err);
        count++;
    }
}

int statement_value_failover_type(const char *value, char *out, size_t size, struct error *err)
{
    if (strcmp(value, "manual") == 0 || strcmp(value, "automatic") == 0)
        return statement_value_keep(value, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not manual or automatic", SHOWN(value));
}

/* An address, no name: whoever may be cut off cannot wait for a name server. */
int statement_value_witness(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    if (host_parse(value, &kind, host, NULL) == 0 && kind != HOST_NAME)
        return statement_value_keep(host, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not an address", SHOWN(value));
}

int statement_value_virtual_ipv4(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    enum host_kind kind;

    if (host_parse(value, &kind, host, NULL) == 0 && kind == HOST_IPV4)
        return statement_value_keep(host, out, size, err);
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not an IPv4 address", SHOWN(value));
}

int statement_value_virtual_ipv6(const char *value, char *out, size_t size, struct error *err)
{
    char host[HOST_TEXT_MAX];
    struct in6_addr address;
    enum host_kind kind;

    if (host_parse(value, &kind, host, NULL) != 0 || kind != HOST_IPV6 ||
        inet_pton(AF_INET6, host, &address) != 1)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%.*s is not an IPv6 address", SHOWN(value));
    if (IN6_IS_ADDR_LINKLOCAL(&address)) /* RFC 4291 section 2.5.6 */
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "%.*s is not an address that others can reach: fe80::/10 is for one link alone",
                         SHOWN(value));
    return statement_value_keep(host, out, size, err);
}

int statement_value_heartbeat_interval(const char *value, char *out, size_t size, struct error *err)
{
    return statement_value_number(value, STATEMENT_HEARTBEAT_MS_LEAST, STATEMENT_HEARTBEAT_MS_MOST, out, size,
                                  err);
}

int statement_value_heartbeat_misses(const char *value, char *out, size_t size, struct error *err)
{
    return statement_value_number(value, STATEMENT_MISSES_LEAST, STATEMENT_MISSES_MOST, out, size, err);
}
