#include "daemon/backup.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "daemon/archive.h"
#include "daemon/ssh_start.h"
#include "store/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_FILE_MAX (16 * 1024 * 1024) /* bytes of a key, a node.conf, a known_hosts */
#define KEYS_DEPTH_MAX 4

struct packing {
    struct node *node;
    struct sealed_writer *writer;
    bool (*go_on)(void *arg);
    void *arg;
};

static int add_bytes(struct packing *packing, const char *name, const void *bytes, size_t length,
                     struct error *err)
{
    if (archive_begin_file(packing->writer, name, err) != 0 ||
        archive_add(packing->writer, bytes, length, err) != 0)
        return -1;
    return archive_end_file(packing->writer, err);
}

static int add_manifest(struct packing *packing, const char *name, struct error *err)
{
    json_t *manifest =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "product", PRODUCT_NAME, "version", PRODUCT_VERSION,
                  "name", name, "node", store_node_id(packing->node->store), "hostname",
                  packing->node->conf.hostname, "created_ms", (json_int_t)clock_wall_ms());
    char *text = manifest == NULL ? NULL : json_dumps(manifest, JSON_COMPACT);
    int failed = text == NULL ? error_set(err, ERROR_INTERNAL, "out of memory")
                              : add_bytes(packing, BACKUP_MANIFEST, text, strlen(text), err);

    free(text);
    json_decref(manifest);
    return failed;
}

/* A file that a node may do without is empty in the backup. */
static int add_small_file(struct packing *packing, const char *name, struct error *err)
{
    struct error cause = {0};
    char path[PATH_MAX];
    char *data = NULL;
    size_t length = 0;
    int failed;

    if (node_path(packing->node->home, name, path, sizeof(path), err) != 0)
        return -1;
    if (file_read(path, SMALL_FILE_MAX, &data, &length, &cause) != 0 && cause.code != ERROR_NOT_FOUND) {
        *err = cause;
        return -1;
    }
    failed = add_bytes(packing, name, data != NULL ? data : "", length, err);
    if (data != NULL)
        OPENSSL_cleanse(data, length);
    free(data);
    return failed;
}

/* ---- keys/ ---- */

static int add_folder(struct packing *packing, const char *name, int depth, struct error *err);

static int add_entry(struct packing *packing, int folder, const char *above, const char *entry, int depth,
                     struct error *err)
{
    char name[ARCHIVE_NAME_MAX];
    struct stat info;

    if (entry[0] == '.' || !text_is_printable(entry, strlen(entry)) ||
        fstatat(folder, entry, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    if (snprintf(name, sizeof(name), "%s/%s", above, entry) >= (int)sizeof(name))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the name %.100s is too long for a backup", entry);
    if (S_ISDIR(info.st_mode) && depth < KEYS_DEPTH_MAX)
        return add_folder(packing, name, depth + 1, err);
    return S_ISREG(info.st_mode) ? add_small_file(packing, name, err) : 0;
}

static int add_folder(struct packing *packing, const char *name, int depth, struct error *err)
{
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *folder;
    int failed = 0;

    if (node_path(packing->node->home, name, path, sizeof(path), err) != 0)
        return -1;
    folder = opendir(path);
    if (folder == NULL)
        return error_set_errno(err, errno, "cannot read %s", path);
    while (failed == 0 && (entry = readdir(folder)) != NULL)
        failed = add_entry(packing, dirfd(folder), name, entry->d_name, depth, err);
    closedir(folder);
    return failed;
}

/* ---- the store: LMDB writes the snapshot into one end of a pipe ---- */

struct snapshot {
    struct store *store;
    int fd;
    int result;
    struct error error;
};

static void *take_snapshot(void *arg)
{
    struct snapshot *snapshot = arg;

    snapshot->result = store_snapshot(snapshot->store, snapshot->fd, &snapshot->error);
    close(snapshot->fd);
    return NULL;
}

static int add_from_pipe(struct packing *packing, int fd, struct error *err)
{
    char *block = malloc(ARCHIVE_BLOCK);
    ssize_t got = 1;
    int failed = block == NULL ? error_set(err, ERROR_INTERNAL, "out of memory") : 0;

    while (failed == 0 && got != 0) {
        got = read(fd, block, ARCHIVE_BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            failed = error_set_errno(err, errno, "cannot read the store's copy");
        else if (got > 0)
            failed = archive_add(packing->writer, block, (size_t)got, err);
        if (failed == 0 && packing->go_on != NULL && !packing->go_on(packing->arg))
            failed = error_set(err, ERROR_BUSY, "the backup was stopped");
    }
    free(block);
    return failed;
}

static int add_store(struct packing *packing, struct error *err)
{
    struct snapshot snapshot = {.store = packing->node->store};
    pthread_t thread;
    int ends[2];
    int failed;

    if (archive_begin_file(packing->writer, "store/data.mdb", err) != 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(err, errno, "cannot make a pipe");
    snapshot.fd = ends[1];
    failed = pthread_create(&thread, NULL, take_snapshot, &snapshot);
    if (failed != 0) {
        close(ends[0]);
        close(ends[1]);
        return error_set_errno(err, failed, "cannot start a thread");
    }
    failed = add_from_pipe(packing, ends[0], err);
    close(ends[0]); /* LMDB's next write fails where we gave up */
    pthread_join(thread, NULL);
    if (failed == 0 && snapshot.result != 0) {
        *err = snapshot.error;
        failed = -1;
    }
    return failed != 0 ? -1 : archive_end_file(packing->writer, err);
}

int backup_write(struct node *node, int fd, const char *name, const char *passphrase,
                 bool (*go_on)(void *arg), void *arg, struct error *err)
{
    struct packing packing = {.node = node, .go_on = go_on, .arg = arg};
    int failed;

    packing.writer = sealed_writer_new(fd, passphrase, SEALED_FILE_WORK, err);
    if (packing.writer == NULL)
        return -1;
    failed = add_manifest(&packing, name, err) != 0 || add_small_file(&packing, "node.conf", err) != 0 ||
             add_small_file(&packing, SSH_KNOWN_HOSTS, err) != 0 ||
             add_folder(&packing, "keys", 1, err) != 0 || add_store(&packing, err) != 0 ||
             archive_end(packing.writer, err) != 0;
    sealed_writer_free(packing.writer);
    return failed ? -1 : 0;
}
