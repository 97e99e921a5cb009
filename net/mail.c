#include "net/mail.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/curl_verdict.h"
#include "net/https_client.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ENCODED_BYTES 45 /* of a subject in one encoded word, which has at most 75 characters (RFC 2047) */
#define REPLY_MAX 256

/* One mail under way. */
struct sending {
    const struct mail_server *server;
    const struct mail *mail;
    CURL *curl;
    struct curl_verdict judging;
    curl_mime *mime;
    struct curl_slist *recipients;
    struct curl_slist *headers;
    char reply[REPLY_MAX]; /* the server's last line before its good-bye */
    bool failed;           /* memory ran out */
};

/* ---- the message ---- */

/* RFC 2047: "=?UTF-8?B?...?=", folded; ASCII as it is. */
static void add_words(struct text *out, const char *words)
{
    size_t length = strlen(words);
    bool ascii = true;

    for (size_t i = 0; i < length; i++)
        ascii = ascii && words[i] >= ' ' && words[i] <= '~';
    if (ascii) {
        text_add(out, words, length);
        return;
    }
    while (*words != '\0') {
        size_t part = text_cut_utf8(words, ENCODED_BYTES);
        char encoded[BASE64_TEXT_SIZE(ENCODED_BYTES)];

        base64_encode(words, part, encoded);
        words += part;
        text_format(out, "=?UTF-8?B?%s?=%s", encoded, *words != '\0' ? "\r\n " : "");
    }
}

/* RFC 5322 section 3.3; strftime(3) would speak the locale's language. */
static void add_date(struct text *out, int64_t when_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(when_ms / 1000);
    struct tm broken;

    gmtime_r(&seconds, &broken);
    text_format(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000", days[broken.tm_wday], broken.tm_mday,
                months[broken.tm_mon], broken.tm_year + 1900, broken.tm_hour, broken.tm_min, broken.tm_sec);
}

static void add_header(struct sending *sending, struct text *line)
{
    struct curl_slist *longer = line->failed ? NULL : curl_slist_append(sending->headers, line->data);

    sending->failed |= longer == NULL;
    if (longer != NULL)
        sending->headers = longer;
    text_clear(line);
}

static void make_headers(struct sending *sending)
{
    const struct mail *mail = sending->mail;
    struct text line = {0};
    struct text subject = {0};

    add_date(&line, mail->when_ms);
    add_header(sending, &line);
    text_format(&line, "From: <%s>", sending->server->from);
    add_header(sending, &line);
    text_format(&line, "To: <%s>", mail->to);
    add_header(sending, &line);
    text_format(&line, "Message-ID: <%s>", mail->id);
    add_header(sending, &line);
    text_add_line(&subject, mail->subject, strlen(mail->subject));
    text_add_string(&line, "Subject: ");
    add_words(&line, subject.data != NULL ? subject.data : "");
    add_header(sending, &line);
    text_add_string(&line, "Auto-Submitted: auto-generated"); /* RFC 3834: no holiday answers to it */
    add_header(sending, &line);
    sending->failed |= subject.failed;
    text_free(&subject);
    text_free(&line);
}

static void make_body(struct sending *sending)
{
    const char *line = sending->mail->body;
    struct text body = {0};
    curl_mimepart *part;

    while (*line != '\0') {
        size_t length = strcspn(line, "\n");

        text_add(&body, line, length);
        text_add_string(&body, "\r\n");
        line += length + (line[length] == '\n');
    }
    sending->mime = curl_mime_init(sending->curl);
    part = sending->mime == NULL ? NULL : curl_mime_addpart(sending->mime);
    sending->failed |= part == NULL || body.failed ||
                       curl_mime_data(part, body.data != NULL ? body.data : "", body.length) != CURLE_OK ||
                       curl_mime_type(part, "text/plain; charset=utf-8") != CURLE_OK ||
                       curl_mime_encoder(part, "quoted-printable") != CURLE_OK;
    text_free(&body);
}

/* ---- the connection ---- */

static size_t on_reply(char *bytes, size_t size, size_t count, void *arg)
{
    struct sending *sending = arg;
    struct text shown = {0};
    size_t length = size * count;

    if (length > 3 && memcmp(bytes, "221", 3) == 0) /* the good-bye says nothing about what was before */
        return length;
    while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
        length--;
    text_add_escaped(&shown, bytes, length < REPLY_MAX / 4 ? length : REPLY_MAX / 4, NULL);
    snprintf(sending->reply, sizeof(sending->reply), "%s", shown.data != NULL ? shown.data : "");
    text_free(&shown);
    return size * count;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t got, curl_off_t upload_total, curl_off_t sent)
{
    const struct mail *mail = ((const struct sending *)arg)->mail;

    (void)total;
    (void)got;
    (void)upload_total;
    (void)sent;
    return mail->stopped != NULL && mail->stopped(mail->arg);
}

