/* Files: whole reads, atomic writes, folders. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a regular file whole into *data (NUL behind it; the caller frees), its size into *length.
 * ERROR_NOT_FOUND, ERROR_DENIED, ERROR_INVALID_ARGUMENT (over `most` bytes, or no regular file),
 * ERROR_INTERNAL.
 */
int file_read(const char *path, size_t most, char **data, size_t *length, struct error *err);

/* The same of a file in a folder that others may write: a symbolic link is ERROR_DENIED. */
int file_read_here(const char *path, size_t most, char **data, size_t *length, struct error *err);

/* The same from an open descriptor, which stays open; `name` is for the error's sentence. */
int file_read_open(int fd, const char *name, size_t most, char **data, size_t *length, struct error *err);

/*
 * Replaces a file so that after a power cut either the old or the new content is there, whole:
 * temporary file beside it, fsync, rename, fsync of the folder. ERROR_STORE_FULL, ERROR_DENIED,
 * ERROR_INTERNAL.
 */
int file_write(const char *path, const char *data, size_t length, mode_t mode, struct error *err);

/* Has on disk which files are in the folder. 0, or -1 with errno. */
int file_sync_folder(const char *path);

/* Makes a folder and those above it where missing; the last one gets `mode`. ERROR_DENIED, ERROR_INTERNAL. */
int file_make_folder(const char *path, mode_t mode, struct error *err);

/* Writes all of it, however often the kernel stops half-way. 0, or -1 with errno. */
int file_write_all(int fd, const char *data, size_t length);

/*
 * Locks an open file for this process alone, flock(2), and waits at most `limit_ms` for whoever has it: of a
 * process that was just ended, the locks outlive its last sign of life by a moment. 0, or -1 with errno
 * (EWOULDBLOCK: somebody still has it).
 */
int file_lock(int fd, int limit_ms);
