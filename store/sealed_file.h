/*
 * A stream of any length in one encrypted file: AES-256-GCM (NIST SP 800-38D) in chunks whose order and end
 * are authenticated (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar), under a key that
 * scrypt (RFC 7914) makes of a passphrase. The format: docs/backup-format.md.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define SEALED_FILE_CHUNK (64 * 1024) /* bytes of plain text in each but the last chunk */
#define SEALED_FILE_HEADER 96         /* bytes */
#define SEALED_FILE_TAG 16            /* bytes behind each chunk */

struct sealed_writer;

/* The work of scrypt: 2^17 rounds are about half a second and 128 MiB (OWASP's first choice). Tests may do
 * with less. */
#define SEALED_FILE_WORK 17
#define SEALED_FILE_WORK_LEAST 14

/* Writes the header to fd, which stays the caller's. ERROR_INTERNAL, ERROR_STORE_FULL. */
struct sealed_writer *sealed_writer_new(int fd, const char *passphrase, unsigned work, struct error *err);
int sealed_writer_add(struct sealed_writer *writer, const void *bytes, size_t length, struct error *err);

/* Writes the last chunk; the file is not synced. Without it the file counts as cut short. */
int sealed_writer_finish(struct sealed_writer *writer, struct error *err);
void sealed_writer_free(struct sealed_writer *writer); /* wipes the keys; NULL is fine */

struct sealed_reader;

/* Reads the header. ERROR_INVALID_ARGUMENT: it is no such file. ERROR_CONFLICT: of a newer version.
 * ERROR_DENIED: another passphrase (or an altered header: nobody can tell). */
struct sealed_reader *sealed_reader_new(int fd, const char *passphrase, struct error *err);

/* Fills `bytes`, less than `length` only at the end; *got says how many. What it gives is authentic, chunk by
 * chunk; that nothing is missing at the end is sure only once *got is less than length.
 * ERROR_UNTRUSTED: altered, or cut short. */
int sealed_reader_get(struct sealed_reader *reader, void *bytes, size_t length, size_t *got,
                      struct error *err);
void sealed_reader_free(struct sealed_reader *reader);
