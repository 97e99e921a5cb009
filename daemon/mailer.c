#include "daemon/mailer.h"

#include "base/clock.h"
#include "base/text.h"
#include "daemon/configuration.h"
#include "daemon/wakeup.h"
#include "net/mail.h"
#include "store/config.h"
#include "store/mail_queue.h"
#include "store/pair.h"
#include "store/statement.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOK_MS (60 * 1000) /* at least so often: what is due is told by a clock that may be set */
#define ADDRESS_MAX 256

struct mailer {
    struct node *node;
    pthread_t thread;
    struct wakeup wakeup;
};

/* What is configured, copied: nothing of the store stays open while a server is spoken to. */
struct settings {
    struct mail_server server;
    char from[ADDRESS_MAX + HOST_TEXT_MAX];
    char user[ADDRESS_MAX];
    char password[STATEMENT_SECRET_MAX];
    char name[HOST_TEXT_MAX];
    char recipients[2 * STATEMENT_VALUE_MAX]; /* parted by commas; none twice */
};

/* ---- the settings ---- */

static const char *setting(struct store_txn *txn, const char *name)
{
    return config_get(txn, CONFIG_RUNNING, name, NULL);
}

/* The addresses of the pair: as configured, else as given when it was registered. "" where there are none. */
static void pair_addresses(struct store_txn *txn, char out[STATEMENT_VALUE_MAX])
{
    const char *configured = setting(txn, "ha/email-address");
    struct pair_record record = {0};

    if (configured == NULL && pair_record_get(txn, &record, NULL) == 0)
        configured = record.form.email;
    snprintf(out, STATEMENT_VALUE_MAX, "%s", configured != NULL ? configured : "");
}

bool mailer_is_configured(struct store_txn *txn, const char *further)
{
    char addresses[STATEMENT_VALUE_MAX];

    if (setting(txn, "mail-server/host") == NULL)
        return false;
    if (further[0] != '\0')
        return true;
    pair_addresses(txn, addresses);
    return addresses[0] != '\0' || setting(txn, "mail-server/to") != NULL;
}

/* True if `list` (parted by commas) has the address. */
static bool has_address(const char *list, const char *address, size_t length)
{
    while (*list != '\0') {
        size_t part = strcspn(list, ",");

        if (part == length && strncasecmp(list, address, length) == 0)
            return true;
        list += part + (list[part] == ',');
    }
    return false;
}

static void add_recipients(struct settings *settings, const char *list)
{
    size_t used = strlen(settings->recipients);

    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");

        if (!has_address(settings->recipients, list, length) &&
            used + length + 2 <= sizeof(settings->recipients))
            used += (size_t)snprintf(settings->recipients + used, sizeof(settings->recipients) - used,
                                     "%s%.*s", used > 0 ? "," : "", (int)length, list);
        list += length + (list[length] == ',');
    }
}

static int read_server(struct store_txn *txn, const struct node *node, struct settings *out,
                       struct error *err)
{
    struct mail_server *server = &out->server;
    const char *host = setting(txn, "mail-server/host");
    const char *port = setting(txn, "mail-server/port");
    const char *user = setting(txn, "mail-server/username");
    const char *password = setting(txn, "mail-server/password");
    const char *from = setting(txn, "mail-server/from");

    if (host == NULL)
        return error_set(err, ERROR_NOT_FOUND, "no mail server is configured");
    if (host_parse(host, &server->host.kind, server->host.host, err) != 0)
        return -1;
    server->host.port = port == NULL ? MAIL_PORT : (uint16_t)strtoul(port, NULL, 10);
    server->must_encrypt = setting(txn, "mail-server/starttls") != NULL;
    if (from != NULL)
        snprintf(out->from, sizeof(out->from), "%s", from);
    else
        snprintf(out->from, sizeof(out->from), "primesh@%s", out->name);
    server->from = out->from;
    server->name = out->name;
    if (user == NULL)
        return 0;
    snprintf(out->user, sizeof(out->user), "%s", user);
    server->user = out->user;
    server->password = out->password;
    if (password == NULL)
        return 0;
    return configuration_open_secret(node, "mail-server/password", password, out->password,
                                     sizeof(out->password), err);
}

/* ERROR_NOT_FOUND: nobody to send through. */
static int read_settings(const struct node *node, struct settings *out, struct error *err)
{
    char addresses[STATEMENT_VALUE_MAX];
    struct store_txn *txn;
    int failed;

    memset(out, 0, sizeof(*out));
    configuration_hostname(node, out->name);
    txn = store_read(node->store, err);
    if (txn == NULL)
        return -1;
    failed = read_server(txn, node, out, err);
    pair_addresses(txn, addresses);
    add_recipients(out, addresses);
    add_recipients(out, setting(txn, "mail-server/to"));
    store_end(txn);
    return failed;
}

/* ---- one mail ---- */

