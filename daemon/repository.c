#include "daemon/repository.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN_PREFIX ".part-" /* no name that a person may give starts with "." */
#define FOLDER_MODE 0750
#define FILE_MODE 0640

/* ---- opening below the repositories' folder ---- */

static int open_root(const char *home, struct error *err)
{
    char root[PATH_MAX];
    int fd;

    if (snprintf(root, sizeof(root), "%s/repository", home) >= (int)sizeof(root))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path %.200s... is too long", home);
    fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : error_set_errno(err, errno, "cannot open the repositories in %.200s", home);
}

/* Word by word, where the kernel has no openat2(2): the words are plain names, and none may be a link. */
static int walk_beneath(int root, const char *path, int flags)
{
    char word[NAME_MAX + 1];
    int fd = dup(root);

    while (fd >= 0 && *path != '\0') {
        size_t length = strcspn(path, "/");
        bool last = path[length] == '\0';
        int next;
        int cause;

        snprintf(word, sizeof(word), "%.*s", (int)length, path);
        next = openat(fd, word, (last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW);
        cause = errno;
        close(fd);
        errno = cause;
        fd = next;
        path += length + !last;
    }
    return fd;
}

static int open_beneath(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, root, path[0] == '\0' ? "." : path, &how, sizeof(how));

    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return (int)fd;
    if (path[0] == '\0')
        return openat(root, ".", flags | O_CLOEXEC);
    return walk_beneath(root, path, flags | O_CLOEXEC);
}

static int path_error(struct error *err, const char *doing, const char *path)
{
    int cause = errno;

    if (cause == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "there is no disk:/%s", path);
    if (cause == ELOOP)
        return error_set(err, ERROR_DENIED, "disk:/%s is or holds a link, and links are not followed", path);
    if (cause == ENOTDIR)
        return error_set(err, ERROR_INVALID_ARGUMENT, "disk:/%s goes through a file, or a link", path);
    return error_set_errno(err, cause, "cannot %s disk:/%s", doing, path);
}

/* The folder that holds the last word of a path, and that word. */
static int open_parent(const char *home, const struct repository_path *path, const char **name,
                       struct error *err)
{
    struct repository_path above = *path;
    int root = open_root(home, err);
    int fd;

