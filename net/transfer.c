#include "net/transfer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "net/curl_verdict.h"
#include "net/https_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SILENCE_BYTES 1L /* a second; fewer count as silence */

/* One transfer under way. */
struct carriage {
    const struct transfer *transfer;
    CURL *curl;
    char url[3 * URL_TEXT_MAX];
    struct curl_verdict judging;
    int64_t done;
    struct text *names; /* of a listing; NULL: a file */
};

static bool is_http(const struct carriage *carriage)
{
    return carriage->transfer->url.scheme == URL_HTTP || carriage->transfer->url.scheme == URL_HTTPS;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct carriage *carriage = arg;
    size_t length = size * count;
    long status = 0;

    /* what an error page says is no file */
    curl_easy_getinfo(carriage->curl, CURLINFO_RESPONSE_CODE, &status);
    if (is_http(carriage) && (status < 200 || status > 299))
        return length;
    if (carriage->transfer->upload) /* what a server says of an upload */
        return length;
    carriage->done += (int64_t)length;
    if (carriage->names != NULL && carriage->done <= TRANSFER_LIST_MAX) {
        text_add(carriage->names, bytes, length);
        return carriage->names->failed ? 0 : length;
    }
    if (carriage->done > carriage->transfer->most) {
        error_set(&carriage->judging.error, ERROR_STORE_FULL, "%s has more than %lld bytes", carriage->url,
                  (long long)carriage->transfer->most);
        return 0;
    }
    if (file_write_all(carriage->transfer->fd, bytes, length) == 0)
        return length;
    error_set_errno(&carriage->judging.error, errno, "cannot write the file");
    return 0;
}

static size_t on_wanted(char *bytes, size_t size, size_t count, void *arg)
{
    struct carriage *carriage = arg;
    ssize_t got;

    do
        got = pread(carriage->transfer->fd, bytes, size * count, carriage->done);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        error_set_errno(&carriage->judging.error, errno, "cannot read the file");
        return CURL_READFUNC_ABORT;
    }
    carriage->done += got;
    return (size_t)got;
}

/* A server that asks for a password after all gets the file from its start again. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct carriage *carriage = arg;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    carriage->done = offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t got, curl_off_t upload_total, curl_off_t sent)
{
    struct carriage *carriage = arg;
    const struct transfer *transfer = carriage->transfer;

    (void)upload_total;
    if (transfer->progress(transfer->arg, transfer->upload ? sent : got,
                           transfer->upload ? transfer->size
                           : total > 0      ? total
                                            : -1))
        return 0;
    error_set(&carriage->judging.error, ERROR_BUSY, "the copy was stopped");
    return 1;
}

static void set_bounds(const struct carriage *carriage)
{
    CURL *curl = carriage->curl;

    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, url_scheme_name(carriage->transfer->url.scheme));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)TRANSFER_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)TRANSFER_SILENCE_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SILENCE_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)TRANSFER_SILENCE_S);
    /* A server in the middle of our network may not send our data connection somewhere else. */
    curl_easy_setopt(curl, CURLOPT_FTP_SKIP_PASV_IP, 1L);
}

static void set_file(struct carriage *carriage)
{
    const struct transfer *transfer = carriage->transfer;
    CURL *curl = carriage->curl;

    curl_easy_setopt(curl, CURLOPT_URL, carriage->url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, carriage);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, carriage);
    if (transfer->upload) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->size);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_wanted);
        curl_easy_setopt(curl, CURLOPT_READDATA, carriage);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, carriage);
    }
    if (transfer->url.user[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_USERNAME, transfer->url.user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, transfer->password != NULL ? transfer->password : "");
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    }
}

static int explain_status(const struct carriage *carriage, long status, struct error *err)
{
    const char *url = carriage->url;
    const char *location = NULL;
    struct text shown = {0};

    if (status == 401 || status == 403 || status == 407) {
        error_set(err, ERROR_DENIED, "%s refuses access (HTTP status %ld)", url, status);
        return carriage->transfer->url.user[0] != '\0'
                   ? error_hint(err, "is the password right, and may %s do this?",
                                carriage->transfer->url.user)
                   : error_hint(err, "name a user: %s://<user>@...",
                                url_scheme_name(carriage->transfer->url.scheme));
    }
    if (status == 404 || status == 410)
        return error_set(err, ERROR_NOT_FOUND, "there is no %s (HTTP status %ld)", url, status);
    if (status < 300 || status > 399)
        return error_set(err, ERROR_UNREACHABLE, "%s answers with the HTTP status %ld", url, status);
    error_set(err, ERROR_UNREACHABLE, "%s lies somewhere else (HTTP status %ld)", url, status);
    curl_easy_getinfo(carriage->curl, CURLINFO_REDIRECT_URL, &location);
    if (location == NULL)
        return -1;
    text_add_escaped(&shown, location, strlen(location), NULL);
    if (!shown.failed)
        error_hint(err, "redirects are not followed; if you trust it, copy from there: %.400s", shown.data);
    text_free(&shown);
    return -1;
}

