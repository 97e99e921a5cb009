#include "daemon/keepalived.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/host_port.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/keepalived"
#define FOLDER_ABOVE "/run/primesh"
#define PATH_SIZE 128
#define LIVED_MS 2000   /* one that lived so long is started again at once */
#define RESTART_MS 1000 /* another one after this */
#define FOLDER_MODE 0700

struct keepalived {
    const struct node_conf *conf;
    char folder[PATH_SIZE]; /* below FOLDER_ABOVE; of this home alone */
    bool started;
    bool active;
    uint64_t epoch;
    struct virtual_address wanted;
    struct virtual_address_network network;
    pid_t pid; /* 0: does not run */
    int64_t since_ms;
    int64_t restart_ms; /* when it is to be started again; 0: not */
    unsigned restarts;
    struct error problem;
};

/* ---- what may be asked for ---- */

static bool is_canonical(const char *text, size_t size, enum host_kind kind)
{
    char canonical[HOST_TEXT_MAX];
    enum host_kind found;

    return memchr(text, '\0', size) != NULL && host_parse(text, &found, canonical, NULL) == 0 &&
           found == kind && strcmp(canonical, text) == 0;
}

static bool is_plain(const struct virtual_address *wanted)
{
    return is_canonical(wanted->own, sizeof(wanted->own), HOST_IPV4) &&
           is_canonical(wanted->peer, sizeof(wanted->peer), HOST_IPV4) &&
           is_canonical(wanted->ipv4, sizeof(wanted->ipv4), HOST_IPV4) &&
           (wanted->ipv6[0] == '\0' || is_canonical(wanted->ipv6, sizeof(wanted->ipv6), HOST_IPV6));
}

static bool is_listen_address(const struct node_conf *conf, const char *address)
{
    for (size_t i = 0; i < conf->listen_count; i++) {
        if (strcmp(conf->listen[i], address) == 0)
            return true;
    }
    return false;
}

static unsigned prefix_of(const struct sockaddr *mask)
{
    uint32_t bits =
        mask == NULL ? ~0U : ntohl(((const struct sockaddr_in *)(const void *)mask)->sin_addr.s_addr);

    return (unsigned)__builtin_popcount(bits);
}

/* The interface with an IPv4 address; false where there is none. `out` may be NULL. */
static bool find_interface(const char *address, struct virtual_address_network *out)
{
    struct ifaddrs *all;
    struct in_addr wanted;
    bool found = false;

    if (inet_pton(AF_INET, address, &wanted) != 1 || getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET ||
            ((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr.s_addr != wanted.s_addr)
            continue;
        found = true;
        if (out == NULL)
            continue;
        *out = (struct virtual_address_network){.is_loopback = (one->ifa_flags & IFF_LOOPBACK) != 0,
                                                .prefix = prefix_of(one->ifa_netmask)};
        snprintf(out->interface, sizeof(out->interface), "%.*s", (int)strcspn(one->ifa_name, ":"),
                 one->ifa_name);
    }
    freeifaddrs(all);
    return found;
}

/* The interface's name goes into a file: the kernel lets it be almost anything. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") == strlen(name);
}

/* Root can; so can whom a service manager gave the capability, as etc/systemd/primesh.service does. */
static bool may_change_addresses(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capget, &header, sets) == 0 &&
           (sets[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0;
}

static int check(const struct node_conf *conf, const struct virtual_address *wanted,
                 struct virtual_address_network *network, struct error *err)
{
    if (!is_plain(wanted) || !is_listen_address(conf, wanted->own))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a virtual address cannot be kept with such values");
    if (virtual_address_rules(wanted, NULL, err) != 0)
        return -1;
    if (!find_interface(wanted->own, network))
        return error_set(err, ERROR_NOT_FOUND, "no interface of this machine has the address %s",
                         wanted->own);
    if (!is_plain_name(network->interface))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the name of the interface with %s has unusual characters", wanted->own);
    if (virtual_address_rules(wanted, network, err) != 0)
        return -1;
    if (!may_change_addresses()) {
        error_set(err, ERROR_DENIED,
                  "this primed was started by an ordinary user, who cannot give a machine another address");
        return error_hint(err, "start primed by its systemd service or as root (it becomes the user of "
                               "node.conf), or do without a virtual address");
    }
    if (access(PROGRAM, X_OK) == 0)
        return 0;
    error_set(err, ERROR_NOT_FOUND, "there is no " PROGRAM " on this machine");
    return error_hint(err, "a virtual address is kept by keepalived: install it");
}

int keepalived_check(const struct node_conf *conf, const struct virtual_address *wanted, struct error *err)
{
    struct virtual_address_network network;

    return check(conf, wanted, &network, err);
}

/* ---- its files ---- */

static void path_of(const struct keepalived *keepalived, const char *name, char out[2 * PATH_SIZE])
{
    snprintf(out, 2 * PATH_SIZE, "%s/%s", keepalived->folder, name);
}

/* Of the one who runs this half alone, all the way: /run itself is root's. */
static int make_folder(const char *path, struct error *err)
{
    struct stat info;

    if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST)
        return error_set_errno(err, errno, "cannot make the folder %s", path);
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
        (info.st_mode & 07777) != FOLDER_MODE)
        return error_set(err, ERROR_DENIED, "%s is not a folder of this user alone", path);
    return 0;
}

