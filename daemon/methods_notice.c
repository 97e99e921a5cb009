/* The method about notices: taking away those that were not sent. */
#include "daemon/request.h"
#include "store/mail_queue.h"

struct numbers {
    uint64_t numbers[MAIL_QUEUE_MAX];
    size_t count;
};

static int collect(void *arg, const struct queued_mail *mail)
{
    struct numbers *numbers = arg;

    if (numbers->count == MAIL_QUEUE_MAX)
        return -1;
    numbers->numbers[numbers->count++] = mail->number;
    return 0;
}

static int clear(struct store_txn *txn, void *arg, struct error *err)
{
    struct numbers *numbers = arg;

    numbers->count = 0;
    if (mail_queue_each(txn, collect, numbers, err) != 0)
        return -1;
    for (size_t i = 0; i < numbers->count; i++) {
        if (mail_queue_remove(txn, numbers->numbers[i], err) != 0)
            return -1;
    }
    return 0;
}

static int clear_notices(struct request *request, json_t **result, struct error *err)
{
    struct numbers numbers;

    if (request_change(request, clear, &numbers, err) != 0)
        return -1;
    *result = json_pack("{s:I}", "removed", (json_int_t)numbers.count);
    return 0;
}

const struct method notice_methods[] = {
    {"notice.clear", ACCOUNT_ADMIN, METHOD_CHANGES, clear_notices},
};
const size_t notice_method_count = sizeof(notice_methods) / sizeof(notice_methods[0]);
