/* Several named files one behind the other in a sealed stream (docs/backup-format.md). */
#pragma once

#include "store/sealed_file.h"

#define ARCHIVE_NAME_MAX 512       /* bytes of a name, its NUL included */
#define ARCHIVE_BLOCK (256 * 1024) /* most bytes of one block */

/* Writing: begin a file, add blocks, end it; at last end the archive. */
int archive_begin_file(struct sealed_writer *writer, const char *name, struct error *err);
int archive_add(struct sealed_writer *writer, const void *bytes, size_t length, struct error *err);
int archive_end_file(struct sealed_writer *writer, struct error *err);
int archive_end(struct sealed_writer *writer, struct error *err);

/* 1: a file comes, with its name; 0: the archive ends here, and nothing stands behind it. -1:
 * ERROR_UNTRUSTED. */
int archive_next(struct sealed_reader *reader, char name[ARCHIVE_NAME_MAX], struct error *err);

/* The next block of the file, at most ARCHIVE_BLOCK bytes; *length 0: it ends. */
int archive_get(struct sealed_reader *reader, void *block, size_t *length, struct error *err);
