#include "lab/folder.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <arpa/inet.h>

#define LOCK_POLL_MS 20

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
        (strncmp(network, "127.", 4) == 0 || lab->namespaces)) {
        snprintf(lab->network, sizeof(lab->network), "%s", network);
        return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "\"%.40s\" is not the first three numbers of loopback addresses, e.g. 127.0.1", network);
}

#define NAMESPACES_LINE "namespaces"

/* What an `up` before wrote down. */
static int read_network(struct lab *lab, struct error *err)
{
    char path[PATH_MAX];
    char *data;
    char *second;
    size_t length;
    int failed;

    snprintf(path, sizeof(path), "%s/network", lab->folder);
    if (file_read(path, 64, &data, &length, NULL) != 0)
        return 0;
    second = data + strcspn(data, "\n");
    lab->namespaces = strcmp(second, "\n" NAMESPACES_LINE "\n") == 0;
    *second = '\0';
    failed = set_network(lab, data, err);
    free(data);
    return failed;
}

int lab_save(const struct lab *lab, struct error *err)
{
    char path[PATH_MAX];
    char text[64];
    int length =
        snprintf(text, sizeof(text), "%s\n%s", lab->network, lab->namespaces ? NAMESPACES_LINE "\n" : "");

    snprintf(path, sizeof(path), "%s/network", lab->folder);
    return file_write(path, text, (size_t)length, 0644, err);
}

/* Without links and dots, for the processes of a lab are known by its folder. */
static int resolve_folder(struct lab *lab, struct error *err)
{
    char real[PATH_MAX];

    if (realpath(lab->folder, real) == NULL)
        return errno == ENOENT ? 0
                               : error_set_errno(err, errno, "cannot find the lab's folder %s", lab->folder);
    if (strlen(real) >= sizeof(lab->folder))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path of the lab's folder is longer than %zu bytes",
                         sizeof(lab->folder) - 1);
    memcpy(lab->folder, real, strlen(real) + 1);
    return 0;
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
    if (resolve_folder(out, err) != 0 || find_programs(out, err) != 0)
        return -1;
    out->network_typed = network != NULL;
    return network != NULL ? set_network(out, network, err) : read_network(out, err);
}

int lab_named_folder(const char *name, char out[PATH_MAX], struct error *err)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    if (length == 0 || length > LAB_NAME_MAX || name[length] != '\0' || name[0] == '-')
        return error_set(
            err, ERROR_INVALID_ARGUMENT,
            "\"%.40s\" is no name for a lab: it is made of at most %d letters, digits and hyphens", name,
            LAB_NAME_MAX);
    snprintf(out, PATH_MAX, LAB_NAMED_FOLDER "/%s", name);
    return 0;
}

/* True if the descriptor is the folder that the path means now: who held it before may have removed it. */
static bool is_still(int fd, const char *path)
{
    struct stat held;
    struct stat named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static int make_lab_folder(struct lab *lab, struct error *err)
{
    if (file_make_folder(lab->folder, 0755, err) != 0 ||
        (access(lab->folder, W_OK) != 0 &&
         error_set_errno(err, errno, "cannot write in the lab's folder %s", lab->folder) != 0)) {
        if (err->code == ERROR_INTERNAL)
            err->code = ERROR_DENIED;
        error_hint(err, "choose a folder that can be written: primelab --folder <folder> up");
        return -1;
    }
    return resolve_folder(lab, err);
}

int lab_lock(struct lab *lab, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + LAB_LOCK_WAIT_MS;

    for (;;) {
        int fd;

        if (make_lab_folder(lab, err) != 0)
            return -1;
        fd = open(lab->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_still(fd, lab->folder))
            return fd;
        if (fd >= 0)
            close(fd);
        if (clock_monotonic_ms() > deadline)
            break;
        poll(NULL, 0, LOCK_POLL_MS);
    }
    error_set(err, ERROR_BUSY, "another primelab has been at work on the lab in %s for %d s", lab->folder,
              LAB_LOCK_WAIT_MS / 1000);
    return error_hint(err, "wait for it, or end it and run: primelab down");
}

int lab_check_room(const struct lab *lab, struct error *err)
{
    struct statvfs disk;
    unsigned long long left;

    if (statvfs(lab->folder, &disk) != 0)
        return 0;
    left = (unsigned long long)(geteuid() == 0 ? disk.f_bfree : disk.f_bavail) * disk.f_frsize;
    if (left >= LAB_ROOM_BYTES)
        return 0;
    error_set(err, ERROR_STORE_FULL, "the disk of %s has %llu KB left, and a lab takes up to %d KB",
              lab->folder, left / 1024, LAB_ROOM_BYTES / 1024);
    return error_hint(err, "make room, or choose a folder on another disk: primelab --folder <folder> up");
}