/* A mail taken out of the store, and what came of it. */
struct item {
    struct queued_mail mail;
    struct text subject;
    struct text body;
    struct text further;
    struct text delivered;
    char problem[ERROR_TEXT_MAX];
    bool tried;
};

static void free_item(struct item *item)
{
    text_free(&item->subject);
    text_free(&item->body);
    text_free(&item->further);
    text_free(&item->delivered);
    free(item);
}

static bool is_stopping(void *arg)
{
    struct mailer *mailer = arg;

    return atomic_load(&mailer->node->stopping);
}

static int send_to(struct mailer *mailer, const struct settings *settings, const struct item *item,
                   const char *address, struct error *err)
{
    char id[HOST_TEXT_MAX + 128];
    const struct mail mail = {
        .to = address,
        .subject = item->mail.subject,
        .body = item->mail.body,
        .id = id,
        .when_ms = item->mail.when_ms,
        .stopped = is_stopping,
        .arg = mailer,
    };

    /* the same in every try, so that a mail that went out twice (a crash in between) is known for one */
    snprintf(id, sizeof(id), "%" PRIu64 ".%s@%s", item->mail.number, store_node_id(mailer->node->store),
             settings->name);
    return mail_send(mailer->node->store, &settings->server, &mail, err);
}

/*
 * To everybody of a list who has not got it. 0: all have it. ERROR_INVALID_ARGUMENT: somebody's was not
 * taken; the others' were tried. Other codes are about the server, and end it.
 */
static int send_to_list(struct mailer *mailer, const struct settings *settings, struct item *item,
                        const char *list, struct error *err)
{
    const char *next = list;
    int result = 0;

    while (*next != '\0') {
        char address[ADDRESS_MAX + HOST_TEXT_MAX];
        size_t length = strcspn(next, ",");
        struct error cause = {0};

        snprintf(address, sizeof(address), "%.*s", (int)length, next);
        next += length + (next[length] == ',');
        if (has_address(item->mail.delivered, address, strlen(address)))
            continue;
        if (send_to(mailer, settings, item, address, &cause) == 0) {
            text_format(&item->delivered, "%s%s", item->delivered.length > 0 ? "," : "", address);
            item->mail.delivered = item->delivered.data;
            continue;
        }
        *err = cause;
        result = -1;
        if (cause.code != ERROR_INVALID_ARGUMENT)
            return -1;
    }
    return result;
}

/* To who is configured and who is named in the mail itself. As send_to_list(). */
static int send_item(struct mailer *mailer, const struct settings *settings, struct item *item,
                     struct error *err)
{
    int configured, further;

    item->tried = true;
    configured = send_to_list(mailer, settings, item, settings->recipients, err);
    if (configured != 0 && err->code != ERROR_INVALID_ARGUMENT)
        return -1;
    further = send_to_list(mailer, settings, item, item->mail.further, err);
    return configured != 0 || further != 0 ? -1 : 0;
}

/* ---- the queue ---- */

struct taking {
    struct mailer *mailer;
    bool retry;
    bool nobody; /* is configured to send mail to: only mails that name somebody themselves */
    int64_t now_ms;
    int64_t next_ms;    /* when the first of those that are not due will be */
    uint64_t above;     /* only mails with a greater number */
    struct item *taken; /* the first one that is due */
    uint64_t stale;     /* one that was given up long ago; 0: none */
};

static int take_due(void *arg, const struct queued_mail *mail)
{
    struct taking *taking = arg;
    struct item *item;

    if (mail->given_up && taking->now_ms - mail->when_ms > MAIL_QUEUE_KEPT_MS)
        taking->stale = mail->number;
    if (mail->number <= taking->above || mail->given_up || (taking->nobody && mail->further[0] == '\0'))
        return 0;
    if (!taking->retry && !mail_queue_is_due(mail, taking->now_ms)) {
        if (taking->next_ms == 0 || mail->next_ms < taking->next_ms)
            taking->next_ms = mail->next_ms;
        return 0;
    }
    if (taking->taken != NULL)
        return 0;
    item = calloc(1, sizeof(*item));
    if (item == NULL)
        return -1;
    item->mail = *mail;
    text_add_string(&item->subject, mail->subject);
    text_add_string(&item->body, mail->body);
    text_add_string(&item->further, mail->further);
    text_add_string(&item->delivered, mail->delivered);
    item->mail.subject = item->subject.data;
    item->mail.body = item->body.data != NULL ? item->body.data : "";
    item->mail.further = item->further.data != NULL ? item->further.data : "";
    item->mail.delivered = item->delivered.data != NULL ? item->delivered.data : "";
    taking->taken = item;
    return 0;
}

static int write_back(struct store_txn *txn, void *arg, struct error *err)
{
    const struct item *item = arg;
    struct error gone = {0};

    if (item->problem[0] != '\0')
        return mail_queue_put(txn, &item->mail, err);
    if (mail_queue_remove(txn, item->mail.number, &gone) != 0 && gone.code != ERROR_NOT_FOUND)
        return error_set(err, gone.code, "%s", gone.message);
    return 0;
}

