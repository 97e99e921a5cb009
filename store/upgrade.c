#include "store/upgrade.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/lmdb_error.h"
#include "store/replica_set.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define META_KEY "store"
#define REVISION_KEY "revision"

static const upgrade_step steps[STORE_VERSION] = {
    NULL, /* version 1 is the first */
    NULL, /* version 2 has the databases of the trust stores besides, which opening makes */
    NULL, /* version 3 has a second set of the databases with pair records, and shadowed pins; and the
             registered servers */
};

static Record__Meta *read_meta(struct store_txn *txn, struct error *err)
{
    Record__Meta *meta = NULL;
    MDB_val value;

    if (record_get(txn, DATABASE_META, record_key_text(META_KEY), &value))
        meta = record_unpack(&txn->arena, &record__meta__descriptor, value.mv_data, value.mv_size);
    if (record_status(txn, err) != 0)
        return NULL;
    if (meta == NULL || meta->version == 0)
        record_damaged(txn, DATABASE_META, err);
    return meta == NULL || meta->version == 0 ? NULL : meta;
}

static int check_version(struct store_txn *txn, uint32_t version, uint32_t most, struct error *err)
{
    if (version <= most)
        return 0;
    error_set(err, ERROR_CONFLICT, "the store in %.200s has version %u, this program knows up to %u",
              txn->environment->folder, version, most);
    return error_hint(err, "install the release that wrote it, or a later one, or restore an older backup");
}

int upgrade_run(struct store_txn *txn, const upgrade_step *table, uint32_t to, struct error *err)
{
    Record__Meta *meta = read_meta(txn, err);

    if (meta == NULL || check_version(txn, meta->version, to, err) != 0)
        return -1;
    if (meta->version == to)
        return 0;
    for (; meta->version < to; meta->version++) {
        if (table[meta->version] != NULL && table[meta->version](txn, err) != 0)
            return -1;
    }
    record_store(txn, DATABASE_META, record_key_text(META_KEY), record_pack(txn, &meta->base), 0);
    return record_status(txn, err);
}

static bool id_is_sane(const char *id)
{
    if (strlen(id) != NODE_ID_DIGITS)
        return false;
    for (; *id != '\0'; id++) {
        if (!isxdigit((unsigned char)*id))
            return false;
    }
    return true;
}

static int open_in(struct store_txn *txn, char node_id[NODE_ID_DIGITS + 1], struct error *err)
{
    struct environment *environment = txn->environment;
    Record__Meta *meta;

    if (environment_open_databases(environment, txn->mdb, DATABASE_META, DATABASE_META, false, err) != 0)
        return -1;
    meta = read_meta(txn, err);
    if (meta == NULL || check_version(txn, meta->version, STORE_VERSION, err) != 0)
        return -1;
    if (meta->version < STORE_VERSION && !txn->writing) {
        error_set(err, ERROR_CONFLICT, "the store in %.200s was written by an older release",
                  environment->folder);
        return error_hint(err, "start primed, which upgrades it");
    }
    if (environment_open_databases(environment, txn->mdb, DATABASE_META + 1, DATABASES - 1,
                                   meta->version < STORE_VERSION, err) != 0 ||
        (txn->writing && upgrade_run(txn, steps, STORE_VERSION, err) != 0))
        return -1;
    /* an import that was not finished */
    if (txn->writing && replica_set_is_filled(txn, ENVIRONMENT_SETS - 1 - record_set(txn)))
        replica_set_drop(txn, ENVIRONMENT_SETS - 1 - record_set(txn));
    if (record_status(txn, err) != 0)
        return -1;
    if (!id_is_sane(meta->node_id))
        return record_damaged(txn, DATABASE_META, err);
    snprintf(node_id, NODE_ID_DIGITS + 1, "%s", meta->node_id);
    return 0;
}

/* Runs `body` in a transaction of its own. */
static int in_transaction(struct environment *environment, bool writing,
                          int (*body)(struct store_txn *, char *, struct error *), char *node_id,
                          struct error *err)
{
    struct store_txn txn = {.environment = environment, .writing = writing};
    int code = mdb_txn_begin(environment->mdb, NULL, writing ? 0 : MDB_RDONLY, &txn.mdb);
    int result;