static int explain(const struct carriage *carriage, CURLcode code, const char *text, struct error *err)
{
    const char *url = carriage->url;
    const char *host = carriage->transfer->url.host;
    long reason = 0;

    curl_easy_getinfo(carriage->curl, CURLINFO_OS_ERRNO, &reason);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(err, ERROR_TIMEOUT, "%s does not answer, or stopped in the middle", host);
    case CURLE_COULDNT_RESOLVE_HOST:
        return error_set(err, ERROR_UNREACHABLE, "cannot find the address of %s", host);
    case CURLE_COULDNT_CONNECT:
        return error_set(err, ERROR_UNREACHABLE, "cannot connect to %s port %u%s%s", host,
                         carriage->transfer->url.port, reason != 0 ? ": " : "",
                         reason != 0 ? strerror((int)reason) : "");
    case CURLE_LOGIN_DENIED:
        return error_set(err, ERROR_DENIED, "%s refuses the user or the password", host);
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_TFTP_PERM:
        return error_set(err, ERROR_DENIED, "%s refuses access to %s", host, url);
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_TFTP_NOTFOUND:
        return error_set(err, ERROR_NOT_FOUND, "there is no %s", url);
    case CURLE_FTP_COULDNT_RETR_FILE:
        return error_set(err, ERROR_NOT_FOUND, "%s does not give %s: %.200s", host, url, text);
    case CURLE_UPLOAD_FAILED:
    case CURLE_REMOTE_FILE_EXISTS:
        return error_set(err, ERROR_DENIED, "%s does not take %s: %.200s", host, url, text);
    case CURLE_REMOTE_DISK_FULL:
        return error_set(err, ERROR_UNREACHABLE, "the disk of %s is full", host);
    case CURLE_PARTIAL_FILE:
        return error_set(err, ERROR_UNREACHABLE, "%s ended before the file did", host);
    default:
        return error_set(err, ERROR_UNREACHABLE, "the copy from or to %s failed: %.200s", host,
                         text[0] != '\0' ? text : curl_easy_strerror(code));
    }
}

static int conclude(struct carriage *carriage, CURLcode code, const char *text, struct error *err)
{
    char shown[4 * CURL_ERROR_SIZE];
    long status = 0;

    if (curl_verdict_conclude(&carriage->judging, err) != 0)
        return -1;
    if (code != CURLE_OK) {
        curl_verdict_shown(code, text, shown, sizeof(shown));
        return explain(carriage, code, shown, err);
    }
    curl_easy_getinfo(carriage->curl, CURLINFO_RESPONSE_CODE, &status);
    if (is_http(carriage) && (status < 200 || status > 299))
        return explain_status(carriage, status, err);
    return 0;
}

static int run(struct carriage *carriage, struct error *err)
{
    char text[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    int result;

    https_client_init();
    carriage->judging.host = carriage->transfer->url.host;
    carriage->judging.may_be_plain = carriage->transfer->url.scheme != URL_HTTPS;
    carriage->judging.verdict.fetch_end_ms = clock_monotonic_ms() + TRANSFER_CONNECT_MS;
    url_format(&carriage->transfer->url, carriage->url);
    carriage->curl = curl_easy_init();
    headers = curl_slist_append(NULL, "Expect:"); /* no waiting for 100-continue */
    if (carriage->curl == NULL || headers == NULL) {
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    } else {
        curl_easy_setopt(carriage->curl, CURLOPT_ERRORBUFFER, text);
        if (is_http(carriage))
            curl_easy_setopt(carriage->curl, CURLOPT_HTTPHEADER, headers);
        if (carriage->names != NULL)
            curl_easy_setopt(carriage->curl, CURLOPT_DIRLISTONLY, 1L);
        set_bounds(carriage);
        carriage->judging.curl = carriage->curl;
        curl_verdict_set(&carriage->judging);
        set_file(carriage);
        result = conclude(carriage, curl_easy_perform(carriage->curl), text, err);
    }
    curl_slist_free_all(headers);
    if (carriage->curl != NULL)
        curl_easy_cleanup(carriage->curl);
    curl_verdict_end(&carriage->judging);
    ERR_clear_error();
    return result;
}

int transfer_run(struct store *store, const struct transfer *transfer, struct trust_request *judged,
                 struct trust_verdict *verdict, struct error *err)
{
    struct carriage carriage = {.transfer = transfer, .judging.verdict = {.store = store, .request = judged}};
    struct error cause = {0};
    int result;

    *judged = (struct trust_request){.zone = TRUST_ZONE_USER, .mode = TRUST_PIN, .task = transfer->task};
    judged->host.kind = transfer->url.kind;
    memcpy(judged->host.host, transfer->url.host, sizeof(judged->host.host));
    judged->host.port = transfer->url.port;
    *verdict = (struct trust_verdict){.outcome = TRUST_OUTCOMES};
    result = run(&carriage, &cause);
    if (carriage.judging.verdict.given)
        *verdict = carriage.judging.verdict.trust;
    if (result != 0 && err != NULL)
        *err = cause;
    return result;
}

int transfer_list(struct store *store, const struct transfer *transfer, char **names, struct error *err)
{
    struct text found = {0};
    struct trust_request judged = {.zone = TRUST_ZONE_USER};
    struct carriage carriage = {
        .transfer = transfer, .judging.verdict = {.store = store, .request = &judged}, .names = &found};
    struct error cause = {0};

    if (run(&carriage, &cause) == 0) {
        *names = text_take(&found);
        return *names != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
    }
    text_free(&found);
    if (err != NULL)
        *err = cause;
    return -1;
}
