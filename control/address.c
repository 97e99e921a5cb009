#include "control/address.h"

#include "base/node_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int control_address_open(const char *home, struct control_address *out, struct error *err)
{
    char folder[PATH_MAX];

    *out = (struct control_address){.folder = -1, .socket.sun_family = AF_UNIX};
    if (node_path(home, "run", folder, sizeof(folder), err) != 0 ||
        node_path(home, "run/" CONTROL_SOCKET_NAME, out->path, sizeof(out->path), err) != 0)
        return -1;
    out->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->folder < 0) {
        int reason = errno;
        error_set_errno(err, reason, "cannot open the folder %.300s", folder);
        if (err != NULL && (reason == ENOENT || reason == ENOTDIR))
            err->code = ERROR_NOT_FOUND;
        if (err != NULL && reason == EACCES)
            err->code = ERROR_DENIED;
        return -1;
    }
    /* sun_path holds 108 bytes; a home may be longer, and then the open folder stands for it. */
    if (strlen(out->path) < sizeof(out->socket.sun_path))
        memcpy(out->socket.sun_path, out->path, strlen(out->path) + 1);
    else
        snprintf(out->socket.sun_path, sizeof(out->socket.sun_path), "/proc/self/fd/%d/%s", out->folder,
                 CONTROL_SOCKET_NAME);
    return 0;
}

void control_address_close(struct control_address *address)
{
    if (address->folder >= 0)
        close(address->folder);
    address->folder = -1;
}
