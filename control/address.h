/* Where the control socket of a home is. Only for this folder. */
#pragma once

#include "base/error.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONTROL_SOCKET_NAME "control.sock"

struct control_address {
    char path[PATH_MAX];       /* as a person knows it: <home>/run/control.sock */
    int folder;                /* <home>/run, open; -1 once cleared */
    struct sockaddr_un socket; /* for bind() and connect() while `folder` is open */
};

/* ERROR_NOT_FOUND: there is no such folder. ERROR_DENIED, ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
int control_address_open(const char *home, struct control_address *out, struct error *err);
void control_address_close(struct control_address *address);
