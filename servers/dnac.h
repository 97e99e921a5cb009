/* Talking to a DNA Center: its Intent API, with a token that it gives for user name and password. */
#pragma once

#include "servers/access.h"
#include "servers/dnac_json.h"

#define DNAC_ANSWER_MAX (64 * 1024)     /* bytes of a small answer */
#define DNAC_PAGE 500                   /* devices asked for at once: the most that it gives */
#define DNAC_PAGE_MAX (4 * 1024 * 1024) /* bytes of a page of devices */
#define DNAC_DEVICES_MAX 1000000        /* listed at most */

struct dnac_token {
    char text[DNAC_TOKEN_MAX]; /* "": none */
    int64_t until_ms;          /* wall clock: not used any more from then on */
    bool renewed;              /* got in this conversation: the caller keeps it */
};

/* Each uses the token while it is good, and gets a new one where there is none, its time is over, or the
 * server does not take it (401) any more: that once. Errors of both: those of server_ask(). */
int dnac_ask_count(struct server_access *access, struct dnac_token *token, uint64_t *out, struct error *err);

/*
 * The version of its software (Intent API, "Release Summary"), or "" where it does not tell: it does not know
 * the question, the user may not ask it, it is busy. A server that cannot be reached any more, or shows
 * another certificate meanwhile, is an error here too.
 */
int dnac_ask_version(struct server_access *access, struct dnac_token *token, char out[DNAC_FIELD_MAX],
                     struct error *err);

/* Page by page. `each` returns false: enough (ERROR_BUSY, SERVER_UNCHECKED). */
int dnac_ask_devices(struct server_access *access, struct dnac_token *token,
                     bool (*each)(void *arg, const struct dnac_device *device), void *arg, uint64_t *count,
                     struct error *err);
