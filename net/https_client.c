#include "net/https_client.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/wipe.h"
#include "net/curl_verdict.h"
#include "net/https_proxy.h"
#include "net/https_redirect.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MOST_MS 1000 /* libcurl knows when it has to be called earlier */

/* One request under way. */
struct exchange {
    const struct https_request *request;
    struct https_response *response;
    CURL *curl;
    char host[HOST_PORT_TEXT_MAX];
    struct curl_verdict judging;
    struct text body;
    size_t received;   /* bytes of the body so far */
    int socket_reason; /* errno of a socket that could not be made, of which libcurl says nothing */
    int64_t progress;  /* what came so far; see come_so_far() */
    int64_t heard_ms;  /* monotonic: when that was last more than before */
    bool silent;       /* given up for that */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Passwords and tokens stand in libcurl's lists and buffers, which may not keep them once they are freed. */
static void *wiping_realloc(void *memory, size_t size)
{
    size_t old = memory == NULL ? 0 : malloc_usable_size(memory);
    void *grown = malloc(size);

    if (grown == NULL)
        return NULL;
    if (memory != NULL)
        memcpy(grown, memory, old < size ? old : size);
    wipe_free(memory);
    return grown;
}

static void init(void)
{
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wiping_realloc, strdup, calloc);
}

void https_client_init(void)
{
    pthread_once(&once, init);
}

/* What is known of the answer before its body is. */
static void read_head(struct exchange *exchange)
{
    struct https_response *response = exchange->response;
    const char *type = NULL;
    curl_off_t wait_s = 0;
    long status = 0;

    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(exchange->curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(exchange->curl, CURLINFO_RETRY_AFTER, &wait_s);
    response->status = (int)status;
    response->retry_after_s = wait_s;
    snprintf(response->content_type, sizeof(response->content_type), "%s", type == NULL ? "" : type);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    const struct https_request *request = exchange->request;
    size_t most = request->body_max > 0 ? request->body_max : HTTPS_BODY_MAX;
    size_t length = size * count;

    if (exchange->received == 0)
        read_head(exchange);
    exchange->received += length;
    if (exchange->received > most) {
        exchange->response->unusable = true;
        error_set(&exchange->judging.error, ERROR_UNREACHABLE, "%s answered with more than %zu bytes",
                  exchange->host, most);
        return 0;
    }
    if (request->take != NULL && exchange->response->status == 200)
        return request->take(request->arg, exchange->response, bytes, length, &exchange->judging.error)
                   ? length
                   : 0;
    text_add(&exchange->body, bytes, length);
    if (exchange->body.failed) {
        error_set(&exchange->judging.error, ERROR_INTERNAL, "out of memory");
        return 0;
    }
    return length;
}

static int check_headers(const char *const *headers, struct error *err)
{
    for (const char *const *header = headers; header != NULL && *header != NULL; header++) {
        if (strchr(*header, ':') == NULL || strpbrk(*header, "\r\n") != NULL)
            return error_set(err, ERROR_INVALID_ARGUMENT, "a request's header is one line, name: value");
    }
    return 0;
}

static int check_request(const struct https_request *request, struct error *err)
{
    size_t length = strlen(request->path);

    if (request->path[0] != '/' || strcspn(request->path, " \r\n\t#") != length ||
        !text_is_printable(request->path, length))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the path of a request starts with / and has no spaces");
    if (request->method[0] == '\0' ||
        strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(request->method))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a request's method is a word of capitals");
    return check_headers(request->headers, err) == 0 ? check_headers(request->credentials, err) : -1;
}

static char *make_url(const struct https_request *request)
{
    const struct host_port *host = &request->trust.host;
    bool is_v6 = host->kind == HOST_IPV6;
    struct text url = {0};

    text_format(&url, "https://%s%s%s:%u%s", is_v6 ? "[" : "", host->host, is_v6 ? "]" : "", host->port,
                request->path);
    return text_take(&url);
}

static void add_headers(struct curl_slist **list, const char *const *headers, bool *failed)
{
    for (const char *const *header = headers; !*failed && header != NULL && *header != NULL; header++) {
        struct curl_slist *longer = curl_slist_append(*list, *header);

        *failed = longer == NULL;
        if (longer != NULL)
            *list = longer;
    }
}

static struct curl_slist *make_headers(const struct https_request *request, bool *failed)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100-continue */

    *failed = list == NULL;
    add_headers(&list, request->headers, failed);
    add_headers(&list, request->credentials, failed);
    return list;
}

