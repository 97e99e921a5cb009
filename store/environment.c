#include "store/environment.h"

#include "store/lmdb_error.h"
#include "store/page_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENVIRONMENT_READERS 1022 /* reader slots: with LMDB's header a lock file of LOCK_BYTES */
#define LOCK_BYTES 65536
#define DATA_MODE 0640
#define LOCK_MODE 0660 /* whoever reads needs a slot in it */

static const struct {
    const char *name;
    unsigned flags;
    const char *second; /* name in the second set; NULL: the same in both */
} databases[DATABASES] = {
    [DATABASE_META] = {"meta", 0, NULL},
    [DATABASE_PINS] = {"pins", MDB_INTEGERKEY, "pins-2"},
    [DATABASE_PIN_HOSTS] = {"pin-hosts", 0, "pin-hosts-2"},
    [DATABASE_PIN_EVENTS] = {"pin-events", 0, NULL},
    [DATABASE_REFUSED] = {"refused", 0, NULL},
    [DATABASE_CERTIFICATES] = {"certificates", 0, "certificates-2"},
    [DATABASE_POLICIES] = {"policies", 0, "policies-2"},
    [DATABASE_SETTINGS] = {"settings", 0, "settings-2"},
    [DATABASE_AUDIT] = {"audit", MDB_INTEGERKEY, NULL},
    [DATABASE_CHANGES] = {"changes", MDB_INTEGERKEY, NULL},
    [DATABASE_CA_CERTIFICATES] = {"ca-certificates", 0, "ca-certificates-2"},
    [DATABASE_TRUST_STORES] = {"trust-stores", 0, "trust-stores-2"},
    [DATABASE_SHADOWED] = {"pins-shadowed", 0, "pins-shadowed-2"},
    [DATABASE_SERVERS] = {"servers", 0, "servers-2"},
    [DATABASE_SERVER_STATES] = {"server-states", 0, "server-states-2"},
    [DATABASE_SERVER_EVENTS] = {"server-events", MDB_INTEGERKEY, NULL},
};

/* What this process has open. LMDB's locks belong to the process: the second of two would undo the first's.
 */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct environment *open_first;

const char *environment_database_name(enum database database)
{
    return databases[database].name;
}

bool environment_database_find(const char *name, enum database *out)
{
    for (int i = 0; i < DATABASES; i++) {
        if (strcmp(databases[i].name, name) == 0) {
            *out = (enum database)i;
            return true;
        }
    }
    return false;
}

bool environment_database_is_paired(enum database database)
{
    return databases[database].second != NULL;
}

int environment_init(struct environment *environment, const char *folder, enum store_mode mode,
                     struct error *err)
{
    pthread_condattr_t attributes;

    memset(environment, 0, sizeof(*environment));
    environment->mode = mode;
    if (snprintf(environment->folder, sizeof(environment->folder), "%s", folder) >=
        (int)sizeof(environment->folder))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the folder name %.200s... is too long", folder);
    pthread_mutex_init(&environment->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&environment->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return 0;
}

void environment_free(struct environment *environment)
{
    environment_close(environment);
    pthread_cond_destroy(&environment->changed);
    pthread_mutex_destroy(&environment->lock);
}

static int register_open(struct environment *environment, struct error *err)
{
    char path[PATH_MAX + 16];
    struct stat info;
    bool taken = false;

    snprintf(path, sizeof(path), "%s/data.mdb", environment->folder);
    if (stat(path, &info) != 0)
        return lmdb_error(err, errno, "open", environment->folder);
    environment->device = info.st_dev;
    environment->inode = info.st_ino;
    environment->process = getpid();
    pthread_mutex_lock(&open_lock);
    for (struct environment *other = open_first; other != NULL; other = other->next)
        taken |= other->device == info.st_dev && other->inode == info.st_ino && other->process == getpid();
    if (!taken) {
        environment->next = open_first;
        open_first = environment;
    }
    pthread_mutex_unlock(&open_lock);
    return !taken ? 0
                  : error_set(err, ERROR_BUSY, "this process has the store in %.200s open already",
                              environment->folder);
}

static void unregister_open(struct environment *environment)
{
    pthread_mutex_lock(&open_lock);
    for (struct environment **link = &open_first; *link != NULL; link = &(*link)->next) {
        if (*link == environment) {
            *link = environment->next;
            break;
        }
    }
    pthread_mutex_unlock(&open_lock);
}

/* A reader has to write its slot into the lock file; without that, pages would change under its eyes. */
static int check_rights(const struct environment *environment, struct error *err)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/lock.mdb", environment->folder);
    if (environment->mode == STORE_READ && faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0) {
        if (errno == ENOENT) {
            error_set(err, ERROR_NOT_FOUND, "the store in %.200s was never opened by primed",
                      environment->folder);
            return error_hint(err, "start primed once");
        }
        error_set_errno(err, errno, "cannot read the store in %.200s: no right to write its lock.mdb",
                        environment->folder);
        if (err != NULL)
            err->code = ERROR_DENIED;
        return error_hint(err, "a reader registers in lock.mdb: run as a user or group that may write it");
    }
    return 0;
}

static int check_header(const struct environment *environment, struct error *err)
{
    char path[PATH_MAX + 16];
    int fd;
    int result;

    snprintf(path, sizeof(path), "%s/data.mdb", environment->folder);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return lmdb_error(err, errno, "open", environment->folder);
    result = page_check_header(fd, environment->folder, err);
    close(fd);
    return result;
}

