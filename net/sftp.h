/*
 * The client's side of SFTP version 3 (draft-ietf-secsh-filexfer-02, what every server speaks), over a
 * channel that is open already: ssh(1) does keys, passwords and encryption at the other end of it.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define SFTP_SILENCE_MS 30000 /* without a byte, and the session is over */

struct sftp;

/* Called now and then. total -1: not known. False: stop. */
typedef bool (*sftp_progress)(void *arg, int64_t done, int64_t total);

/* Greets the server on a stream socket (borrowed, made non-blocking). wait_ms: how long for its greeting,
 * which the login comes before. `host` is for the error's sentence. ERROR_UNREACHABLE, ERROR_TIMEOUT,
 * ERROR_BUSY (stopped by progress, which may be NULL). */
struct sftp *sftp_open(int channel, const char *host, int wait_ms, sftp_progress progress, void *arg,
                       struct error *err);
void sftp_close(struct sftp *sftp);

/* The file at `path` into fd, at most `most` bytes. ERROR_NOT_FOUND, ERROR_DENIED, ERROR_UNREACHABLE,
 * ERROR_TIMEOUT, ERROR_STORE_FULL (the local disk, or more than `most`), ERROR_BUSY. */
int sftp_get(struct sftp *sftp, const char *path, int fd, int64_t most, struct error *err);

/* `size` bytes of fd into a file at `path`; what is there is replaced. A part that could not be finished is
 * removed. */
int sftp_put(struct sftp *sftp, const char *path, int fd, int64_t size, struct error *err);

/* Calls `each` for what a folder holds, in the server's order. */
struct sftp_entry {
    const char *name; /* bytes as the server sent them */
    size_t name_length;
    bool folder;
    int64_t size;       /* -1: not said */
    int64_t changed_ms; /* 0: not said */
};
int sftp_list(struct sftp *sftp, const char *path, void (*each)(void *arg, const struct sftp_entry *entry),
              void *arg, struct error *err);
