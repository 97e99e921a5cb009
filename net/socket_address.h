/* An address in text and a port, as the kernel takes them. Only for this folder. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The length of what is set in *out; 0: the text is no IPv4 or IPv6 address. */
socklen_t socket_address_read(const char *text, uint16_t port, union socket_address *out);
