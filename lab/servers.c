#include "lab/servers.h"

#include "base/file.h"
#include "base/node_conf.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
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
    {"prime-pri", LAB_NODE, 11, false, LAB_NAME "prime-pri", "prime-pri"},
    {"prime-sec", LAB_NODE, 12, true, LAB_NAME "prime-sec", "prime-sec"},
    {"ise", LAB_STANDIN, 21, false, LAB_NAME "ISE-server", "ise-server"},
    {"dnac", LAB_STANDIN, 22, false, "/CN=kong", "kong"},
};
const size_t lab_server_count = sizeof(lab_servers) / sizeof(lab_servers[0]);

static int find_programs(struct lab *lab, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", lab->programs, sizeof(lab->programs) - 1);

    if (length <= 0)
        return error_set_errno(err, errno, "cannot find out where primelab lies");
    lab->programs[length] = '\0';
    *strrchr(lab->programs, '/') = '\0';
    return 0;
}

static int set_network(struct lab *lab, const char *network, struct error *err)
{
    char address[32];
    struct in_addr parsed;

    snprintf(address, sizeof(address), "%s.1", network);
    if (strlen(network) < sizeof(lab->network) && inet_pton(AF_INET, address, &parsed) == 1 &&
        strncmp(network, "127.", 4) == 0) {
        snprintf(lab->network, sizeof(lab->network), "%s", network);
        return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "\"%.40s\" is not the first three numbers of loopback addresses, e.g. 127.0.1", network);
}

static int find_network(struct lab *lab, const char *network, struct error *err)
{
    char path[PATH_MAX];
    char *data;
    size_t length;
    int failed;

    if (network != NULL)
        return set_network(lab, network, err);
    snprintf(path, sizeof(path), "%s/network", lab->folder);
    if (file_read(path, 64, &data, &length, NULL) != 0)
        return set_network(lab, LAB_NETWORK, err);
    data[strcspn(data, "\n")] = '\0';
    failed = set_network(lab, data, err);
    free(data);
    return failed;
}

int lab_open(const char *folder, const char *network, struct lab *out, struct error *err)
{
    char here[PATH_MAX] = "";
    int length;

    if (folder[0] != '/' && getcwd(here, sizeof(here)) == NULL)
        return error_set_errno(err, errno, "cannot find out the current folder");
    length = snprintf(out->folder, sizeof(out->folder), "%s%s%s", here, here[0] != '\0' ? "/" : "", folder);
    if (length >= (int)sizeof(out->folder))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path of the lab's folder is longer than %zu bytes",
                         sizeof(out->folder) - 1);
    return find_programs(out, err) == 0 ? find_network(out, network, err) : -1;
}

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
    error_set(err, ERROR_NOT_FOUND, "the lab has no server \"%s\": it has prime-pri, prime-sec, ise and dnac",
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
    return may_bind(address, STANDIN_PORT) ? STANDIN_PORT : STANDIN_PORT_HIGH;
}

/* A pid file outlives its process, and pids are used again: it must be one of our programs. */
static bool is_ours(const struct lab *lab, pid_t pid)
{
    char link[64];
    char program[PATH_MAX];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    length = readlink(link, program, sizeof(program) - 1);
    if (length < 0)
        return errno == EACCES && kill(pid, 0) == 0;
    program[length] = '\0';
    return strncmp(program, lab->programs, strlen(lab->programs)) == 0;
}

pid_t lab_pid(const struct lab *lab, const struct lab_server *server)
{
    char path[PATH_MAX];
    pid_t pid;

    lab_path(lab, server, server->kind == LAB_NODE ? "run/primed.pid" : "pid", path);
    pid = (pid_t)read_number(path);
    return pid > 1 && is_ours(lab, pid) ? pid : 0;
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
