/* Where a server sends us on to. Only for this folder. */
#pragma once

#include "net/https_client.h"

/* What the next request points into. Zeroed before use. */
struct redirect_target {
    char *path;
};

/*
 * Makes of `from` and of the URL (absolute; libcurl resolved it) in the answer with `status` the request that
 * follows: another server is judged as one of its own, and gets neither credentials nor our certificate.
 * ERROR_UNREACHABLE: too many, not https, or no URL.
 */
int redirect_read(const char *url, const struct https_request *from, int status,
                  struct redirect_target *target, struct https_request *next, struct error *err);
void redirect_target_free(struct redirect_target *target);
