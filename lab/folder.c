#include "lab/folder.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <arpa/inet.h>

#define NETWORK_BYTES_MAX 64
#define LOCK_POLL_MS 20
#define MAKE_TRIES 10 /* another lab's `down` may take away a folder above, once it is empty */

static int find_programs(struct lab *lab, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", lab->programs, sizeof(lab->programs) - 1);

    if (length <= 0)
        return error_set_errno(err, errno, "cannot find out where primelab lies");
    lab->programs[length] = '\0';
    *strrchr(lab->programs, '/') = '\0';
    return 0;
}

/* The first three numbers of addresses that a lab can have. */
static bool is_network(const char *text, bool namespaces)
{
    char address[32];
    struct in_addr parsed;

    snprintf(address, sizeof(address), "%s.1", text);
    return strlen(text) < sizeof(((struct lab *)0)->network) && inet_pton(AF_INET, address, &parsed) == 1 &&
           (strncmp(text, "127.", 4) == 0 || namespaces);
}

int lab_check_network(const char *network, struct error *err)
{
    if (is_network(network, false))
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "\"%.40s\" is not the first three numbers of loopback addresses, e.g. 127.0.1", network);
}

#define NAMESPACES_LINE "namespaces\n"

static int parse_network(struct lab *lab, char *text)
{
    char *rest = text + strcspn(text, "\n");
    bool namespaces = strcmp(rest, "\n" NAMESPACES_LINE) == 0;

    if (!namespaces && strcmp(rest, "\n") != 0)
        return -1;
    *rest = '\0';
    if (!is_network(text, namespaces))
        return -1;
    lab->namespaces = namespaces;
    snprintf(lab->network, sizeof(lab->network), "%s", text);
    return 0;
}

int lab_read(struct lab *lab, struct error *err)
{
    struct error why = {0};
    char path[PATH_MAX];
    char *data = NULL;
    size_t length;
    int failed;

    lab->network[0] = '\0';
    lab->namespaces = false;
    snprintf(path, sizeof(path), "%s/network", lab->folder);
    failed = file_read(path, NETWORK_BYTES_MAX, &data, &length, &why);
    if (why.code == ERROR_NOT_FOUND)
        return 0;
    if (why.code == ERROR_DENIED && err != NULL)
        *err = why;
    if (why.code == ERROR_DENIED)
        return -1;
    if (failed == 0)
        failed = parse_network(lab, data);
    free(data);
    if (failed == 0)
        return 0;
    error_set(err, ERROR_INTERNAL, "%s is damaged: it does not say which addresses the lab has", path);
    return error_hint(err, "take the lab down, which does without that, and up again: primelab%s down",
                      lab->option);
}

int lab_check_present(struct lab *lab, struct error *err)
{
    if (lab_read(lab, err) != 0)
        return -1;
    if (lab->network[0] != '\0')
        return 0;
    error_set(err, ERROR_UNREACHABLE, "there is no lab in %s", lab->folder);
    return error_hint(err, "start one with: primelab%s up", lab->option);
}

int lab_save(const struct lab *lab, struct error *err)
{
    char path[PATH_MAX];
    char text[64];
    int length = snprintf(text, sizeof(text), "%s\n%s", lab->network, lab->namespaces ? NAMESPACES_LINE : "");

    snprintf(path, sizeof(path), "%s/network", lab->folder);
    return file_write(path, text, (size_t)length, 0644, err);
}

/* Without links and dots, for the processes of a lab are known by its folder. */
static int resolve_folder(struct lab *lab, struct error *err)
{
    char real[PATH_MAX];

    if (realpath(lab->folder, real) == NULL) {
        int why = errno;

        if (why == ENOENT)
            return 0;
        error_set_errno(err, why, "cannot find the lab's folder %s", lab->folder);
        if (why == EACCES && err != NULL)
            err->code = ERROR_DENIED;
        return -1;
    }
    if (strlen(real) >= sizeof(lab->folder))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path of the lab's folder is longer than %zu bytes",
                         sizeof(lab->folder) - 1);
    memcpy(lab->folder, real, strlen(real) + 1);
    return 0;
}

int lab_open(const char *folder, struct lab *out, struct error *err)
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
    lab_read(out, NULL);
    return 0;
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

/* In quotes where a shell would read it otherwise. */
static void add_quoted(struct text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:@%/";

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        text_add_string(text, word);
        return;
    }
    text_add_string(text, "'");
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            text_add_string(text, "'\\''");
        else
            text_add(text, word, 1);
    }
    text_add_string(text, "'");
}