static void set_method(CURL *curl, const struct https_request *request)
{
    bool has_body = request->body != NULL;

    if (has_body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    if (has_body || (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0))
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_bounds(CURL *curl, const struct https_request *request)
{
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    /* nothing but what every build of libcurl and zlib has known for decades */
    if (request->compressed)
        curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
}

/* What was waited for in vain, or the whole time that there was. */
static void format_limit(const struct exchange *exchange, char out[SECONDS_TEXT_MAX])
{
    const struct https_request *request = exchange->request;

    seconds_format(exchange->silent ? request->silence_s * 1000 : request->timeout_ms, out);
}

static int timed_out(const struct exchange *exchange, struct error *err)
{
    double secured = 0;
    char limit[SECONDS_TEXT_MAX];
    const char *what = exchange->received > 0 ? "no whole answer from" : "no answer from";

    format_limit(exchange, limit);
    if (exchange->silent && exchange->received > 0)
        return error_set(err, ERROR_TIMEOUT, "%s fell silent in the middle of its answer, for %s",
                         exchange->host, limit);
    curl_easy_getinfo(exchange->curl, CURLINFO_APPCONNECT_TIME, &secured);
    if (!exchange->judging.connected)
        what = "no connection to";
    else if (secured <= 0)
        what = "no TLS handshake with";
    return error_set(err, ERROR_TIMEOUT, "%s %s within %s", what, exchange->host, limit);
}

/* libcurl says no more than OpenSSL's or the kernel's words. */
static int explain_handshake(const struct exchange *exchange, const char *text, struct error *err)
{
    const char *host = exchange->host;
    static const char *const closed[] = {"SSL_ERROR_SYSCALL", "unexpected eof", "Connection reset",
                                         "Broken pipe"};

    if (handshake_check_start(&exchange->judging.start, host, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        if (strstr(text, closed[i]) != NULL)
            return error_set(err, ERROR_UNREACHABLE, "%s closed the connection during the TLS handshake",
                             host);
    }
    return error_set(err, ERROR_UNREACHABLE, "the TLS handshake with %s failed: %.200s", host, text);
}

static int blame_proxy(const struct exchange *exchange, CURLcode code, struct error *err)
{
    char limit[SECONDS_TEXT_MAX];

    format_limit(exchange, limit);
    return https_proxy_explain(exchange->curl, exchange->request->proxy, code, exchange->host,
                               exchange->judging.connected, limit, err);
}

static int no_connection(const struct exchange *exchange, struct error *err)
{
    long reason = 0;

    curl_easy_getinfo(exchange->curl, CURLINFO_OS_ERRNO, &reason);
    if (reason == 0)
        reason = exchange->socket_reason;
    if (reason == 0)
        return error_set(err, ERROR_UNREACHABLE, "cannot connect to %s", exchange->host);
    return error_set(err, ERROR_UNREACHABLE, "cannot connect to %s: %s", exchange->host,
                     strerror((int)reason));
}

static int cut_off(const struct exchange *exchange, const char *text, struct error *err)
{
    error_set(err, ERROR_UNREACHABLE, "the request to %s failed: %.200s", exchange->host, text);
    return error_hint(err, "the connection was cut: see the server's own log, and what stands between "
                           "(a firewall, a load balancer), then try again");
}

/* libcurl's code and text as the sentences that a probe would give, where they say the same. */
static int explain(const struct exchange *exchange, CURLcode code, const char *text, struct error *err)
{
    const char *host = exchange->host;

    if (exchange->request->proxy != NULL && blame_proxy(exchange, code, err) != 0)
        return -1;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(exchange, err);
    case CURLE_COULDNT_RESOLVE_HOST:
        return error_set(err, ERROR_UNREACHABLE, "cannot find the address of %s",
                         exchange->request->trust.host.host);
    case CURLE_COULDNT_CONNECT:
        return no_connection(exchange, err);
    case CURLE_SSL_CONNECT_ERROR:
        return explain_handshake(exchange, text, err);
    case CURLE_GOT_NOTHING:
        return error_set(err, ERROR_UNREACHABLE, "%s closed the connection without an answer", host);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        error_set(err, ERROR_UNREACHABLE, "%s does not speak HTTP", host);
        return error_hint(err, "check the port: another program answers there");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return cut_off(exchange, text, err);
    case CURLE_BAD_CONTENT_ENCODING:
        exchange->response->unusable = true;
        return error_set(err, ERROR_UNREACHABLE, "%s answered with what cannot be unpacked", host);
    default:
        return error_set(err, ERROR_UNREACHABLE, "the request to %s failed: %.200s", host, text);
    }
}

static int conclude(struct exchange *exchange, CURLcode code, const char *text, struct error *err)
{
    char shown[4 * CURL_ERROR_SIZE];

    const struct https_request *request = exchange->request;
    const struct trust_verdict *verdict = &exchange->judging.verdict.trust;

    exchange->response->verdict = *verdict;
    if (verdict->outcome == TRUST_FIRST_USE && request->pinned != NULL)
        request->pinned(request->pinned_arg, &request->trust, verdict);
    if (curl_verdict_conclude(&exchange->judging, err) != 0)
        return -1;
    if (code != CURLE_OK) {
        curl_verdict_shown(code, text, shown, sizeof(shown));
        return explain(exchange, code, shown, err);
    }
    read_head(exchange);
    exchange->response->body_length = exchange->body.length;
    exchange->response->body = text_take(&exchange->body);
    return exchange->response->body != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
}

/* Grows with each byte of the answer, and with each step before the first. */
static int64_t come_so_far(const struct exchange *exchange)
{
    curl_off_t body = 0;
    long head = 0;

    curl_easy_getinfo(exchange->curl, CURLINFO_SIZE_DOWNLOAD_T, &body);
    curl_easy_getinfo(exchange->curl, CURLINFO_HEADER_SIZE, &head);
    return body + head + exchange->judging.connected + exchange->judging.verdict.given;
}

/* How long it may still be silent, in ms; 0: no longer. */
static int patience_left(struct exchange *exchange)
{
    int64_t progress = come_so_far(exchange);
    int64_t now_ms = clock_monotonic_ms();
    int64_t left_ms;

    if (exchange->request->silence_s == 0)
        return WAIT_MOST_MS;
    if (progress != exchange->progress)
        exchange->heard_ms = now_ms;
    exchange->progress = progress;
    left_ms = exchange->heard_ms + exchange->request->silence_s * 1000LL - now_ms;
    if (left_ms <= 0)
        return 0;
    return left_ms < WAIT_MOST_MS ? (int)left_ms : WAIT_MOST_MS;
}

/* Waits for the server, until the caller's descriptor ends it. CURLE_OK: go on. */
static CURLcode wait_for_more(struct exchange *exchange, CURLM *multi)
{
    struct curl_waitfd cancel = {.fd = exchange->request->cancel_fd, .events = CURL_WAIT_POLLIN};
    int patience_ms = patience_left(exchange);

    if (patience_ms == 0) {
        exchange->silent = true;
        return CURLE_OPERATION_TIMEDOUT;
    }
    if (curl_multi_poll(multi, &cancel, cancel.fd > 0, patience_ms, NULL) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    if (cancel.revents == 0)
        return CURLE_OK;
    error_set(&exchange->judging.error, ERROR_BUSY, "the request to %s was given up", exchange->host);
    return CURLE_ABORTED_BY_CALLBACK;
}

/* libcurl's own waiting knows of no descriptor that ends it, and notices silence only after seconds: its
 * speed is the mean of the last five. */
static CURLcode perform(struct exchange *exchange)
{
    CURLM *multi = curl_multi_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    int running = 1;

    if (multi == NULL)
        return code;
    exchange->heard_ms = clock_monotonic_ms();
    if (curl_multi_add_handle(multi, exchange->curl) == CURLM_OK) {
        do {
            CURLMsg *message;
            int left;

            code = curl_multi_perform(multi, &running) == CURLM_OK ? CURLE_OK : CURLE_OUT_OF_MEMORY;
            if ((message = curl_multi_info_read(multi, &left)) != NULL)
                code = message->data.result;
            else if (code == CURLE_OK && running > 0)
                code = wait_for_more(exchange, multi);
        } while (running > 0 && code == CURLE_OK);
    }
    curl_multi_remove_handle(multi, exchange->curl);
    curl_multi_cleanup(multi);
    return code;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = arg;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd < 0)
        exchange->socket_reason = errno;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Where the answer sends us on to; NULL: nowhere. The caller frees. */
static char *redirect_of(const struct exchange *exchange)
{
    static const int kinds[] = {301, 302, 303, 307, 308};
    const char *url = NULL;

    if (exchange->request->redirects == 0)
        return NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (exchange->response->status == kinds[i]) {
            curl_easy_getinfo(exchange->curl, CURLINFO_REDIRECT_URL, &url);
            return url == NULL ? NULL : strdup(url);
        }
    }
    return NULL;
}

/* One request to one server. *redirect: where it sends us on to, or NULL; the caller frees. */
static int perform_one(struct store *store, const struct https_request *request,
                       struct https_response *response, char **redirect, struct error *err)
{
    struct exchange exchange = {
        .request = request,
        .response = response,
        .judging = {.identity = request->identity,
                    .verdict = {.store = store,
                                .request = &request->trust,
                                .fetch_end_ms = clock_monotonic_ms() + request->timeout_ms}}};
    char text[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    char *url = NULL;
    bool failed = false;
    int result;

    *redirect = NULL;
    *response = (struct https_response){.host = request->trust.host};
    host_port_format(&request->trust.host, exchange.host);
    exchange.curl = curl_easy_init();
    url = make_url(request);
    headers = make_headers(request, &failed);
    if (exchange.curl == NULL || url == NULL || failed) {
        result = error_set(err, ERROR_INTERNAL, "out of memory");
    } else {
        curl_easy_setopt(exchange.curl, CURLOPT_URL, url);
        curl_easy_setopt(exchange.curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(exchange.curl, CURLOPT_ERRORBUFFER, text);
        curl_easy_setopt(exchange.curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(exchange.curl, CURLOPT_WRITEDATA, &exchange);
        curl_easy_setopt(exchange.curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(exchange.curl, CURLOPT_OPENSOCKETDATA, &exchange);
        set_bounds(exchange.curl, request);
        exchange.judging.curl = exchange.curl;
        exchange.judging.host = exchange.host;
        curl_verdict_set(&exchange.judging);
        if (request->proxy != NULL)
            https_proxy_set(exchange.curl, request->proxy);
        set_method(exchange.curl, request);
        result = conclude(&exchange, perform(&exchange), text, err);
        if (result == 0)
            *redirect = redirect_of(&exchange);
    }
    curl_slist_free_all(headers);
    free(url);
    if (exchange.curl != NULL)
        curl_easy_cleanup(exchange.curl);
    curl_verdict_end(&exchange.judging);
    text_free(&exchange.body);
    ERR_clear_error();
    return result;
}

int https_perform(struct store *store, const struct https_request *request, struct https_response *response,
                  struct error *err)
{
    int64_t end_ms = clock_monotonic_ms() + request->timeout_ms;
    struct https_request next = *request;
    struct redirect_target target = {0};
    char *redirect = NULL;
    int result;

    *response = (struct https_response){0};
    https_client_init();
    if (check_request(request, err) != 0)
        return -1;
    result = perform_one(store, &next, response, &redirect, err);
    while (result == 0 && redirect != NULL) {
        struct https_request from = next;

        result = redirect_read(redirect, &from, response->status, &target, &next, err);
        response->unusable = result != 0;
        next.timeout_ms = (int)(end_ms - clock_monotonic_ms());
        if (result == 0 && next.timeout_ms <= 0)
            result = error_set(err, ERROR_TIMEOUT, "%s sends on from server to server for too long",
                               request->trust.host.host);
        free(redirect);
        redirect = NULL;
        if (result != 0)
            break;
        https_response_free(response);
        result = perform_one(store, &next, response, &redirect, err);
    }
    free(redirect);
    redirect_target_free(&target);
    return result;
}

void https_response_free(struct https_response *response)
{
    free(response->body);
    *response = (struct https_response){0};
}
