#include "daemon/repository.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int repository_make_default(const char *home, struct error *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/repository/" REPOSITORY_DEFAULT, home) >= (int)sizeof(path))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path %.200s... is too long", home);
    return file_make_folder(path, 0750, err);
}

/* A name that stays where it is put: one word of a path, not hidden, nothing to fool a terminal with. */
static int check_name(const char *what, const char *name, struct error *err)
{
    if (name[0] == '\0' || name[0] == '.' || strlen(name) > NAME_MAX || strchr(name, '/') != NULL)
        return error_set(
            err, ERROR_INVALID_ARGUMENT,
            "the name of a %s is one word without \"/\" and not starting with \".\", at most %d bytes long",
            what, NAME_MAX);
    if (!text_is_printable(name, strlen(name)))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the name of the %s holds control characters or no UTF-8", what);
    return 0;
}

/* The folder of a repository, opened; -1 where there is none. */
static int open_folder(const char *home, const char *repository, const char *file, struct error *err)
{
    char root[PATH_MAX];
    int all;
    int fd;

    if (check_name("repository", repository, err) != 0 || check_name("file", file, err) != 0)
        return -1;
    if (snprintf(root, sizeof(root), "%s/repository", home) >= (int)sizeof(root))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path %.200s... is too long", home);
    all = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    fd = all < 0 ? -1 : openat(all, repository, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        error_set(err, ERROR_NOT_FOUND, "there is no repository %s", repository);
    if (all >= 0)
        close(all);
    return fd;
}

static int file_error(struct error *err, const char *doing, const char *repository, const char *file)
{
    int cause = errno;

    if (cause == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "there is no file %s in repository %s", file, repository);
    if (cause == ELOOP)
        return error_set(err, ERROR_DENIED, "%s in repository %s is a link, and links are not followed", file,
                         repository);
    return error_set_errno(err, cause, "cannot %s %s in repository %s", doing, file, repository);
}

int repository_read(const char *home, const char *repository, const char *file, size_t most, char **data,
                    size_t *length, struct error *err)
{
    int folder = open_folder(home, repository, file, err);
    int fd;
    int result;

    if (folder < 0)
        return -1;
    fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        file_error(err, "read", repository, file);
    close(folder);
    if (fd < 0)
        return -1;
    result = file_read_open(fd, file, most, data, length, err);
    close(fd);
    return result;
}

int repository_create(const char *home, const char *repository, const char *file, struct error *err)
{
    int folder = open_folder(home, repository, file, err);
    int fd;

    if (folder < 0)
        return -1;
    fd = openat(folder, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        file_error(err, "write", repository, file);
    close(folder);
    return fd;
}

static int check_target(int folder, const char *repository, const char *file, struct error *err)
{
    struct stat info;

    if (fstatat(folder, file, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : file_error(err, "write", repository, file);
    if (!S_ISREG(info.st_mode))
        return error_set(err, ERROR_CONFLICT, "%s in repository %s is there already, and is no regular file",
                         file, repository);
    return 0;
}

int repository_check(const char *home, const char *repository, const char *file, struct error *err)
{
    int folder = open_folder(home, repository, file, err);
    int result;

    if (folder < 0)
        return -1;
    result = check_target(folder, repository, file, err);
    close(folder);
    return result;
}

int repository_prepare(const char *home, const char *repository, const char *file, const char *data,
                       size_t length, struct repository_file *out, struct error *err)
{
    uint64_t number = 0;
    int fd;
    int result = -1;

    *out = (struct repository_file){.folder = open_folder(home, repository, file, err)};
    if (out->folder < 0)
        return -1;
    if (getrandom(&number, sizeof(number), 0) < 0)
        number = (uint64_t)getpid();
    snprintf(out->name, sizeof(out->name), "%s", file);
    snprintf(out->temporary, sizeof(out->temporary), ".%016" PRIx64 ".new", number);
    fd = openat(out->folder, out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (check_target(out->folder, repository, file, err) == 0) {
        if (fd >= 0 && file_write_all(fd, data, length) == 0 && fsync(fd) == 0)
            result = 0;
        else
            file_error(err, "write", repository, file);
    }
    if (fd >= 0)
        close(fd);
    if (result != 0)
        repository_abandon(out);
    return result;
}

int repository_commit(struct repository_file *file, struct error *err)
{
    int result = 0;

    if (renameat(file->folder, file->temporary, file->folder, file->name) != 0) {
        result = error_set_errno(err, errno, "cannot put %s into its repository", file->name);
        unlinkat(file->folder, file->temporary, 0);
    } else if (fsync(file->folder) != 0) {
        result = error_set_errno(err, errno, "cannot write the repository's folder");
    }
    close(file->folder);
    return result;
}

void repository_abandon(struct repository_file *file)
{
    unlinkat(file->folder, file->temporary, 0);
    close(file->folder);
}
