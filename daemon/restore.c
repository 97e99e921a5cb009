/*
 * A backup becomes the node in three steps: it is unpacked and checked in restore.new; a rename to
 * restore.ready commits it; and the next start moves its parts into place. Killed at whatever moment, the
 * next start finds the old node whole (before the rename) or makes the new one whole (after it).
 */
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "daemon/archive.h"
#include "daemon/backup.h"
#include "daemon/ssh_start.h"
#include "identity/identity.h"
#include "store/seal.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED "restore.new"
#define READY RESTORE_READY
#define OLD "restore.old"
#define MANIFEST_MAX (64 * 1024)

/* What a node is made of. A backup always holds each of them. */
static const char *const parts[] = {"store", "keys", "ssh", "node.conf"};
#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static int remove_tree(const char *home, const char *name)
{
    char path[PATH_MAX];
    char *paths[] = {path, NULL};
    FTS *walk;
    FTSENT *entry;
    int result = 0;

    if (node_path(home, name, path, sizeof(path), NULL) != 0)
        return -1;
    walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return -1;
    while ((entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_D || entry->fts_info == FTS_NS)
            continue;
        if ((entry->fts_info == FTS_DP ? rmdir(entry->fts_accpath) : unlink(entry->fts_accpath)) != 0)
            result = -1;
    }
    fts_close(walk);
    return result;
}

static int sync_folder(const char *home, const char *name, struct error *err)
{
    char path[PATH_MAX];

    if (node_path(home, name, path, sizeof(path), err) != 0)
        return -1;
    return file_sync_folder(path) == 0 ? 0 : error_set_errno(err, errno, "cannot write the folder %s", path);
}

/* ---- unpacking ---- */

/* Only what a node is made of, and no way out of the folder. */
static int check_name(const char *name, struct error *err)
{
    const char *word = name;

    if (strcmp(name, BACKUP_MANIFEST) == 0 || strcmp(name, "node.conf") == 0 ||
        strcmp(name, SSH_KNOWN_HOSTS) == 0 || strcmp(name, "store/data.mdb") == 0)
        return 0;
    if (strncmp(name, "keys/", 5) == 0 && text_is_printable(name, strlen(name))) {
        while (*word != '\0' && *word != '.' && *word != '/') {
            word += strcspn(word, "/");
            word += *word == '/';
            if (*word == '\0' && word[-1] != '/')
                return 0;
        }
    }
    return error_set(err, ERROR_UNTRUSTED, "the backup does not hold what a backup holds");
}

static int create_file(const char *folder, const char *name, struct error *err)
{
    char path[PATH_MAX];
    char above[PATH_MAX];
    /* what shells read; the rest is primed's alone */
    bool is_open = strncmp(name, "store/", 6) == 0 || strcmp(name, "node.conf") == 0;
    int fd;

    if (node_path(folder, name, path, sizeof(path), err) != 0)
        return -1;
    snprintf(above, sizeof(above), "%s", path);
    *strrchr(above, '/') = '\0';
    if (file_make_folder(above, is_open ? 0750 : 0700, err) != 0)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, is_open ? 0640 : 0600);
    return fd >= 0 ? fd : error_set_errno(err, errno, "cannot write %s", path);
}

static int unpack_file(struct sealed_reader *reader, const char *folder, const char *name, uint8_t *block,
                       struct error *err)
{
    int fd = create_file(folder, name, err);
    size_t length = 1;
    int failed = fd < 0 ? -1 : 0;

    while (failed == 0 && length > 0) {
        failed = archive_get(reader, block, &length, err);
        if (failed == 0 && file_write_all(fd, (const char *)block, length) != 0)
            failed = error_set_errno(err, errno, "cannot write %s", name);
    }
    if (failed == 0 && fsync(fd) != 0)
        failed = error_set_errno(err, errno, "cannot write %s", name);
    if (fd >= 0)
        close(fd);
    return failed;
}

static int unpack(struct sealed_reader *reader, const char *folder, struct error *err)
{
    uint8_t *block = malloc(ARCHIVE_BLOCK);
    char name[ARCHIVE_NAME_MAX];
    int more;

    if (block == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    while ((more = archive_next(reader, name, err)) == 1) {
        if (check_name(name, err) != 0 || unpack_file(reader, folder, name, block, err) != 0) {
            more = -1;
            break;
        }
    }
    OPENSSL_cleanse(block, ARCHIVE_BLOCK);
    free(block);
    return more;
}

/* ---- is it a node that can run here? ---- */

static int check_manifest(const char *folder, json_t **manifest, struct error *err)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t length;
    const char *product;

    if (node_path(folder, BACKUP_MANIFEST, path, sizeof(path), err) != 0 ||
        file_read(path, MANIFEST_MAX, &text, &length, err) != 0)
        return -1;
    *manifest = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    product = json_string_value(json_object_get(*manifest, "product"));
    if (product != NULL && strcmp(product, PRODUCT_NAME) == 0 &&
        json_string_value(json_object_get(*manifest, "hostname")) != NULL)
        return 0;
    json_decref(*manifest);
    *manifest = NULL;
    return error_set(err, ERROR_UNTRUSTED, "the backup does not say whose it is");
}