static int check_trees(const struct environment *environment, struct error *err)
{
    MDB_txn *txn = NULL;
    int fd = -1;
    int code = mdb_env_get_fd(environment->mdb, &fd);
    int result;

    if (code == 0)
        code = mdb_txn_begin(environment->mdb, NULL, MDB_RDONLY, &txn);
    if (code == MDB_READERS_FULL || code == MDB_MAP_RESIZED)
        return 0; /* said, or cured, when reading starts */
    if (code != 0)
        return lmdb_error(err, code, "read", environment->folder);
    result = page_check_trees(fd, mdb_txn_id(txn),
                              environment->mode == STORE_READ ? PAGE_CHECK_READER : PAGE_CHECK_WRITER,
                              environment->folder, err);
    mdb_txn_abort(txn);
    return result;
}

/*
 * LMDB makes its lock file with a hole and writes to it through a map: on a full disk that is a fault, not an
 * error. So its blocks are taken before.
 */
static int reserve_lock_file(const struct environment *environment, struct error *err)
{
    char path[PATH_MAX + 16];
    int code = 0;
    int fd;

    snprintf(path, sizeof(path), "%s/lock.mdb", environment->folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (fd < 0)
        return lmdb_error(err, errno, "write", environment->folder);
    if (fallocate(fd, 0, 0, LOCK_BYTES) != 0 && errno != EOPNOTSUPP)
        code = errno;
    close(fd);
    return code == 0 ? 0 : lmdb_error(err, code, "write", environment->folder);
}

static int open_mdb(struct environment *environment, size_t map_bytes, struct error *err)
{
    unsigned flags = MDB_NOTLS | (environment->mode == STORE_READ ? MDB_RDONLY : 0);
    char path[PATH_MAX + 16];
    int dead;
    int code;

    if (environment->mode == STORE_WRITE && reserve_lock_file(environment, err) != 0)
        return -1;
    code = mdb_env_create(&environment->mdb);
    if (code == 0)
        code = mdb_env_set_maxdbs(environment->mdb, ENVIRONMENT_SETS * DATABASES);
    if (code == 0)
        code = mdb_env_set_maxreaders(environment->mdb, ENVIRONMENT_READERS);
    if (code == 0 && map_bytes > 0)
        code = mdb_env_set_mapsize(environment->mdb, map_bytes);
    if (code == 0)
        code = mdb_env_open(environment->mdb, environment->folder, flags, LOCK_MODE);
    if (code != 0) {
        if (environment->mdb != NULL)
            mdb_env_close(environment->mdb);
        environment->mdb = NULL;
        return lmdb_error(err, code, "open", environment->folder);
    }
    if (environment->mode == STORE_WRITE) {
        /* Whatever the umask was; a failure leaves what the umask allows. */
        snprintf(path, sizeof(path), "%s/lock.mdb", environment->folder);
        (void)!chmod(path, LOCK_MODE);
        snprintf(path, sizeof(path), "%s/data.mdb", environment->folder);
        (void)!chmod(path, DATA_MODE);
    }
    mdb_reader_check(environment->mdb, &dead);
    return 0;
}

int environment_open(struct environment *environment, size_t map_bytes, struct error *err)
{
    bool made = map_bytes > 0;

    if (!made && (check_rights(environment, err) != 0 || check_header(environment, err) != 0 ||
                  register_open(environment, err) != 0))
        return -1;
    if (open_mdb(environment, map_bytes, err) != 0) {
        unregister_open(environment);
        return -1;
    }
    if (!made && check_trees(environment, err) != 0) {
        environment_close(environment);
        return -1;
    }
    return 0;
}

void environment_close(struct environment *environment)
{
    environment_drop_idle(environment);
    if (environment->mdb != NULL)
        mdb_env_close(environment->mdb);
    environment->mdb = NULL;
    unregister_open(environment);
}

int environment_open_databases(struct environment *environment, MDB_txn *txn, enum database first,
                               enum database last, bool create, struct error *err)
{
    for (int i = (int)first; i <= (int)last; i++) {
        unsigned flags = databases[i].flags | (create ? MDB_CREATE : 0);
        MDB_dbi *handles = environment->databases[0];
        MDB_dbi *second = environment->databases[1];
        int code = mdb_dbi_open(txn, databases[i].name, flags, &handles[i]);

        second[i] = handles[i];
        if (code == 0 && databases[i].second != NULL)
            code = mdb_dbi_open(txn, databases[i].second, flags, &second[i]);
        if (code != 0)
            return lmdb_error(err, code, create ? "write" : "read", environment->folder);
    }
    return 0;
}

int environment_open_again(struct environment *environment, struct error *err)
{
    MDB_txn *txn = NULL;
    int code;

    environment_drop_idle(environment);
    if (environment->mdb != NULL)
        mdb_env_close(environment->mdb);
    environment->mdb = NULL;
    if (open_mdb(environment, 0, err) != 0)
        return -1;
    code = mdb_txn_begin(environment->mdb, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        lmdb_error(err, code, "open", environment->folder);
    if (code == 0)
        code = environment_open_databases(environment, txn, DATABASE_META, DATABASES - 1, false, err);
    if (code == 0) {
        code = mdb_txn_commit(txn);
        txn = NULL;
    }
    if (txn != NULL)
        mdb_txn_abort(txn);
    if (code != 0) {
        mdb_env_close(environment->mdb);
        environment->mdb = NULL;
    }
    return code == 0 ? 0 : -1;
}
