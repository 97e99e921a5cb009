#include "store/mail_queue.h"

#include "base/clock.h"
#include "store/record.h"
#include "store/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "mail/"
#define KEY_SIZE 32

static void key_of(uint64_t number, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, PREFIX "%016" PRIx64, number);
}

static bool read_mail(struct arena *arena, const uint8_t *value, size_t length, struct queued_mail *out)
{
    const Record__QueuedMail *record = record_unpack(arena, &record__queued_mail__descriptor, value, length);

    if (record == NULL)
        return false;
    *out = (struct queued_mail){.when_ms = record->when_ms,
                                .subject = record->subject,
                                .body = record->body,
                                .tries = record->tries,
                                .next_ms = record->next_ms,
                                .problem = record->problem,
                                .further = record->further,
                                .delivered = record->delivered,
                                .given_up = record->given_up};
    return true;
}

static int write_mail(struct store_txn *txn, const struct queued_mail *mail, struct error *err)
{
    Record__QueuedMail record = RECORD__QUEUED_MAIL__INIT;
    char key[KEY_SIZE];
    MDB_val packed;

    record.when_ms = mail->when_ms;
    record.subject = (char *)(uintptr_t)mail->subject;
    record.body = (char *)(uintptr_t)mail->body;
    record.tries = mail->tries;
    record.next_ms = mail->next_ms;
    record.problem = (char *)(uintptr_t)mail->problem;
    record.further = (char *)(uintptr_t)mail->further;
    record.delivered = (char *)(uintptr_t)mail->delivered;
    record.given_up = mail->given_up;
    packed = record_pack(txn, &record.base);
    if (record_status(txn, err) != 0)
        return -1;
    key_of(mail->number, key);
    return setting_set(txn, key, STORE_SCOPE_NODE, packed.mv_data, packed.mv_size, err);
}

struct walk {
    struct store_txn *txn;
    int (*each)(void *arg, const struct queued_mail *mail);
    void *arg;
    bool damaged;
};

static int walk_one(void *arg, const char *name, enum store_scope scope, const uint8_t *value, size_t length)
{
    struct walk *walk = arg;
    struct queued_mail mail;

    (void)scope;
    walk->damaged = !read_mail(&walk->txn->arena, value, length, &mail);
    if (walk->damaged)
        return -1;
    mail.number = strtoull(name, NULL, 16);
    return walk->each(walk->arg, &mail);
}

int mail_queue_each(struct store_txn *txn, int (*each)(void *arg, const struct queued_mail *mail), void *arg,
                    struct error *err)
{
    struct walk walk = {.txn = txn, .each = each, .arg = arg};

    if (setting_each(txn, PREFIX, walk_one, &walk, err) != 0)
        return -1;
    return walk.damaged ? record_damaged(txn, DATABASE_SETTINGS, err) : 0;
}

struct ends {
    uint64_t first;
    uint64_t last;
    size_t count;
};

static int look(void *arg, const struct queued_mail *mail)
{
    struct ends *ends = arg;

    if (ends->count++ == 0)
        ends->first = mail->number;
    ends->last = mail->number;
    return 0;
}

int mail_queue_add(struct store_txn *txn, const char *subject, const char *body, const char *further,
                   struct error *err)
{
    struct queued_mail mail = {.when_ms = clock_wall_ms(),
                               .subject = subject,
                               .body = body,
                               .problem = "",
                               .further = further,
                               .delivered = ""};
    struct ends ends = {0};

    if (strlen(subject) >= MAIL_SUBJECT_MAX || strlen(body) >= MAIL_BODY_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a notice is too long for a mail");
    if (mail_queue_each(txn, look, &ends, err) != 0)
        return -1;
    if (ends.count >= MAIL_QUEUE_MAX && mail_queue_remove(txn, ends.first, err) != 0)
        return -1;
    mail.number = (uint64_t)mail.when_ms > ends.last ? (uint64_t)mail.when_ms : ends.last + 1;
    return write_mail(txn, &mail, err);
}

int mail_queue_put(struct store_txn *txn, const struct queued_mail *mail, struct error *err)
{
    struct error cause = {0};
    const uint8_t *value;
    char key[KEY_SIZE];
    size_t length;

    key_of(mail->number, key);
    if (setting_get(txn, key, &value, &length, &cause) == 0)
        return write_mail(txn, mail, err);
    if (cause.code == ERROR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = cause;
    return -1;
}

int mail_queue_remove(struct store_txn *txn, uint64_t number, struct error *err)
{
    char key[KEY_SIZE];

    key_of(number, key);
    return setting_delete(txn, key, err);
}

void mail_queue_failed(struct queued_mail *mail, const char *problem, int64_t now_ms)
{
    int64_t wait_ms = MAIL_QUEUE_RETRY_MS;

    for (uint32_t i = 0; i < mail->tries && wait_ms < MAIL_QUEUE_RETRY_MOST_MS; i++)
        wait_ms *= 2;
    if (wait_ms > MAIL_QUEUE_RETRY_MOST_MS)
        wait_ms = MAIL_QUEUE_RETRY_MOST_MS;
    mail->tries++;
    mail->problem = problem;
    mail->next_ms = now_ms + wait_ms;
    mail->given_up = now_ms - mail->when_ms >= MAIL_QUEUE_TRIED_MS;
}

bool mail_queue_is_due(const struct queued_mail *mail, int64_t now_ms)
{
    if (mail->given_up)
        return false;
    return mail->next_ms <= now_ms || mail->next_ms - now_ms > MAIL_QUEUE_RETRY_MOST_MS;
}