static int check_parts(const char *folder, struct error *err)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < PART_COUNT; i++) {
        if (node_path(folder, parts[i], path, sizeof(path), err) != 0)
            return -1;
        if (access(path, F_OK) != 0)
            return error_set(err, ERROR_UNTRUSTED, "the backup holds no %s", parts[i]);
    }
    return 0;
}

/* An address that this machine does not have would leave a node that does not start. */
static int check_address(const char *address, struct error *err)
{
    const struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    int fd = -1;
    bool bound = false;

    if (getaddrinfo(address, NULL, &wanted, &found) == 0)
        fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        bound = bind(fd, found->ai_addr, found->ai_addrlen) == 0;
        close(fd);
    }
    if (found != NULL)
        freeaddrinfo(found);
    if (bound)
        return 0;
    error_set(err, ERROR_CONFLICT,
              "the node of the backup listens on %s, which is no address of this machine", address);
    return error_hint(err, "give this machine the address first");
}

/* What the machine gave to this node, a backup cannot change: it may be anybody's. */
static int check_privileges(const struct node_conf *now, const struct node_conf *next, struct error *err)
{
    if (strcmp(next->user, now->user) != 0) {
        error_set(err, ERROR_CONFLICT, "the node of the backup runs as the user %s, this one as %s",
                  next->user, now->user);
        return error_hint(
            err,
            "if it is to: write user = %s into this node's node.conf, give that user the home, start "
            "primed anew, and restore again",
            next->user);
    }
    if (node_conf_may_take_port(now, next->port))
        return 0;
    error_set(err, ERROR_CONFLICT, "the node of the backup serves port %u, this one port %u", next->port,
              now->port);
    return error_hint(err,
                      "a port below 1024 is the machine's to give: write port = %u into this node's "
                      "node.conf, start primed anew, and restore again",
                      next->port);
}

static int check_conf(const struct node *node, const char *folder, struct error *err)
{
    struct node_conf conf;

    if (node_conf_read(folder, &conf, err) != 0)
        return -1;
    for (size_t i = 0; i < conf.listen_count; i++) {
        if (check_address(conf.listen[i], err) != 0)
            return -1;
    }
    return check_privileges(&node->conf, &conf, err);
}

static int check_keys(const char *folder, struct error *err)
{
    char keys[PATH_MAX];
    struct identity *identity;
    struct seal *seal;

    if (node_path(folder, "keys", keys, sizeof(keys), err) != 0)
        return -1;
    identity = identity_load(keys, err);
    if (identity == NULL)
        return -1;
    identity_free(identity);
    seal = seal_open(folder, err);
    if (seal == NULL)
        return -1;
    seal_close(seal);
    return 0;
}

/* Opened to write: an older one is upgraded now, not at the start that nobody watches. */
static int check_store(const char *folder, struct error *err)
{
    struct store *store = store_open(folder, STORE_WRITE, err);

    store_close(store);
    return store != NULL ? 0 : -1;
}

static int check_all(const struct node *node, const char *folder, json_t **manifest, struct error *err)
{
    struct error cause = {0};

    if (check_manifest(folder, manifest, err) != 0)
        return -1;
    if (check_parts(folder, err) != 0 || check_conf(node, folder, err) != 0)
        return -1;
    if (check_keys(folder, &cause) == 0 && check_store(folder, &cause) == 0)
        return 0;
    error_set(err,
              cause.code == ERROR_CONFLICT || cause.code == ERROR_STORE_FULL ? cause.code : ERROR_UNTRUSTED,
              "the node of the backup cannot run: %s", cause.message);
    return -1;
}

static int unpack_and_check(struct node *node, struct sealed_reader *reader, json_t **manifest,
                            struct error *err)
{
    char folder[PATH_MAX];

    if (node_path(node->home, STAGED, folder, sizeof(folder), err) != 0 ||
        file_make_folder(folder, 0700, err) != 0 || unpack(reader, folder, err) != 0)
        return -1;
    return check_all(node, folder, manifest, err);
}

