#include "store/lmdb_error.h"

#include <errno.h>
#include <lmdb.h>

int lmdb_error_damaged(struct error *err, const char *folder, const char *what)
{
    error_set(err, ERROR_INTERNAL, "the store in %.200s is damaged: %.200s", folder, what);
    return error_hint(err, STORE_DAMAGED_HINT, folder);
}

int lmdb_error(struct error *err, int code, const char *doing, const char *folder)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO: /* LMDB's word for a short write, which is how a disk says that it is full */
    case MDB_MAP_FULL:
        error_set(err, ERROR_STORE_FULL, "cannot %s the store in %.200s: %s", doing, folder,
                  code == EIO ? "the disk is full or broken" : "no space left on the disk");
        return error_hint(err, "free some space there and try again; nothing that was stored is lost");
    case EACCES:
    case EPERM:
    case EROFS:
        error_set(err, ERROR_DENIED, "cannot %s the store in %.200s: %s", doing, folder, mdb_strerror(code));
        if (code == EROFS)
            return -1;
        return error_hint(err,
                          "all of it belongs to the user that primed runs as, and members of its group "
                          "may read it; see whose it is with: ls -la %.300s",
                          folder);
    case ENOENT:
        return error_set(err, ERROR_NOT_FOUND, "there is no store in %.200s", folder);
    case MDB_READERS_FULL:
        return error_set(err, ERROR_BUSY, "too many programs read the store in %.200s", folder);
    case MDB_BAD_VALSIZE:
        return error_set(err, ERROR_INVALID_ARGUMENT, "a name is empty or too long for the store");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return lmdb_error_damaged(err, folder, mdb_strerror(code));
    default:
        return error_set(err, ERROR_INTERNAL, "cannot %s the store in %.200s: %s", doing, folder,
                         mdb_strerror(code));
    }
}
