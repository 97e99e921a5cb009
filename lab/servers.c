#include "lab/servers.h"

#include "base/file.h"
#include "base/node_conf.h"
#include "lab/own.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#define STANDIN_PORT 443
#define STANDIN_PORT_HIGH 8443 /* where an ordinary user may not bind 443 */

#define LAB_NAME "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN="

/* Addresses and names of the published listings, moved to loopback. */
const struct lab_server lab_servers[] = {
    {"prime-pri", LAB_NODE, 11, false, LAB_NAME "prime-pri", "prime-pri", false},
    {"prime-sec", LAB_NODE, 12, true, LAB_NAME "prime-sec", "prime-sec", false},
    {"ise", LAB_STANDIN, 21, false, LAB_NAME "ISE-server", "ise-server", false},
    {"dnac", LAB_STANDIN, 22, false, "/CN=kong", "kong", false},
    {"ise-2", LAB_STANDIN, 23, false, LAB_NAME "ISE-server-2", "ise-server-2", true},
    {"ise-3", LAB_STANDIN, 24, false, LAB_NAME "ISE-server-3", "ise-server-3", true},
    {"dnac-2", LAB_STANDIN, 25, false, "/CN=kong", "kong", true},
};
const size_t lab_server_count = sizeof(lab_servers) / sizeof(lab_servers[0]);

void lab_address(const struct lab *lab, const struct lab_server *server, char out[LAB_ADDRESS_MAX])
{
    snprintf(out, LAB_ADDRESS_MAX, "%s.%d", lab->network, server->host);
}

const struct lab_server *lab_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < lab_server_count; i++) {
        if (strcmp(lab_servers[i].name, name) == 0)
            return &lab_servers[i];
    }
    error_set(err, ERROR_INVALID_ARGUMENT,
              "the lab has no server \"%s\": it has prime-pri, prime-sec, ise and dnac; ise-2, ise-3 and "
              "dnac-2 on demand",
              name);
    return NULL;
}

void lab_path(const struct lab *lab, const struct lab_server *server, const char *name, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/%s%s%s", lab->folder, server->name, name[0] != '\0' ? "/" : "", name) >=
        PATH_MAX)
        out[0] = '\0';
}

void lab_identity_folder(const struct lab *lab, const struct lab_server *server, char out[PATH_MAX])
{
    lab_path(lab, server, server->kind == LAB_NODE ? "keys" : "", out);
}

static long read_number(const char *path)
{
    char *data;
    size_t length;
    long number;

    if (file_read(path, 64, &data, &length, NULL) != 0)
        return 0;
    number = strtol(data, NULL, 10);
    free(data);
    return number;
}

/* May this port be bound here? A port in use may. */
static bool may_bind(const char *address, uint16_t port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool may;

    inet_pton(AF_INET, address, &where.sin_addr);
    may = fd >= 0 && (bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0 || errno == EADDRINUSE);
    if (fd >= 0)
        close(fd);
    return may;
}

uint16_t lab_port(const struct lab *lab, const struct lab_server *server)
{
    char path[PATH_MAX];
    char address[LAB_ADDRESS_MAX];
    long port;

    if (server->kind == LAB_NODE)
        return NODE_PORT;
    lab_path(lab, server, "port", path);
    port = read_number(path);
    if (port > 0 && port <= UINT16_MAX)
        return (uint16_t)port;
    lab_address(lab, server, address);
    return lab->namespaces || may_bind(address, STANDIN_PORT) ? STANDIN_PORT : STANDIN_PORT_HIGH;
}

pid_t lab_pid(const struct lab *lab, const struct lab_server *server)
{
    bool node = server->kind == LAB_NODE;
    char path[PATH_MAX];
    pid_t pid;

    lab_path(lab, server, node ? "run/primed.pid" : "pid", path);
    pid = (pid_t)read_number(path);
    return pid > 1 && lab_task_of(lab, server, pid) == (node ? LAB_TASK_NODE : LAB_TASK_STANDIN) ? pid : 0;
}

const char *lab_user(void)
{
    static const char *const candidates[] = {"primesh", "nobody"};

    if (geteuid() != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if (getpwnam(candidates[i]) != NULL)
            return candidates[i];
    }
    return "nobody";
}