int restore_stage(struct node *node, int fd, const char *passphrase, json_t **manifest, struct error *err)
{
    struct sealed_reader *reader = sealed_reader_new(fd, passphrase, err);
    int failed;

    *manifest = NULL;
    if (reader == NULL)
        return -1;
    restore_abandon(node); /* of a restore that was cut off */
    failed = unpack_and_check(node, reader, manifest, err);
    sealed_reader_free(reader);
    if (failed == 0)
        return 0;
    json_decref(*manifest);
    *manifest = NULL;
    restore_abandon(node);
    return -1;
}

int restore_note(struct node *node, int (*job)(struct store_txn *txn, void *arg, struct error *err),
                 void *arg, struct error *err)
{
    char folder[PATH_MAX];
    struct store *store;
    int failed;

    if (node_path(node->home, STAGED, folder, sizeof(folder), err) != 0)
        return -1;
    store = store_open(folder, STORE_WRITE, err);
    if (store == NULL)
        return -1;
    failed = store_run(store, job, arg, err);
    store_close(store);
    return failed;
}

void restore_abandon(struct node *node)
{
    remove_tree(node->home, STAGED);
}

int restore_commit(struct node *node, struct error *err)
{
    static const char *const folders[] = {STAGED "/store", STAGED "/keys", STAGED "/ssh", STAGED};
    char from[PATH_MAX];
    char to[PATH_MAX];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (sync_folder(node->home, folders[i], err) != 0)
            return -1;
    }
    if (node_path(node->home, STAGED, from, sizeof(from), err) != 0 ||
        node_path(node->home, READY, to, sizeof(to), err) != 0)
        return -1;
    remove_tree(node->home, OLD);
    if (rename(from, to) != 0)
        return error_set_errno(err, errno, "cannot replace the node");
    return sync_folder(node->home, "", err);
}

/* ---- at the start ---- */

/* The part in use goes to restore.old, the new one takes its place. Can be done again from any point. */
static int move_part(const char *home, const char *part, struct error *err)
{
    char ready[PATH_MAX];
    char current[PATH_MAX];
    char old[PATH_MAX];
    char name[64];

    snprintf(name, sizeof(name), READY "/%s", part);
    if (node_path(home, name, ready, sizeof(ready), err) != 0)
        return -1;
    snprintf(name, sizeof(name), OLD "/%s", part);
    if (node_path(home, name, old, sizeof(old), err) != 0 ||
        node_path(home, part, current, sizeof(current), err) != 0)
        return -1;
    if (access(ready, F_OK) != 0)
        return 0; /* moved before a crash */
    if (rename(current, old) != 0 && errno != ENOENT)
        return error_set_errno(err, errno, "cannot move %s away for the restored one", current);
    if (sync_folder(home, OLD, err) != 0)
        return -1;
    if (rename(ready, current) != 0)
        return error_set_errno(err, errno, "cannot put the restored %s in its place", part);
    return sync_folder(home, "", err);
}

static int move_all(const char *home, struct error *err)
{
    char path[PATH_MAX];

    if (node_path(home, READY, path, sizeof(path), err) != 0)
        return -1;
    if (access(path, F_OK) != 0)
        return 0; /* whoever had the lock before was faster */
    if (node_path(home, OLD, path, sizeof(path), err) != 0 || file_make_folder(path, 0700, err) != 0)
        return -1;
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (move_part(home, parts[i], err) != 0)
            return -1;
    }
    remove_tree(home, READY);
    return 0;
}

/* Locks a file or folder of the home; -1 where there is none. *busy: somebody else has it all that time. */
static int lock_part(const char *home, const char *name, int limit_ms, bool *busy)
{
    char path[PATH_MAX];
    int fd;

    *busy = false;
    if (node_path(home, name, path, sizeof(path), NULL) != 0)
        return -1;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && file_lock(fd, limit_ms) != 0)
        *busy = true;
    return fd;
}

int restore_finish(const char *home, struct error *err)
{
    bool busy;
    bool running;
    int ready = lock_part(home, READY, INT_MAX, &busy); /* one start after the other */
    int writer;
    int result = 0;

    if (ready < 0)
        return 0;
    /* a node that runs would find its store gone: it is about to end, and its own parent will come here */
    writer = lock_part(home, "store/writer.lock", STORE_LOCK_WAIT_MS, &running);
    result = running ? error_set(err, ERROR_BUSY, "another primed runs on this home") : move_all(home, err);
    if (writer >= 0)
        close(writer);
    close(ready);
    return result;
}

void restore_clean(const char *home)
{
    remove_tree(home, OLD);
    remove_tree(home, STAGED);
}
