#include "net/https_server.h"
#include "net/socket_address.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static int listen_error(int reason, const char *address, uint16_t port, struct error *err)
{
    switch (reason) {
    case EADDRINUSE:
        return error_set(err, ERROR_CONFLICT, "cannot listen on %s port %u: another program has it", address,
                         port);
    case EADDRNOTAVAIL:
        return error_set(err, ERROR_UNREACHABLE,
                         "cannot listen on %s port %u: it is no address of this machine", address, port);
    case EACCES:
    case EPERM:
        return error_set(err, ERROR_DENIED, "cannot listen on %s port %u: %s", address, port,
                         strerror(reason));
    default:
        return error_set_errno(err, reason, "cannot listen on %s port %u", address, port);
    }
}

int https_listen(const char *address, uint16_t port, struct error *err)
{
    static const int on = 1;
    union socket_address bound;
    socklen_t size = socket_address_read(address, port, &bound);
    int fd;

    if (size == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "\"%.100s\" is not an address to listen on", address);
    fd = socket(bound.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listen_error(errno, address, port, err);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* Handed down to every connection: a reply is written in several pieces, none shall wait for an ACK. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bound.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &bound.any, size) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    listen_error(errno, address, port, err);
    close(fd);
    return -1;
}