static int write_track(const struct keepalived *keepalived, struct error *err)
{
    char path[2 * PATH_SIZE];
    char text[16];
    int length =
        snprintf(text, sizeof(text), "%d\n", virtual_address_weight(keepalived->active, keepalived->epoch));

    path_of(keepalived, "active", path);
    return file_write(path, text, (size_t)length, 0600, err);
}

static int write_files(const struct keepalived *keepalived, struct error *err)
{
    char text[VIRTUAL_ADDRESS_CONF_MAX];
    char track[2 * PATH_SIZE];
    char path[2 * PATH_SIZE];

    path_of(keepalived, "active", track);
    path_of(keepalived, "keepalived.conf", path);
    if (!virtual_address_conf(&keepalived->wanted, &keepalived->network, track, text, sizeof(text)))
        return error_set(err, ERROR_INTERNAL, "the configuration of keepalived is too long");
    if (make_folder(FOLDER_ABOVE, err) != 0 || make_folder(keepalived->folder, err) != 0 ||
        write_track(keepalived, err) != 0)
        return -1;
    return file_write(path, text, strlen(text), 0600, err);
}

static void remove_files(const struct keepalived *keepalived)
{
    static const char *const names[] = {"active", "keepalived.conf", "pid", "vrrp.pid"};
    char path[2 * PATH_SIZE];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(keepalived, names[i], path);
        unlink(path);
    }
    rmdir(keepalived->folder);
}

/* ---- the process ---- */

/* Between fork and exec: only what is safe there. */
static void become_keepalived(const struct keepalived *keepalived, pid_t parent)
{
    char conf[2 * PATH_SIZE];
    char pid[2 * PATH_SIZE];
    char vrrp_pid[2 * PATH_SIZE];
    const char *const arguments[] = {"keepalived", "--dont-fork", "--vrrp",     "--use-file", conf,
                                     "--pid",      pid,           "--vrrp_pid", vrrp_pid,     NULL};
    const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    sigset_t none;

    path_of(keepalived, "keepalived.conf", conf);
    path_of(keepalived, "pid", pid);
    path_of(keepalived, "vrrp.pid", vrrp_pid);
    unlink(pid); /* of one that was killed: its number may be somebody else's by now */
    unlink(vrrp_pid);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* it takes the address away with it */
    setsid();
    umask(077);
    if (getppid() != parent || chdir("/") != 0 || close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        _exit(126);
    execve(PROGRAM, (char *const *)(uintptr_t)arguments, (char *const *)(uintptr_t)environment);
    _exit(127);
}

/* On files written anew: what lay there meanwhile could be another process's of this user. */
static int run(struct keepalived *keepalived, struct error *err)
{
    pid_t parent = getpid();
    pid_t pid;

    if (write_files(keepalived, err) != 0)
        return -1;
    pid = fork();
    if (pid < 0)
        return error_set_errno(err, errno, "cannot start keepalived");
    if (pid == 0)
        become_keepalived(keepalived, parent);
    keepalived->pid = pid;
    keepalived->since_ms = clock_monotonic_ms();
    keepalived->restart_ms = 0;
    return 0;
}

static int reload(const struct keepalived *keepalived, struct error *err)
{
    if (write_files(keepalived, err) != 0)
        return -1;
    if (kill(keepalived->pid, SIGHUP) != 0)
        return error_set_errno(err, errno, "cannot tell keepalived of its new configuration");
    return 0;
}

/* A name for this home's folder: two nodes on one machine are two homes. */
static uint64_t spread(const char *text)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    return hash;
}

