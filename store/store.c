#include "store/store.h"

#include "base/file.h"
#include "base/node_conf.h"
#include "store/lmdb_error.h"
#include "store/store_private.h"
#include "store/upgrade.h"
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_FOLDER_MODE 0750

struct store {
    struct environment environment;
    struct writer *writer; /* NULL: for reading only */
    int lock_fd;           /* writer.lock; -1 for reading only */
    char node_id[NODE_ID_DIGITS + 1];
};

struct environment *store_environment(struct store *store)
{
    return &store->environment;
}

static int take_writer_lock(struct store *store, const char *home, struct error *err)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/writer.lock", store->environment.folder);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0)
        return lmdb_error(err, errno, "write", store->environment.folder);
    if (file_lock(store->lock_fd, STORE_LOCK_WAIT_MS) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return error_set(err, ERROR_BUSY, "another primed runs on %s", home);
    return lmdb_error(err, errno, "lock", store->environment.folder);
}

static int data_file_exists(const char *folder, bool *out, struct error *err)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/data.mdb", folder);
    *out = access(path, F_OK) == 0;
    return *out || errno == ENOENT || errno == ENOTDIR ? 0 : lmdb_error(err, errno, "open", folder);
}

static int prepare_writing(struct store *store, const char *home, struct error *err)
{
    bool exists;

    if (file_make_folder(store->environment.folder, STORE_FOLDER_MODE, err) != 0 ||
        take_writer_lock(store, home, err) != 0 ||
        data_file_exists(store->environment.folder, &exists, err) != 0)
        return -1;
    return exists ? 0 : upgrade_create(store->environment.folder, err);
}

static int prepare_reading(struct store *store, const char *home, struct error *err)
{
    bool exists;

    if (data_file_exists(store->environment.folder, &exists, err) != 0)
        return -1;
    if (exists)
        return 0;
    error_set(err, ERROR_NOT_FOUND, "there is no store in %s", home);
    return error_hint(err, "start primed, which makes it, or set PRIMESH_HOME to the node's home");
}

static int open_all(struct store *store, const char *home, enum store_mode mode, struct error *err)
{
    if ((mode == STORE_WRITE ? prepare_writing : prepare_reading)(store, home, err) != 0 ||
        environment_open(&store->environment, 0, err) != 0 ||
        upgrade_open(&store->environment, store->node_id, err) != 0)
        return -1;
    if (mode == STORE_WRITE)
        store->writer = writer_start(&store->environment, err);
    return mode == STORE_READ || store->writer != NULL ? 0 : -1;
}

struct store *store_open(const char *home, enum store_mode mode, struct error *err)
{
    struct store *store = calloc(1, sizeof(*store));
    char folder[PATH_MAX];

    if (store == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    store->lock_fd = -1;
    if (node_path(home, "store", folder, sizeof(folder) - 64, err) != 0 ||
        environment_init(&store->environment, folder, mode, err) != 0) {
        free(store);
        return NULL;
    }
    if (open_all(store, home, mode, err) == 0)
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->writer != NULL)
        writer_stop(store->writer);
    environment_free(&store->environment);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store);
}

struct store_txn *store_read(struct store *store, struct error *err)
{
    struct store_txn *txn = calloc(1, sizeof(*txn));

    if (txn == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    txn->environment = &store->environment;
    if (environment_read_begin(&store->environment, &txn->reader, &txn->mdb, err) == 0)
        return txn;
    free(txn);
    return NULL;
}

void store_end(struct store_txn *txn)
{
    if (txn == NULL)
        return;
    environment_read_end(txn->environment, &txn->reader, txn->mdb);
    arena_free(&txn->arena);
    arena_free(&txn->row);
    free(txn);
}

static int refuse_to_write(const struct store *store, struct error *err)
{
    return error_set(err, ERROR_DENIED, "the store in %.200s is open for reading only",
                     store->environment.folder);
}

int store_run_reach(struct store *store, store_job job, void *arg, enum store_reach *reach, struct error *err)
{
    if (store->writer == NULL)
        return refuse_to_write(store, err);
    return writer_run(store->writer, job, arg, reach, err);
}

int store_run(struct store *store, store_job job, void *arg, struct error *err)
{
    return store_run_reach(store, job, arg, NULL, err);
}

int store_run_here(struct store *store, store_job job, void *arg, struct error *err)
{
    if (store->writer == NULL)
        return refuse_to_write(store, err);
    return writer_run_here(store->writer, job, arg, err);
}

void store_submit(struct store *store, store_job job, store_done done, void *arg)
{
    struct error err = {0};

    if (store->writer != NULL) {
        writer_submit(store->writer, job, done, arg);
        return;
    }
    refuse_to_write(store, &err);
    if (done != NULL)
        done(arg, -1, &err);
}

int store_gate_open(struct store *store, int timeout_ms, void (*lost)(void *arg), void *arg,
                    struct error *err)
{
    if (store->writer == NULL)
        return refuse_to_write(store, err);
    return gate_open(writer_gate(store->writer), timeout_ms, lost, arg, err);
}

void store_gate_close(struct store *store)
{
    if (store->writer != NULL)
        gate_close(writer_gate(store->writer));
}

void store_acknowledge(struct store *store, uint64_t revision)
{
    if (store->writer != NULL)
        gate_acknowledge(writer_gate(store->writer), revision);
}

void store_watch(struct store *store, void (*committed)(void *arg, uint64_t revision), void *arg)
{
    if (store->writer != NULL)
        writer_watch(store->writer, committed, arg);
}

void store_set_active(struct store *store, bool active, const char *active_name)
{
    if (store->writer != NULL)
        writer_set_active(store->writer, active, active_name);
}

int store_check_active(struct store *store, struct error *err)
{
    return store->writer == NULL ? 0 : writer_check_active(store->writer, err);
}

int store_reserve(struct store *store, uint64_t bytes, struct error *err)
{
    return store->writer == NULL ? refuse_to_write(store, err) : writer_reserve(store->writer, bytes, err);
}

void store_forget_dead_readers(struct store *store)
{
    environment_forget_dead(&store->environment);
}

uint64_t store_revision(struct store_txn *txn)
{
    return txn->writing ? txn->revision : upgrade_revision(txn);
}

const char *store_node_id(struct store *store)
{
    return store->node_id;
}

int store_stats(struct store *store, struct store_stats *out, struct error *err)
{
    struct store_txn *txn = store_read(store, err);
    size_t map_bytes, used_bytes;
    int result;

    if (txn == NULL)
        return -1;
    environment_usage(&store->environment, &map_bytes, &used_bytes);
    out->revision = upgrade_revision(txn);
    out->map_bytes = map_bytes;
    out->used_bytes = used_bytes;
    out->pins = record_count(txn, DATABASE_PINS);
    out->certificates = record_count(txn, DATABASE_CERTIFICATES);
    result = record_status(txn, err);
    store_end(txn);
    return result;
}
