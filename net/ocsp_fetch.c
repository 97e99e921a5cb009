#include "net/ocsp_fetch.h"

#include "base/clock.h"
#include "base/text.h"
#include "net/https_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HTTP_OK 200

struct answer {
    struct text body;
    bool is_too_big;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t length = size * count;

    if (answer->body.length + length > TRUST_OCSP_ANSWER_MAX) {
        answer->is_too_big = true;
        return 0;
    }
    text_add(&answer->body, bytes, length);
    return answer->body.failed ? 0 : length;
}

static void set_up(CURL *curl, const struct trust_need *need, const char *url, int timeout_ms,
                   struct curl_slist *headers, struct answer *answer)
{
    size_t length;
    const uint8_t *request = trust_need_request(need, &length);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)request);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

/* 0: an HTTP answer is there. */
static int perform(CURL *curl, const char *url, const struct answer *answer, struct error *err)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (answer->is_too_big)
        return error_set(err, ERROR_UNTRUSTED, "%.100s answered with more than %d bytes", url,
                         TRUST_OCSP_ANSWER_MAX);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, ERROR_TIMEOUT, "%.100s did not answer in time", url);
    if (code != CURLE_OK)
        return error_set(err, ERROR_UNREACHABLE, "%.100s cannot be reached: %s", url,
                         curl_easy_strerror(code));
    if (status != HTTP_OK)
        return error_set(err, ERROR_UNREACHABLE, "%.100s answered with HTTP status %ld", url, status);
    return 0;
}

static int ask(const struct trust_need *need, const char *url, int timeout_ms, struct error *err)
{
    struct curl_slist *type = curl_slist_append(NULL, "Content-Type: application/ocsp-request");
    struct curl_slist *headers = type == NULL ? NULL : curl_slist_append(type, "Expect:");
    CURL *curl = curl_easy_init();
    struct answer answer = {0};
    struct error why = {0};
    int result;

    if (curl == NULL || headers == NULL) {
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    } else {
        set_up(curl, need, url, timeout_ms, headers, &answer);
        result = perform(curl, url, &answer, err);
    }
    if (result == 0) {
        result = trust_need_settle(need, answer.body.data, answer.body.length, &why);
        if (result != 0)
            error_set(err, why.code, "%.100s: %s", url, why.message);
    }
    curl_slist_free_all(type);
    curl_easy_cleanup(curl);
    text_free(&answer.body);
    return result;
}

void ocsp_fetch(const struct trust_need *need, int timeout_ms)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    size_t count = trust_need_urls(need);
    struct error err = {0};

    https_client_init();
    for (size_t i = 0; i < count; i++) {
        int64_t left_ms = (end_ms - clock_monotonic_ms()) / (int64_t)(count - i);

        if (left_ms <= 0)
            error_set(&err, ERROR_TIMEOUT, "no OCSP responder answered in time");
        else if (ask(need, trust_need_url(need, i), (int)left_ms, &err) == 0)
            return;
    }
    trust_need_give_up(need, err.message);
}

struct ocsp_fetch {
    struct trust_need *need;
    int timeout_ms;
    int done_fd;
    atomic_bool done;
    atomic_int references; /* the caller and the thread */
};

void ocsp_fetch_release(struct ocsp_fetch *fetch)
{
    if (atomic_fetch_sub(&fetch->references, 1) > 1)
        return;
    trust_need_free(fetch->need);
    close(fetch->done_fd);
    free(fetch);
}

static void *run(void *arg)
{
    struct ocsp_fetch *fetch = arg;

    ocsp_fetch(fetch->need, fetch->timeout_ms);
    atomic_store(&fetch->done, true);
    eventfd_write(fetch->done_fd, 1);
    ocsp_fetch_release(fetch);
    return NULL;
}

static int start_thread(struct ocsp_fetch *fetch)
{
    pthread_attr_t detached;
    pthread_t thread;
    int failed;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&thread, &detached, run, fetch);
    pthread_attr_destroy(&detached);
    return failed;
}

struct ocsp_fetch *ocsp_fetch_start(struct trust_need *need, int timeout_ms, int done_fd)
{
    struct ocsp_fetch *fetch = calloc(1, sizeof(*fetch));

    if (fetch != NULL) {
        fetch->need = need;
        fetch->timeout_ms = timeout_ms;
        atomic_init(&fetch->references, 2);
        /* The caller may be gone, and its descriptor's number be somebody else's, when the answer comes. */
        fetch->done_fd = fcntl(done_fd, F_DUPFD_CLOEXEC, 0);
        if (fetch->done_fd >= 0 && start_thread(fetch) == 0)
            return fetch;
        if (fetch->done_fd >= 0)
            close(fetch->done_fd);
        free(fetch);
    }
    trust_need_give_up(need, "no thread was left to ask an OCSP responder");
    trust_need_free(need);
    return NULL;
}

bool ocsp_fetch_is_done(struct ocsp_fetch *fetch)
{
    return atomic_load(&fetch->done);
}