static int remove_stale(struct store_txn *txn, void *arg, struct error *err)
{
    const uint64_t *number = arg;

    return mail_queue_remove(txn, *number, err);
}

/* Tells the log of the first failure and of the last. */
static void log_failure(struct node *node, const struct item *item)
{
    if (item->mail.given_up)
        log_write(node->application_log, LOG_LEVEL_ERROR, "[system] [MailTask] \"%s\" was given up: %s",
                  item->mail.subject, item->problem);
    else if (item->mail.tries == 1)
        log_write(node->application_log, LOG_LEVEL_WARNING, "[system] [MailTask] \"%s\" is not sent yet: %s",
                  item->mail.subject, item->problem);
}

static void keep_result(struct mailer *mailer, struct item *item, const struct error *cause)
{
    struct node *node = mailer->node;
    struct error err = {0};

    if (cause->code != ERROR_NONE) {
        snprintf(item->problem, sizeof(item->problem), "%s", cause->message);
        mail_queue_failed(&item->mail, item->problem, clock_wall_ms());
        log_failure(node, item);
    }
    if (store_run(node->store, write_back, item, &err) != 0)
        log_write(node->application_log, LOG_LEVEL_ERROR, "[system] [MailTask] what came of \"%s\": %s",
                  item->mail.subject, err.message);
}

/* The next mail behind `above` that is due, or NULL. */
static struct item *take(struct mailer *mailer, struct taking *taking)
{
    struct store_txn *txn = store_read(mailer->node->store, NULL);

    taking->taken = NULL;
    taking->stale = 0;
    taking->now_ms = clock_wall_ms();
    if (txn == NULL)
        return NULL;
    mail_queue_each(txn, take_due, taking, NULL);
    store_end(txn);
    if (taking->stale != 0)
        store_run(mailer->node->store, remove_stale, &taking->stale, NULL);
    return taking->taken;
}

/*
 * Sends what is due. Once the server itself fails, the rest of the round is put off with the same reason:
 * each would wait for the same silence.
 */
static void run_round(struct mailer *mailer, bool retry, int64_t *next_ms)
{
    struct taking taking = {.mailer = mailer, .retry = retry};
    struct settings *settings = calloc(1, sizeof(*settings));
    struct error cause = {0};
    struct error server = {0};
    struct item *item;

    if (settings == NULL || read_settings(mailer->node, settings, &server) != 0) {
        free(settings);
        return;
    }
    taking.nobody = settings->recipients[0] == '\0';
    while (!is_stopping(mailer) && (item = take(mailer, &taking)) != NULL) {
        cause = server;
        if (cause.code == ERROR_NONE)
            send_item(mailer, settings, item, &cause);
        if (cause.code != ERROR_NONE && cause.code != ERROR_INVALID_ARGUMENT)
            server = cause;
        if (cause.code != ERROR_BUSY)
            keep_result(mailer, item, &cause);
        taking.above = item->mail.number;
        free_item(item);
    }
    *next_ms = taking.next_ms;
    OPENSSL_cleanse(settings, sizeof(*settings));
    free(settings);
}

/* ---- the thread ---- */

static int64_t time_until(int64_t next_ms)
{
    int64_t wait_ms = next_ms == 0 ? LOOK_MS : next_ms - clock_wall_ms();

    return wait_ms < 0 ? 0 : wait_ms > LOOK_MS ? LOOK_MS : wait_ms;
}

static void *deliver(void *arg)
{
    struct mailer *mailer = arg;
    bool retry = false;
    int64_t next_ms;

    do {
        next_ms = 0;
        run_round(mailer, retry, &next_ms);
    } while (wakeup_wait(&mailer->wakeup, time_until(next_ms), &retry));
    return NULL;
}

struct mailer *mailer_start(struct node *node, struct error *err)
{
    struct mailer *mailer = calloc(1, sizeof(*mailer));
    int failed;

    if (mailer == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    mailer->node = node;
    wakeup_init(&mailer->wakeup);
    failed = pthread_create(&mailer->thread, NULL, deliver, mailer);
    if (failed == 0)
        return mailer;
    error_set_errno(err, failed, "cannot start the mailer");
    mailer_free(mailer);
    return NULL;
}

void mailer_wake(struct mailer *mailer)
{
    if (mailer != NULL)
        wakeup_signal(&mailer->wakeup, false);
}

void mailer_retry(struct mailer *mailer)
{
    if (mailer != NULL)
        wakeup_signal(&mailer->wakeup, true);
}

void mailer_stop(struct mailer *mailer)
{
    if (mailer == NULL)
        return;
    wakeup_stop(&mailer->wakeup);
    pthread_join(mailer->thread, NULL);
}

void mailer_free(struct mailer *mailer)
{
    if (mailer == NULL)
        return;
    wakeup_destroy(&mailer->wakeup);
    free(mailer);
}
