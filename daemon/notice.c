#include "daemon/notice.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/version.h"
#include "daemon/mailer.h"
#include "store/config.h"
#include "store/mail_queue.h"

#include <stdlib.h>
#include <string.h>

void notice_give(struct node *node, const char *task, const char *text)
{
    log_write(node->application_log, LOG_LEVEL_WARNING, "[system] [%s] %s", task, text);
}

/* A mail on its way into the store. */
struct given {
    struct node *node;
    char *subject;
    char *body;
    char *further;
};

static void free_given(struct given *given)
{
    if (given == NULL)
        return;
    free(given->subject);
    free(given->body);
    free(given->further);
    free(given);
}

static int queue_mail(struct store_txn *txn, void *arg, struct error *err)
{
    const struct given *given = arg;
    const char *name;
    char subject[MAIL_SUBJECT_MAX];
    struct text line = {0};
    int result;

    if (!mailer_is_configured(txn, given->further))
        return 0;
    name = config_get(txn, CONFIG_RUNNING, "hostname", NULL);
    text_format(&line, "[" PRODUCT_NAME "] %s: %s", name != NULL ? name : given->node->conf.hostname,
                given->subject);
    if (line.failed) {
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    } else {
        snprintf(subject, sizeof(subject), "%.*s", (int)text_cut_utf8(line.data, sizeof(subject) - 1),
                 line.data);
        result = mail_queue_add(txn, subject, given->body, given->further, err);
    }
    text_free(&line);
    return result;
}

static void queued(void *arg, int result, const struct error *err)
{
    struct given *given = arg;

    if (result == 0)
        mailer_wake(given->node->mailer);
    else
        log_write(given->node->application_log, LOG_LEVEL_ERROR,
                  "[system] [MailTask] the notice \"%s\" could not be queued: %s", given->subject,
                  err->message);
    free_given(given);
}

static void mail_further(struct node *node, const char *subject, const char *body, const char *further)
{
    struct given *given = calloc(1, sizeof(*given));

    if (given != NULL) {
        given->node = node;
        given->subject = strdup(subject);
        given->body = strdup(body);
        given->further = strdup(further != NULL ? further : "");
    }
    if (given != NULL && given->subject != NULL && given->body != NULL && given->further != NULL) {
        store_submit(node->store, queue_mail, queued, given);
        return;
    }
    free_given(given);
    log_write(node->application_log, LOG_LEVEL_ERROR,
              "[system] [MailTask] the notice \"%s\" could not be queued: out of memory", subject);
}

void notice_mail(struct node *node, const char *subject, const char *body)
{
    mail_further(node, subject, body, "");
}

static void add_line(struct text *body, const char *label, const char *value)
{
    if (value != NULL && value[0] != '\0')
        text_format(body, "%-12s %s\n", label, value);
}

static void begin_body(struct text *body)
{
    char when[CLOCK_TEXT_MAX];

    clock_format(clock_wall_ms(), when);
    add_line(body, "Time:", when);
}

void notice_change(struct node *node, const struct notice_change *change)
{
    struct text body = {0};

    begin_body(&body);
    add_line(&body, "What:", change->what);
    add_line(&body, "Reason:", change->reason);
    add_line(&body, "Next:", change->next_command);
    if (!body.failed)
        notice_mail(node, change->what, body.data);
    text_free(&body);
}

void notice_state_change(struct node *node, const struct notice_state *state)
{
    const char *old_state = state->old_state != NULL ? state->old_state : "";
    struct text change = {0};
    struct text body = {0};

    text_format(&change, "%s%s%s", old_state, old_state[0] != '\0' ? " -> " : "", state->new_state);
    begin_body(&body);
    add_line(&body, "This node:", state->own);
    add_line(&body, "Other node:", state->peer);
    add_line(&body, "State:", change.data);
    add_line(&body, "Reason:", state->reason);
    add_line(&body, "Next:", state->next_command);
    if (!change.failed && !body.failed)
        mail_further(node, change.data, body.data, state->further);
    text_free(&change);
    text_free(&body);
}