struct keepalived *keepalived_new(const char *home, const struct node_conf *conf)
{
    struct keepalived *keepalived = calloc(1, sizeof(*keepalived));

    if (keepalived == NULL)
        return NULL;
    keepalived->conf = conf;
    snprintf(keepalived->folder, sizeof(keepalived->folder), FOLDER_ABOVE "/%016llx",
             (unsigned long long)spread(home));
    return keepalived;
}

int keepalived_start(struct keepalived *keepalived, const struct virtual_address *wanted, struct error *err)
{
    struct virtual_address_network network;

    if (keepalived == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (check(keepalived->conf, wanted, &network, err) != 0)
        return -1;
    if (wanted->router_id == 0)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a virtual address cannot be kept with such values");
    keepalived->wanted = *wanted;
    keepalived->network = network;
    if ((keepalived->pid == 0 ? run(keepalived, err) : reload(keepalived, err)) != 0)
        return -1;
    keepalived->started = true;
    return 0;
}

int keepalived_set(struct keepalived *keepalived, bool active, uint64_t epoch, struct error *err)
{
    if (keepalived == NULL || !keepalived->started)
        return 0;
    keepalived->active = active;
    keepalived->epoch = epoch;
    return write_track(keepalived, err);
}

/* True once it has ended. */
static bool wait_for_end(const struct keepalived *keepalived, int64_t limit_ms)
{
    int64_t end_ms = clock_monotonic_ms() + limit_ms;
    int status;

    while (waitpid(keepalived->pid, &status, WNOHANG) == 0) {
        if (clock_monotonic_ms() >= end_ms)
            return false;
        poll(NULL, 0, 5);
    }
    return true;
}

void keepalived_stop(struct keepalived *keepalived)
{
    if (keepalived == NULL || !keepalived->started)
        return;
    if (keepalived->pid != 0) {
        kill(keepalived->pid, SIGTERM);
        if (!wait_for_end(keepalived, KEEPALIVED_STOP_MS)) {
            kill(keepalived->pid, SIGKILL); /* its own child ends with it, and takes the address away */
            wait_for_end(keepalived, KEEPALIVED_STOP_MS);
        }
    }
    remove_files(keepalived);
    keepalived->started = false;
    keepalived->active = false;
    keepalived->pid = 0;
    keepalived->restart_ms = 0;
    keepalived->restarts = 0;
    keepalived->problem = (struct error){0};
}

void keepalived_free(struct keepalived *keepalived)
{
    keepalived_stop(keepalived);
    free(keepalived);
}

void keepalived_ended(struct keepalived *keepalived, pid_t pid)
{
    int64_t now_ms = clock_monotonic_ms();

    if (keepalived == NULL || pid != keepalived->pid)
        return;
    error_set(&keepalived->problem, ERROR_INTERNAL, "keepalived ended by itself; the system's log says why");
    keepalived->pid = 0;
    keepalived->restart_ms = now_ms - keepalived->since_ms >= LIVED_MS ? now_ms : now_ms + RESTART_MS;
}

int keepalived_wait_ms(const struct keepalived *keepalived)
{
    int64_t left_ms;

    if (keepalived == NULL || keepalived->restart_ms == 0)
        return -1;
    left_ms = keepalived->restart_ms - clock_monotonic_ms();
    return left_ms < 0 ? 0 : (int)left_ms;
}

void keepalived_tick(struct keepalived *keepalived)
{
    if (keepalived_wait_ms(keepalived) != 0)
        return;
    keepalived->restarts++;
    if (run(keepalived, &keepalived->problem) != 0)
        keepalived->restart_ms = clock_monotonic_ms() + RESTART_MS;
}

void keepalived_state(const struct keepalived *keepalived, struct virtual_address_state *out)
{
    *out = (struct virtual_address_state){0};
    if (keepalived == NULL)
        return;
    out->started = keepalived->started;
    out->running = keepalived->pid != 0;
    out->restarts = keepalived->restarts;
    out->held = keepalived->started && find_interface(keepalived->wanted.ipv4, NULL);
    if (!out->running)
        snprintf(out->problem, sizeof(out->problem), "%.200s", keepalived->problem.message);
}