void lab_set_option(struct lab *lab, const char *name, const char *folder)
{
    struct text text = {0};

    if (name != NULL)
        text_format(&text, " --name %s", name);
    else if (folder != NULL) {
        text_add_string(&text, " --folder ");
        add_quoted(&text, folder);
    }
    snprintf(lab->option, sizeof(lab->option), "%s", text.data != NULL ? text.data : "");
    text_free(&text);
}

/* True if the descriptor is the folder that the path means now: who held it before may have removed it. */
static bool is_still(int fd, const char *path)
{
    struct stat held;
    struct stat named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static int make_once(const struct lab *lab, struct error *err)
{
    int why;

    if (file_make_folder(lab->folder, 0755, err) != 0)
        return -1;
    if (access(lab->folder, W_OK) == 0)
        return 0;
    why = errno;
    error_set_errno(err, why, "cannot write in the lab's folder %s", lab->folder);
    err->code = why == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED;
    return -1;
}

static int make_lab_folder(struct lab *lab, struct error *err)
{
    int failed = make_once(lab, err);

    for (int i = 1; i < MAKE_TRIES && failed != 0 && err->code == ERROR_NOT_FOUND; i++)
        failed = make_once(lab, err);
    if (failed == 0) {
        error_clear(err);
        return resolve_folder(lab, err);
    }
    if (err->code == ERROR_INTERNAL)
        err->code = ERROR_DENIED;
    return error_hint(err, "choose a folder that can be written: primelab --folder <folder> up");
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
    return error_hint(err, "wait for it, or end it and run: primelab%s down", lab->option);
}

/* Root may write everywhere, and would leave behind what the owner can neither end nor remove. */
static int check_owner(const struct lab *lab, int fd, struct error *err)
{
    const struct passwd *owner;
    struct stat info;

    if (fstat(fd, &info) != 0 || info.st_uid == geteuid())
        return 0;
    owner = getpwuid(info.st_uid);
    if (owner != NULL)
        error_set(err, ERROR_DENIED, "%s belongs to %s, and so does its lab", lab->folder, owner->pw_name);
    else
        error_set(err, ERROR_DENIED, "%s belongs to the user with number %u, and so does its lab",
                  lab->folder, (unsigned)info.st_uid);
    return error_hint(err,
                      "run primelab as that user, or bring up a lab of your own: primelab --name <name> up");
}

/* What a lab begins with, also where writing it was cut short (file_write()), and what it has from then on.
 */
static bool is_of_lab(const char *name)
{
    if (strcmp(name, "network") == 0 || strncmp(name, "network.", strlen("network.")) == 0)
        return true;
    for (size_t i = 0; i < lab_server_count; i++) {
        if (strcmp(lab_servers[i].name, name) == 0)
            return true;
    }
    return false;
}

int lab_check_folder(const struct lab *lab, struct error *err)
{
    DIR *all = opendir(lab->folder);
    struct dirent *entry;
    bool has_any = false;
    bool has_lab = false;

    while (all != NULL && (entry = readdir(all)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        has_any = true;
        has_lab = has_lab || is_of_lab(entry->d_name);
    }
    if (all != NULL)
        closedir(all);
    if (!has_any || has_lab)
        return 0;
    error_set(err, ERROR_INVALID_ARGUMENT, "%s holds other things than a lab, and `down` would remove them",
              lab->folder);
    return error_hint(err, "give the lab a folder of its own: primelab --folder <folder> up");
}

int lab_lock_own(struct lab *lab, struct error *err)
{
    int fd = lab_lock(lab, err);

    if (fd < 0 || (check_owner(lab, fd, err) == 0 && lab_check_folder(lab, err) == 0))
        return fd;
    close(fd);
    return -1;
}

int lab_lock_present(struct lab *lab, struct error *err)
{
    int fd = lab_check_present(lab, err) == 0 ? lab_lock_own(lab, err) : -1;

    if (fd < 0 || lab_check_present(lab, err) == 0)
        return fd;
    lab_remove_empty(lab);
    close(fd);
    return -1;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);

    return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

void lab_remove_empty(const struct lab *lab)
{
    char path[PATH_MAX];
    bool in_run = ends_with(lab->folder, "/" LAB_FOLDER);

    snprintf(path, sizeof(path), "%s", lab->folder);
    if (rmdir(path) != 0 && errno != ENOENT)
        return;
    *strrchr(path, '/') = '\0';
    if (ends_with(path, "/" LAB_NAMED_FOLDER)) {
        in_run = true;
        rmdir(path);
        *strrchr(path, '/') = '\0';
    }
    if (in_run)
        rmdir(path);
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
