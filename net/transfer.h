/* Files over HTTPS, HTTP, FTP and TFTP (libcurl); a server's certificate is judged before a byte is sent. */
#pragma once

#include "base/url.h"
#include "trust/trust.h"

#include <stdbool.h>

#define TRANSFER_CONNECT_MS 15000 /* to a connection, the TLS handshake and the login included */
#define TRANSFER_SILENCE_S 30     /* without a byte, and a transfer is over */

struct transfer {
    struct url url;
    const char *password; /* for url.user; NULL: none */
    bool upload;
    int fd;       /* the local file: written from where it stands, or read from its start */
    int64_t size; /* upload: bytes of it */
    int64_t most; /* download: most bytes taken */
    const char *task;
    /* Called now and then; total -1: not known. False: stop. */
    bool (*progress)(void *arg, int64_t done, int64_t total);
    void *arg;
};

/*
 * Fetches or sends one file; blocks, so call it on a worker's thread. Follows no redirect. A TLS server is
 * judged in the trust zone `user`; *verdict (outcome TRUST_OUTCOMES where none was asked for) says how.
 * ERROR_PIN_MISMATCH, ERROR_UNTRUSTED, ERROR_NOT_FOUND, ERROR_DENIED, ERROR_UNREACHABLE, ERROR_TIMEOUT,
 * ERROR_STORE_FULL (the local disk), ERROR_BUSY (stopped).
 */
int transfer_run(struct store *store, const struct transfer *transfer, struct trust_request *judged,
                 struct trust_verdict *verdict, struct error *err);

/*
 * The names in an FTP server's folder, one a line, into *names (the caller frees; at most TRANSFER_LIST_MAX
 * bytes). `transfer` as above, its path ending with "/". The errors of transfer_run().
 */
#define TRANSFER_LIST_MAX (4 * 1024 * 1024)
int transfer_list(struct store *store, const struct transfer *transfer, char **names, struct error *err);
