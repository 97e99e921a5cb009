/* show notices, clear notices: the mails that have not reached everybody yet. */
#include "commands/context.h"
#include "store/mail_queue.h"

enum {
    NOTICE_TIME,
    NOTICE_TRIES,
    NOTICE_NEXT,
    NOTICE_STATE,
    NOTICE_SUBJECT,
    NOTICE_PROBLEM,
    NOTICE_DELIVERED
};
static const struct shell_column notice_columns[] = {
    [NOTICE_TIME] = {.name = "time", .heading = "Time", .kind = SHELL_TIME},
    [NOTICE_TRIES] = {.name = "tries", .heading = "Tries", .kind = SHELL_NUMBER},
    [NOTICE_NEXT] = {.name = "next_try", .heading = "Next try", .kind = SHELL_TIME},
    [NOTICE_STATE] = {.name = "state", .heading = "State"},
    [NOTICE_SUBJECT] = {.name = "subject", .heading = "Subject"},
    [NOTICE_PROBLEM] = {.name = "problem", .heading = "Why"},
    [NOTICE_DELIVERED] = {.name = "delivered_to", .heading = "Delivered to"},
};
static const struct shell_listing notice_listing = {
    .name = "notices", .form = SHELL_BLOCKS, SHELL_COLUMNS(notice_columns), .none = "No notice waits.\n"};

static int show_one(void *arg, const struct queued_mail *mail)
{
    struct shell_output *output = arg;

    output_time(output, NOTICE_TIME, mail->when_ms);
    output_number(output, NOTICE_TRIES, mail->tries);
    output_time(output, NOTICE_NEXT, mail->given_up ? 0 : mail->next_ms);
    output_string(output, NOTICE_STATE, mail->given_up ? "given up" : mail->tries > 0 ? "waiting" : "new");
    output_string(output, NOTICE_SUBJECT, mail->subject);
    output_string(output, NOTICE_PROBLEM, mail->problem);
    output_string(output, NOTICE_DELIVERED, mail->delivered);
    output_row_end(output);
    return output_stopped(output);
}

static int run_show(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    struct store_txn *txn = context_read(call, err);
    int failed;

    if (txn == NULL)
        return -1;
    output_begin(output, &notice_listing);
    failed = mail_queue_each(txn, show_one, output, err);
    store_end(txn);
    if (failed == 0)
        output_end(output);
    return failed;
}

static int run_clear(struct shell_call *call, struct error *err)
{
    json_t *result = NULL;
    long long count;

    if (context_ask(call, "notice.clear", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    count = json_integer_value(json_object_get(result, "removed"));
    json_decref(result);
    output_say(shell_output(call), "%lld notice%s removed", count, count == 1 ? "" : "s");
    return 0;
}

static const struct shell_command commands[] = {
    {.grammar = "show notices",
     .help = "Notices that the mail server did not take yet, and why",
     .run = run_show,
     .needs = NEED_STORE,
     .manual =
         "A notice goes out by mail when the state of the high-availability pair changes and when "
         "certificates come to their end. One that could not be sent is tried again after a minute, then "
         "after two, four, up to an hour, for a day; then it is given up, and listed for 30 days. A "
         "change of the configuration tries all of them at once."},
    {.grammar = "clear", .help = "Take away what has piled up", .role = SHELL_ROLE_ADMIN},
    {.grammar = "clear notices",
     .help = "Take away the notices that were not sent",
     .run = run_clear,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
};
const struct shell_branch notices_branch = SHELL_BRANCH(commands);
