#include "net/https_redirect.h"

#include "base/text.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

void redirect_target_free(struct redirect_target *target)
{
    free(target->path);
    target->path = NULL;
}

#define NO_MORE (-1) /* redirects: one more is too many, while with 0 none is looked at */

/* "[2001:db8::1]" without the brackets. */
static void strip_brackets(char *host)
{
    size_t length = strlen(host);

    if (length < 2 || host[0] != '[' || host[length - 1] != ']')
        return;
    memmove(host, host + 1, length - 2);
    host[length - 2] = '\0';
}

static int read_host(CURLU *url, struct host_port *out)
{
    char *host = NULL;
    char *port = NULL;
    int result = -1;

    if (curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        strip_brackets(host);
        out->port = (uint16_t)strtoul(port, NULL, 10); /* libcurl checked it */
        result = out->port == 0 ? -1 : host_parse(host, &out->kind, out->host, NULL);
    }
    curl_free(host);
    curl_free(port);
    return result;
}

static char *read_path(CURLU *url)
{
    struct text whole = {0};
    char *path = NULL;
    char *query = NULL;

    if (curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        return NULL;
    text_add_string(&whole, path);
    if (curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK)
        text_format(&whole, "?%s", query);
    curl_free(path);
    curl_free(query);
    return text_take(&whole);
}

static bool is_https(CURLU *url)
{
    char *scheme = NULL;
    bool result =
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "https") == 0;

    curl_free(scheme);
    return result;
}

static int refuse(const struct https_request *from, const char *url, const char *why, struct error *err)
{
    char host[HOST_PORT_TEXT_MAX];
    struct text shown = {0};

    host_port_format(&from->trust.host, host);
    text_add_escaped(&shown, url, strnlen(url, 200), NULL);
    error_set(err, ERROR_UNREACHABLE, "%s sends us on to %s, %s", host, shown.data == NULL ? "" : shown.data,
              why);
    text_free(&shown);
    return error_hint(err, "give the address and port that answer https themselves");
}

static bool is_same_host(const struct host_port *a, const struct host_port *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* What the answer makes of the method (RFC 9110 section 15.4). */
static void set_method(struct https_request *next, int status)
{
    if (status == 307 || status == 308 || strcmp(next->method, "HEAD") == 0)
        return;
    next->method = "GET";
    next->body = NULL;
    next->body_length = 0;
}

int redirect_read(const char *url, const struct https_request *from, int status,
                  struct redirect_target *target, struct https_request *next, struct error *err)
{
    CURLU *parts = curl_url();
    int result = -1;

    *next = *from;
    if (parts == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
    } else if (from->redirects < 0) {
        refuse(from, url, "and so did too many before it", err);
    } else if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
        refuse(from, url, "which is no address", err);
    } else if (!is_https(parts)) {
        refuse(from, url, "which is not https", err);
    } else if (read_host(parts, &next->trust.host) != 0) {
        refuse(from, url, "which names no host", err);
    } else {
        redirect_target_free(target);
        target->path = read_path(parts);
        result = target->path != NULL ? 0 : error_set(err, ERROR_INTERNAL, "out of memory");
    }
    curl_url_cleanup(parts);
    if (result != 0)
        return -1;
    next->path = target->path;
    next->redirects = from->redirects == 1 ? NO_MORE : from->redirects - 1;
    set_method(next, status);
    if (!is_same_host(&next->trust.host, &from->trust.host)) {
        next->credentials = NULL;
        next->identity = NULL;
        next->trust.expected_sha256 = NULL;
        next->trust.is_self = false;
        next->trust.stays_on_node = false;
        next->body = NULL; /* nobody but the server itself was meant by it */
        next->body_length = 0;
    }
    return 0;
}
