/*
 * A server's name in the trust list: an address or host name and a port joined by "_",
 * e.g. 127.0.0.21_443, ise.example.com_443, 2001:db8::1_443.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define HOST_TEXT_MAX 254                      /* the longest host name (RFC 1035: 253) and the closing NUL */
#define HOST_PORT_TEXT_MAX (HOST_TEXT_MAX + 6) /* "_65535" more */

enum host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

struct host_port {
    enum host_kind kind;
    char host[HOST_TEXT_MAX]; /* canonical: lower case, no final dot, IPv6 as RFC 5952 writes it, no brackets
                               */
    uint16_t port;            /* 1 to 65535 */
};

/*
 * Reads an address or host name (RFC 1123 labels) into canonical form. Four numbers with dots that
 * are no address are not taken for a name. ERROR_INVALID_ARGUMENT.
 */
int host_parse(const char *text, enum host_kind *kind, char out[HOST_TEXT_MAX], struct error *err);

/* Reads "<host>_<port>"; the last "_" divides. ERROR_INVALID_ARGUMENT, with the text and what it should be.
 */
int host_port_parse(const char *text, struct host_port *out, struct error *err);

/* "<host>_<port>" into out. */
void host_port_format(const struct host_port *address, char out[HOST_PORT_TEXT_MAX]);

/* True if the host is an address of the loopback interface. */
bool host_is_loopback(const char *host);