    if (root < 0)
        return -1;
    *name = repository_file_name(path);
    above.text[*name > path->text ? *name - path->text - 1 : 0] = '\0';
    fd = open_beneath(root, above.text, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        path_error(err, "open", above.text);
    close(root);
    return fd;
}

bool repository_is_folder(const char *home, const struct repository_path *path)
{
    int root = open_root(home, NULL);
    int fd = root < 0 ? -1 : open_beneath(root, path->text, O_PATH | O_DIRECTORY);

    if (root >= 0)
        close(root);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int repository_open(const char *home, const struct repository_path *path, int64_t *size, struct error *err)
{
    int root = open_root(home, err);
    struct stat info;
    int fd;

    if (root < 0)
        return -1;
    /* not blocking: what is no regular file is not waited for */
    fd = open_beneath(root, path->text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        path_error(err, "read", path->text);
    close(root);
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        *size = info.st_size;
        return fd;
    }
    close(fd);
    return error_set(err, ERROR_INVALID_ARGUMENT, "disk:/%s is %s, not a file", path->text,
                     S_ISDIR(info.st_mode) ? "a folder" : "something else");
}

/* ---- files on their way in ---- */

static int check_target(int folder, const char *name, const struct repository_path *path, bool overwrite,
                        struct error *err)
{
    struct stat info;

    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : path_error(err, "write", path->text);
    if (S_ISDIR(info.st_mode))
        return error_set(err, ERROR_CONFLICT, "disk:/%s is a folder", path->text);
    if (overwrite)
        return 0;
    error_set(err, ERROR_CONFLICT, "there is a file disk:/%s already", path->text);
    return error_hint(err, "to replace it, add \"overwrite\" to the command");
}

int repository_draft_begin(const char *home, const struct repository_path *path, bool overwrite,
                           struct repository_draft *draft, struct error *err)
{
    static atomic_uint number;
    const char *name;

    *draft = (struct repository_draft){.fd = -1, .folder = -1, .overwrite = overwrite, .path = *path};
    if (strchr(path->text, '/') == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "files lie inside repositories: disk:/<repository>/%s",
                         path->text);
    draft->folder = open_parent(home, path, &name, err);
    if (draft->folder < 0)
        return -1;
    snprintf(draft->hidden, sizeof(draft->hidden), HIDDEN_PREFIX "%u-%u", (unsigned)getpid(),
             atomic_fetch_add(&number, 1));
    if (check_target(draft->folder, name, path, overwrite, err) == 0) {
        draft->fd = openat(draft->folder, draft->hidden, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           FILE_MODE);
        if (draft->fd >= 0)
            return 0;
        path_error(err, "write", path->text);
    }
    close(draft->folder);
    draft->folder = -1;
    return -1;
}

/* Without RENAME_NOREPLACE in the file system a link does it: it never replaces either. */
static int give_name(const struct repository_draft *draft, const char *name)
{
    if (draft->overwrite)
        return renameat(draft->folder, draft->hidden, draft->folder, name);
    if (renameat2(draft->folder, draft->hidden, draft->folder, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(draft->folder, draft->hidden, draft->folder, name, 0) != 0)
        return -1;
    return unlinkat(draft->folder, draft->hidden, 0);
}

int repository_draft_commit(struct repository_draft *draft, struct error *err)
{
    const char *name = repository_file_name(&draft->path);
    int result = 0;

    if (fsync(draft->fd) != 0)
        result = path_error(err, "write", draft->path.text);
    else if (give_name(draft, name) != 0)
        result = errno == EEXIST ? check_target(draft->folder, name, &draft->path, false, err)
                                 : path_error(err, "write", draft->path.text);
    else if (fsync(draft->folder) != 0)
        result = path_error(err, "write", draft->path.text);
    repository_draft_abandon(draft);
    return result;
}

void repository_draft_abandon(struct repository_draft *draft)
{
    if (draft->folder < 0)
        return;
    unlinkat(draft->folder, draft->hidden, 0); /* gone already once it has its name */
    close(draft->fd);
    close(draft->folder);
    draft->fd = draft->folder = -1;
}

/* ---- folders ---- */

struct names {
    char **items;
    size_t count;
    size_t capacity;
};

static int add_name(struct names *names, const char *name)
{
    if (names->count == names->capacity) {
        size_t more = names->capacity == 0 ? 64 : 2 * names->capacity;
        char **grown = realloc(names->items, more * sizeof(*grown));

        if (grown == NULL)
            return -1;
        names->items = grown;
        names->capacity = more;
    }
    names->items[names->count] = strdup(name);
    return names->items[names->count++] != NULL ? 0 : -1;
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static int read_names(DIR *folder, struct names *names, struct error *err)
{
    struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.' && add_name(names, entry->d_name) != 0)
            return error_set(err, ERROR_INTERNAL, "out of memory");
    }
    if (names->count > 1)
        qsort(names->items, names->count, sizeof(*names->items), by_name);
    return 0;
}

static DIR *open_folder(const char *home, const struct repository_path *path, struct error *err)
{
    int root = open_root(home, err);
    DIR *folder = NULL;
    int fd;

    if (root < 0)
        return NULL;
    fd = open_beneath(root, path->text, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        path_error(err, "list", path->text);
    else if ((folder = fdopendir(fd)) == NULL) {
        path_error(err, "list", path->text);
        close(fd);
    }
    close(root);
    return folder;
}

int repository_list(const char *home, const struct repository_path *path,
                    int (*each)(void *arg, const struct repository_entry *entry), void *arg,
                    struct error *err)
{
    DIR *folder = open_folder(home, path, err);
    struct names names = {0};
    int result;

    if (folder == NULL)
        return -1;
    result = read_names(folder, &names, err);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        struct repository_entry entry = {.name = names.items[i]};
        struct stat info;

        if (fstatat(dirfd(folder), entry.name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
            continue;
        entry.folder = S_ISDIR(info.st_mode);
        entry.size = info.st_size;
        entry.changed_ms = info.st_mtim.tv_sec * 1000LL + info.st_mtim.tv_nsec / 1000000;
        if (each(arg, &entry) != 0)
            break;
    }
    free_names(&names);
    closedir(folder);
    return result;
}

int repository_usage(const char *home, struct repository_usage *out, struct error *err)
{
    int root = open_root(home, err);
    struct statvfs disk;
    int64_t block;

    if (root < 0)
        return -1;
    if (fstatvfs(root, &disk) != 0) {
        close(root);
        return error_set_errno(err, errno, "cannot ask how full the disk is");
    }
    close(root);
    block = (int64_t)disk.f_frsize;
    out->used_bytes = block * (int64_t)(disk.f_blocks - disk.f_bfree);
    out->free_bytes = block * (int64_t)disk.f_bfree;
    out->available_bytes = block * (int64_t)disk.f_bavail;
    return 0;
}

int repository_delete(const char *home, const struct repository_path *path, struct error *err)
{
    const char *name;
    int folder = open_parent(home, path, &name, err);
    int result = 0;

    if (folder < 0)
        return -1;
    /* EPERM is what POSIX has for a folder, EISDIR what Linux says */
    if (unlinkat(folder, name[0] == '\0' ? "." : name, 0) != 0)
        result = errno == EISDIR || errno == EPERM
                     ? error_set(err, ERROR_INVALID_ARGUMENT, "disk:/%s is a folder; remove it with: rmdir",
                                 path->text)
                     : path_error(err, "delete", path->text);
    else if (fsync(folder) != 0)
        result = path_error(err, "delete", path->text);
    close(folder);
    return result;
}

int repository_make_folder(const char *home, const struct repository_path *path, struct error *err)
{
    const char *name;
    int folder = open_parent(home, path, &name, err);
    int result = 0;

    if (folder < 0)
        return -1;
    if (mkdirat(folder, name[0] == '\0' ? "." : name, FOLDER_MODE) != 0)
        result = errno == EEXIST ? error_set(err, ERROR_CONFLICT, "there is a disk:/%s already", path->text)
                                 : path_error(err, "make", path->text);
    else if (fsync(folder) != 0)
        result = path_error(err, "make", path->text);
    close(folder);
    return result;
}

int repository_remove_folder(const char *home, const struct repository_path *path, struct error *err)
{
    const char *name;
    int folder;
    int result = 0;

    if (path->text[0] == '\0' || strcmp(path->text, REPOSITORY_DEFAULT) == 0)
        return error_set(err, ERROR_CONFLICT, "disk:/%s always exists", path->text);
    folder = open_parent(home, path, &name, err);
    if (folder < 0)
        return -1;
    if (unlinkat(folder, name, AT_REMOVEDIR) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST)
            result = error_set(err, ERROR_CONFLICT, "disk:/%s is not empty", path->text);
        else if (errno == ENOTDIR)
            result = error_set(err, ERROR_INVALID_ARGUMENT, "disk:/%s is no folder", path->text);
        else
            result = path_error(err, "remove", path->text);
    } else if (fsync(folder) != 0) {
        result = path_error(err, "remove", path->text);
    }
    close(folder);
    return result;
}

/* ---- at the start ---- */

/* What a copy or a backup left that a crash cut short: it never got its name. */
static void sweep(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, HIDDEN_PREFIX, strlen(HIDDEN_PREFIX)) == 0)
            unlinkat(fd, entry->d_name, 0);
        else if (entry->d_name[0] != '.' && depth < REPOSITORY_DEPTH_MAX)
            sweep(fd, entry->d_name, depth + 1);
    }
    closedir(folder);
}

int repository_make_default(const char *home, struct error *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/repository/" REPOSITORY_DEFAULT, home) >= (int)sizeof(path))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path %.200s... is too long", home);
    if (file_make_folder(path, FOLDER_MODE, err) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/repository", home);
    sweep(AT_FDCWD, path, 0);
    return 0;
}
