/*
 * Is the data file what LMDB would have written? LMDB trusts its file: a page that is cut off or holds
 * something else would end the process. Read with pread(), so that nothing here can fault.
 * The layout is that of LMDB 0.9 (mdb.c: MDB_meta, MDB_page, MDB_node, MDB_db).
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define PAGE_CHECK_READER 256   /* pages looked at when a shell opens the store */
#define PAGE_CHECK_WRITER 32768 /* pages looked at when primed does */

/* Before the file is mapped: size, magic, version, page size. `folder` is for the error. */
int page_check_header(int fd, const char *folder, struct error *err);

/*
 * With a reading transaction `txn_id` open, so that no page changes: walks the trees, at most `budget` pages
 * of them; all of them if the file is shorter than LMDB thinks (which is so after a cut, but also when the
 * last pages were never written because they were freed at once).
 */
int page_check_trees(int fd, uint64_t txn_id, uint64_t budget, const char *folder, struct error *err);
