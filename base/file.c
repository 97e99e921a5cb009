#include "base/file.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_POLL_MS 10

static int file_error(struct error *err, int errnum, const char *doing, const char *path)
{
    error_set_errno(err, errnum, "cannot %s %s", doing, path);
    if (err != NULL && (errnum == EACCES || errnum == EPERM || errnum == EROFS))
        err->code = ERROR_DENIED;
    if (err != NULL && errnum == ENOENT)
        err->code = ERROR_NOT_FOUND;
    return -1;
}

int file_read_open(int fd, const char *name, size_t most, char **data, size_t *length, struct error *err)
{
    struct stat info;
    size_t used = 0;
    char *bytes;

    if (fstat(fd, &info) != 0)
        return file_error(err, errno, "read", name);
    if (!S_ISREG(info.st_mode))
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a regular file", name);
    if ((uintmax_t)info.st_size > most)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s has %jd bytes, more than %zu", name,
                         (intmax_t)info.st_size, most);
    bytes = malloc((size_t)info.st_size + 1);
    if (bytes == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    while (used < (size_t)info.st_size) {
        ssize_t got = read(fd, bytes + used, (size_t)info.st_size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return file_error(err, errno, "read", name);
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    bytes[used] = '\0';
    *data = bytes;
    *length = used;
    return 0;
}

static int read_path(const char *path, int flags, size_t most, char **data, size_t *length, struct error *err)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int result;

    if (fd < 0 && errno == ELOOP)
        return error_set(err, ERROR_DENIED, "%s is a symbolic link, which is not followed", path);
    if (fd < 0)
        return file_error(err, errno, "open", path);
    result = file_read_open(fd, path, most, data, length, err);
    close(fd);
    return result;
}

int file_read(const char *path, size_t most, char **data, size_t *length, struct error *err)
{
    return read_path(path, 0, most, data, length, err);
}

int file_read_here(const char *path, size_t most, char **data, size_t *length, struct error *err)
{
    return read_path(path, O_NOFOLLOW, most, data, length, err);
}

int file_write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        length -= (size_t)written;
    }
    return 0;
}

int file_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result, reason;

    if (fd < 0)
        return -1;
    result = fsync(fd);
    reason = errno;
    close(fd);
    errno = reason;
    return result;
}

static int sync_folder_of(const char *path)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", path);
    return file_sync_folder(dirname(copy));
}

int file_write(const char *path, const char *data, size_t length, mode_t mode, struct error *err)
{
    char temporary[PATH_MAX];
    int fd;
    int result;

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the file name %.200s... is too long", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return file_error(err, errno, "write", path);
    result = fchmod(fd, mode) != 0 || file_write_all(fd, data, length) != 0 || fsync(fd) != 0 ? -1 : 0;
    if (result != 0)
        file_error(err, errno, "write", path);
    close(fd);
    if (result == 0 && (rename(temporary, path) != 0 || sync_folder_of(path) != 0))
        result = file_error(err, errno, "write", path);
    if (result != 0)
        unlink(temporary);
    return result;
}

int file_make_folder(const char *path, mode_t mode, struct error *err)
{
    char copy[PATH_MAX];

    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the folder name %.200s... is too long", path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            return file_error(err, errno, "make the folder", copy);
        *slash = '/';
    }
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return file_error(err, errno, "make the folder", path);
    return 0;
}

int file_lock(int fd, int limit_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + limit_ms;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || clock_monotonic_ms() >= deadline_ms)
            return -1;
        poll(NULL, 0, LOCK_POLL_MS);
    }
    return 0;
}