static void set_server(struct sending *sending)
{
    const struct mail_server *server = sending->server;
    bool is_v6 = server->host.kind == HOST_IPV6;
    bool at_once = server->host.port == MAIL_PORT_TLS;
    bool must = server->must_encrypt || server->user != NULL;
    CURL *curl = sending->curl;
    struct text url = {0};

    /* the path is what libcurl says in its greeting */
    text_format(&url, "%s://%s%s%s:%u/%s", at_once ? "smtps" : "smtp", is_v6 ? "[" : "", server->host.host,
                is_v6 ? "]" : "", server->host.port, server->name);
    sending->failed |= url.failed;
    curl_easy_setopt(curl, CURLOPT_URL, url.data);
    text_free(&url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, at_once ? "smtps" : "smtp");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(must ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    if (server->user != NULL) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, server->password != NULL ? server->password : "");
    }
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)MAIL_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)MAIL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, sending);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, sending);
}

static void set_message(struct sending *sending)
{
    CURL *curl = sending->curl;

    make_headers(sending);
    make_body(sending);
    sending->recipients = curl_slist_append(NULL, sending->mail->to);
    sending->failed |= sending->recipients == NULL;
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sending->server->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, sending->recipients);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, sending->headers);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, sending->mime);
}

static int explain(const struct sending *sending, CURLcode code, const char *text, struct error *err)
{
    const struct mail_server *server = sending->server;
    const char *host = server->host.host;
    const char *reply = sending->reply;
    long reason = 0;

    curl_easy_getinfo(sending->curl, CURLINFO_OS_ERRNO, &reason);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return error_set(err, ERROR_BUSY, "the mail was stopped");
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(err, ERROR_TIMEOUT, "%s port %u does not answer, or stopped in the middle", host,
                         server->host.port);
    case CURLE_COULDNT_RESOLVE_HOST:
        return error_set(err, ERROR_UNREACHABLE, "cannot find the address of %s", host);
    case CURLE_COULDNT_CONNECT:
        return error_set(err, ERROR_UNREACHABLE, "cannot connect to %s port %u%s%s", host, server->host.port,
                         reason != 0 ? ": " : "", reason != 0 ? strerror((int)reason) : "");
    case CURLE_USE_SSL_FAILED:
        error_set(err, ERROR_UNREACHABLE, "%s port %u offers no TLS (STARTTLS)", host, server->host.port);
        return error_hint(err,
                          "a password is never sent without; `mail-server` without username and starttls "
                          "sends mails in clear");
    case CURLE_LOGIN_DENIED:
        return error_set(err, ERROR_DENIED, "%s refuses the user or the password: %.200s", host, reply);
    default:
        break;
    }
    if (reply[0] == '4' || reply[0] == '5') {
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s does not take the mail to %s: %.200s", host,
                         sending->mail->to, reply);
    }
    return error_set(err, ERROR_UNREACHABLE, "the mail through %s port %u failed: %.200s", host,
                     server->host.port, text);
}

static int perform(struct sending *sending, struct error *err)
{
    char text[CURL_ERROR_SIZE] = "";
    char shown[4 * CURL_ERROR_SIZE];
    CURLcode code;

    curl_easy_setopt(sending->curl, CURLOPT_ERRORBUFFER, text);
    code = curl_easy_perform(sending->curl);
    if (curl_verdict_conclude(&sending->judging, err) != 0)
        return -1;
    if (code == CURLE_OK)
        return 0;
    if (code == CURLE_SSL_CONNECT_ERROR &&
        handshake_check_start(&sending->judging.start, sending->server->host.host, err) != 0)
        return -1;
    curl_verdict_shown(code, text, shown, sizeof(shown));
    return explain(sending, code, shown, err);
}

static int run(struct sending *sending, struct error *err)
{
    int result;

    sending->curl = curl_easy_init();
    if (sending->curl == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    sending->judging.curl = sending->curl;
    curl_verdict_set(&sending->judging);
    set_server(sending);
    set_message(sending);
    result = sending->failed ? error_set(err, ERROR_INTERNAL, "out of memory") : perform(sending, err);
    curl_easy_cleanup(sending->curl);
    curl_mime_free(sending->mime);
    curl_slist_free_all(sending->recipients);
    curl_slist_free_all(sending->headers);
    return result;
}

int mail_send(struct store *store, const struct mail_server *server, const struct mail *mail,
              struct error *err)
{
    const struct trust_request judged = {
        .host = server->host, .zone = TRUST_ZONE_USER, .mode = TRUST_PIN, .task = "MailTask"};
    struct sending sending = {
        .server = server,
        .mail = mail,
        .judging = {.host = server->host.host,
                    .may_be_plain = true, /* CURLOPT_USE_SSL says where not */
                    .verdict = {.store = store,
                                .request = &judged,
                                .fetch_end_ms = clock_monotonic_ms() + MAIL_CONNECT_MS}},
    };
    int result;

    https_client_init();
    result = run(&sending, err);
    curl_verdict_end(&sending.judging);
    ERR_clear_error();
    return result;
}
