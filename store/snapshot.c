#include "store/snapshot.h"

#include "store/environment.h"
#include "store/lmdb_error.h"
#include "store/store_private.h"

#include <stdio.h>
#include <sys/stat.h>

int store_snapshot(struct store *store, int fd, struct error *err)
{
    struct environment *environment = store_environment(store);
    struct store_txn *txn = store_read(store, err); /* keeps the map where it is */
    int code;

    if (txn == NULL)
        return -1;
    code = mdb_env_copyfd2(environment->mdb, fd, MDB_CP_COMPACT);
    store_end(txn);
    return code == 0 ? 0 : lmdb_error(err, code, "copy", environment->folder);
}

bool store_is_current(struct store *store)
{
    const struct environment *environment = store_environment(store);
    char path[PATH_MAX + 16];
    struct stat info;

    snprintf(path, sizeof(path), "%s/data.mdb", environment->folder);
    return stat(path, &info) == 0 && info.st_dev == environment->device && info.st_ino == environment->inode;
}
