#include "lab/network.h"

#include "base/node_conf.h"
#include "base/process.h"
#include "lab/own.h"
#include "lab/ssh.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>

#define RANGES 254      /* 127.0.1 to 127.0.254 */
#define TCP_LISTEN 0x0A /* in the state column of /proc/net/tcp */

/* Another lab that comes up at this moment has no listeners yet; the name is free again once both the
 * descriptor and all its copies are closed, however the process ended. -1: somebody has it. */
static int hold_range(const char *network)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "primelab %s", network);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, size) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* False if somebody listens there, 0.0.0.0 included. */
static bool is_free(const char *address, uint16_t port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    bool taken;

    inet_pton(AF_INET, address, &where.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)); /* closed connections may linger */
    taken = fd >= 0 && bind(fd, (struct sockaddr *)&where, sizeof(where)) != 0 && errno == EADDRINUSE;
    if (fd >= 0)
        close(fd);
    return !taken;
}

static int complain_taken(const struct lab_server *server, const char *address, uint16_t port,
                          struct error *err)
{
    char listener[LAB_LISTENER_MAX];

    lab_listener(address, port, listener);
    error_set(err, ERROR_CONFLICT, "%s cannot have %s port %u: %s listens there", server->name, address, port,
              listener);
    return error_hint(err, "end that, or let the lab choose its addresses: primelab --name <name> up");
}

int lab_network_check_free(const struct lab *lab, const struct lab_server *server, struct error *err)
{
    char address[LAB_ADDRESS_MAX];
    uint16_t port = lab_port(lab, server);

    if (lab->namespaces || lab_pid(lab, server) != 0)
        return 0;
    lab_address(lab, server, address);
    if (!is_free(address, port))
        return complain_taken(server, address, port, err);
    if (server->listens_local && strcmp(lab->network, LAB_NETWORK) == 0 && !is_free("127.0.0.1", port))
        return complain_taken(server, "127.0.0.1", port, err);
    if (server->kind == LAB_NODE && lab_ssh_pid(lab, server) == 0 && !is_free(address, lab_ssh_port(server)))
        return complain_taken(server, address, lab_ssh_port(server), err);
    return 0;
}

static int check_all_free(const struct lab *lab, struct error *err)
{
    for (size_t i = 0; i < lab_server_count; i++) {
        if (!lab_servers[i].on_demand && lab_network_check_free(lab, &lab_servers[i], err) != 0)
            return -1;
    }
    return 0;
}

static int claim(struct lab *lab, struct error *err)
{
    int fd = hold_range(lab->network);

    if (fd < 0)
        return error_set(err, ERROR_CONFLICT, "another lab comes up on %s at this moment", lab->network);
    if (check_all_free(lab, err) == 0)
        return fd;
    close(fd);
    return -1;
}

int lab_network_claim(struct lab *lab, bool first, struct error *err)
{
    int fd;

    if (lab->namespaces) {
        snprintf(lab->network, sizeof(lab->network), "%s", LAB_PRIVATE_NETWORK);
        return open("/dev/null", O_RDONLY | O_CLOEXEC); /* nobody else is in there */
    }
    if (lab->network[0] != '\0')
        return claim(lab, err);
    for (int i = first ? 0 : 1; i <= RANGES; i++) {
        snprintf(lab->network, sizeof(lab->network), "127.0.%u", (unsigned)(uint8_t)i);
        fd = claim(lab, err);
        if (fd >= 0)
            return fd;
    }
    lab->network[0] = '\0';
    return error_set(err, ERROR_CONFLICT, "none of the %d ranges of addresses from 127.0.1 on is free",
                     RANGES);
}

/* The number of the socket that listens there; 0: not found. */
static unsigned long find_socket(const char *address, uint16_t port)
{
    FILE *table = fopen("/proc/net/tcp", "re");
    unsigned long found = 0;
    struct in_addr wanted;
    char line[512];

    inet_pton(AF_INET, address, &wanted);
    while (table != NULL && found == 0 && fgets(line, sizeof(line), table) != NULL) {
        unsigned ip, at, state;
        unsigned long inode;

        if (sscanf(line, " %*d: %8x:%4x %*8x:%*4x %2x %*s %*s %*s %*s %*s %lu", &ip, &at, &state, &inode) ==
                4 &&
            state == TCP_LISTEN && at == port && (ip == wanted.s_addr || ip == INADDR_ANY))
            found = inode;
    }
    if (table != NULL)
        fclose(table);
    return found;
}

static bool has_socket(pid_t pid, const char *wanted)
{
    char folder[64];
    char path[512];
    char target[64];
    struct dirent *entry;
    bool found = false;
    DIR *all;

    snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
    all = opendir(folder);
    while (!found && all != NULL && (entry = readdir(all)) != NULL) {
        ssize_t length;

        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        length = readlink(path, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (all != NULL)
        closedir(all);
    return found;
}

void lab_listener(const char *address, uint16_t port, char out[LAB_LISTENER_MAX])
{
    unsigned long inode = find_socket(address, port);
    DIR *all = inode != 0 ? opendir("/proc") : NULL;
    struct dirent *entry;
    char wanted[64];
    char name[32];

    snprintf(out, LAB_LISTENER_MAX, "another process");
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    while (all != NULL && (entry = readdir(all)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid <= 0 || !has_socket(pid, wanted) || process_read(pid, "comm", name, sizeof(name)) <= 0)
            continue;
        name[strcspn(name, "\n")] = '\0';
        snprintf(out, LAB_LISTENER_MAX, "%s (process %d)", name, (int)pid);
        break;
    }
    if (all != NULL)
        closedir(all);
}
