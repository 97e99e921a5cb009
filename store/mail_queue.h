/* Mails that wait for the mail server. Node scope: each node sends what it has to say itself. */
#pragma once

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

#define MAIL_QUEUE_MAX 1000        /* mails; the oldest makes room for another */
#define MAIL_SUBJECT_MAX 256       /* bytes, the closing NUL included */
#define MAIL_BODY_MAX (256 * 1024) /* the same */
#define MAIL_QUEUE_RETRY_MS \
    (60 * 1000LL) /* after the first failure; doubles up to MAIL_QUEUE_RETRY_MOST_MS */
#define MAIL_QUEUE_RETRY_MOST_MS (3600 * 1000LL)
#define MAIL_QUEUE_TRIED_MS (24 * 3600 * 1000LL)     /* then it is given up */
#define MAIL_QUEUE_KEPT_MS (30 * 24 * 3600 * 1000LL) /* and listed so long since it was written */

struct queued_mail {
    uint64_t number;     /* milliseconds since 1970, or one more than the mail before */
    int64_t when_ms;     /* when it was written */
    const char *subject; /* one line of UTF-8 */
    const char *body;    /* UTF-8, lines end with \n */
    uint32_t tries;
    int64_t next_ms;       /* of the next try */
    const char *problem;   /* why the last try failed; "" */
    const char *further;   /* to whom it goes beside who is configured, parted by commas; "" */
    const char *delivered; /* to whom it went already, parted by commas; "" */
    bool given_up;
};

/* Adds a mail; its number, when_ms and what comes of it are set here. further: as in queued_mail.
 * ERROR_INVALID_ARGUMENT: too long. */
int mail_queue_add(struct store_txn *txn, const char *subject, const char *body, const char *further,
                   struct error *err);

/* Calls `each` with every mail, the oldest first, until it returns non-zero. Texts last until the
 * transaction ends. */
int mail_queue_each(struct store_txn *txn, int (*each)(void *arg, const struct queued_mail *mail), void *arg,
                    struct error *err);

/* Writes back what came of a try. One that is gone meanwhile stays gone. */
int mail_queue_put(struct store_txn *txn, const struct queued_mail *mail, struct error *err);

/* ERROR_NOT_FOUND. */
int mail_queue_remove(struct store_txn *txn, uint64_t number, struct error *err);

/* A failed try: counts it, and sets when the next one is due or that there is none any more. */
void mail_queue_failed(struct queued_mail *mail, const char *problem, int64_t now_ms);

/* True if it is to be tried now. A clock that was set back makes nobody wait longer. */
bool mail_queue_is_due(const struct queued_mail *mail, int64_t now_ms);
