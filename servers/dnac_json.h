/* What a DNA Center's Intent API answers, and what its tokens say. Opens no connection. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNAC_JSON_DEPTH_MAX 16
#define DNAC_JSON_PARTS_MAX                                                                         \
    200000                  /* commas, colons and brackets: they bound what reading takes of memory \
                             */
#define DNAC_FIELD_MAX 256  /* bytes kept of a field, escaped, the closing NUL included */
#define DNAC_TOKEN_MAX 8192 /* bytes of a token, the closing NUL included */
#define DNAC_TOKEN_TIME_MS (3600 * 1000LL) /* how long one that does not say so is good for */
#define DNAC_TOKEN_MARGIN_MS (60 * 1000LL) /* it is renewed so long before */

/* The sentences of all go on behind a server's name ("answered with ..."): ERROR_UNREACHABLE, ERROR_INTERNAL.
 * `content_type` is the answer's. */

/* {"Token":"..."}: printable ASCII without blanks, so that it fits into a header. Wipe it. */
int dnac_read_token(const char *content_type, const char *body, size_t length, char out[DNAC_TOKEN_MAX],
                    struct error *err);

/*
 * Until when (wall clock) a token that came at `now_ms` shall be used: what its "exp" says if it is a JSON
 * Web Token (RFC 7519 section 4.1.4; its signature is the server's business), else DNAC_TOKEN_TIME_MS, less
 * the margin. At most a day. Not before now_ms.
 */
int64_t dnac_token_until(const char *token, int64_t now_ms);

/* {"response":5} */
int dnac_read_count(const char *content_type, const char *body, size_t length, uint64_t *out,
                    struct error *err);

/*
 * {"response":{"installedVersion":"2.3.3.7-72328","displayVersion":"2.3.3.7",...}}: the version as it is
 * shown to people where there is one, else the installed one; escaped. "" where the document names neither.
 */
int dnac_read_release(const char *content_type, const char *body, size_t length, char out[DNAC_FIELD_MAX],
                      struct error *err);

/* A network device. Texts are escaped; "" where the server says nothing. */
struct dnac_device {
    char name[DNAC_FIELD_MAX];
    char address[DNAC_FIELD_MAX];
    char platform[DNAC_FIELD_MAX];
    char version[DNAC_FIELD_MAX];
    char reachability[DNAC_FIELD_MAX];
    char serial[DNAC_FIELD_MAX];
};

/* {"response":[{...},...]}: calls `each` in its order until it returns false; *count: how many there are. */
int dnac_read_devices(const char *content_type, const char *body, size_t length,
                      bool (*each)(void *arg, const struct dnac_device *device), void *arg, size_t *count,
                      struct error *err);