    if (code == MDB_READERS_FULL || code != 0)
        return lmdb_error(err, code, "open", environment->folder);
    result = body(&txn, node_id, err);
    if (result != 0) {
        mdb_txn_abort(txn.mdb);
    } else {
        code = mdb_txn_commit(txn.mdb);
        if (code != 0)
            result = lmdb_error(err, code, "write", environment->folder);
    }
    arena_free(&txn.arena);
    return result;
}

int upgrade_open(struct environment *environment, char node_id[NODE_ID_DIGITS + 1], struct error *err)
{
    return in_transaction(environment, environment->mode == STORE_WRITE, open_in, node_id, err);
}

static int fill_new(struct store_txn *txn, char *unused, struct error *err)
{
    Record__Meta meta = RECORD__META__INIT;
    char id[NODE_ID_DIGITS + 1];
    uint8_t random[NODE_ID_DIGITS / 2];

    (void)unused;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set_errno(err, errno, "cannot get random bytes");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    meta.version = STORE_VERSION;
    meta.node_id = id;
    meta.created_ms = clock_wall_ms();
    if (environment_open_databases(txn->environment, txn->mdb, DATABASE_META, DATABASES - 1, true, err) != 0)
        return -1;
    record_store(txn, DATABASE_META, record_key_text(META_KEY), record_pack(txn, &meta.base), 0);
    upgrade_set_revision(txn, 0);
    return record_status(txn, err);
}

static int make_in(const char *folder, struct error *err)
{
    struct environment environment;
    int result;

    if (environment_init(&environment, folder, STORE_WRITE, err) != 0)
        return -1;
    result = environment_open(&environment, ENVIRONMENT_MAP_START, err);
    if (result == 0)
        result = in_transaction(&environment, true, fill_new, NULL, err);
    environment_free(&environment);
    return result;
}

static void remove_files(const char *folder)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/data.mdb", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", folder);
    unlink(path);
    rmdir(folder);
}

static int move_into_place(const char *made, const char *folder, struct error *err)
{
    char from[PATH_MAX + 16], to[PATH_MAX + 16];
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;

    snprintf(from, sizeof(from), "%s/data.mdb", made);
    snprintf(to, sizeof(to), "%s/data.mdb", folder);
    if (fd < 0 || rename(from, to) != 0 || fsync(fd) != 0)
        result = lmdb_error(err, errno, "make", folder);
    if (fd >= 0)
        close(fd);
    return result;
}

int upgrade_create(const char *folder, struct error *err)
{
    char made[PATH_MAX];
    int result;

    /* Beside its place first: a power cut in the middle must not leave what looks like a damaged store. */
    if (snprintf(made, sizeof(made), "%s/new", folder) >= (int)sizeof(made))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the folder name %.200s... is too long", folder);
    remove_files(made);
    result = file_make_folder(made, 0700, err);
    if (result == 0)
        result = make_in(made, err);
    if (result == 0)
        result = move_into_place(made, folder, err);
    remove_files(made);
    return result;
}

uint64_t upgrade_revision(struct store_txn *txn)
{
    Record__Revision *revision = NULL;
    struct arena scratch = {0};
    uint64_t number = 0;
    MDB_val value;

    if (record_get(txn, DATABASE_META, record_key_text(REVISION_KEY), &value)) {
        revision = record_unpack(&scratch, &record__revision__descriptor, value.mv_data, value.mv_size);
        if (revision == NULL)
            record_fail(txn, MDB_CORRUPTED, "read");
        else
            number = revision->revision;
    } else if (txn->status == 0) {
        record_fail(txn, MDB_CORRUPTED, "read");
    }
    arena_free(&scratch);
    return number;
}

void upgrade_set_revision(struct store_txn *txn, uint64_t revision)
{
    Record__Revision message = RECORD__REVISION__INIT;

    message.revision = revision;
    record_store(txn, DATABASE_META, record_key_text(REVISION_KEY), record_pack(txn, &message.base), 0);
}
