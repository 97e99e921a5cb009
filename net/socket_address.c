#include "net/socket_address.h"

#include <arpa/inet.h>

socklen_t socket_address_read(const char *text, uint16_t port, union socket_address *out)
{
    *out = (union socket_address){0};
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        return sizeof(out->v4);
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        return sizeof(out->v6);
    }
    return 0;
}
