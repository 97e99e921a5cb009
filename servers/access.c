#include "servers/access.h"

#include "base/base64.h"
#include "base/text.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MOST 4
#define HEADER_MAX 80

void server_basic_header(const struct server_access *access, char out[SERVER_BASIC_MAX])
{
    static const char scheme[] = "Authorization: Basic ";
    char plain[SERVER_USER_MAX + SERVER_PASSWORD_MAX];
    int length = snprintf(plain, sizeof(plain), "%s:%s", access->server->user, access->password);

    memcpy(out, scheme, sizeof(scheme));
    base64_encode(plain, (size_t)length, out + sizeof(scheme) - 1);
    OPENSSL_cleanse(plain, sizeof(plain));
}

int server_unexpected(struct server_access *access, struct error *err, const char *format, ...)
{
    char host[HOST_PORT_TEXT_MAX];
    char what[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    access->state = SERVER_UNEXPECTED;
    host_port_format(&access->server->address, host);
    return error_set(err, ERROR_UNREACHABLE, "%s %s", host, what);
}

bool server_charset(const char *content_type, char out[SERVER_CHARSET_MAX])
{
    const char *found = strcasestr(content_type, "charset=");
    size_t length;

    out[0] = '\0';
    if (found == NULL)
        return true;
    found += strlen("charset=");
    found += *found == '"';
    length = strcspn(found, "\"; \t");
    if (length >= SERVER_CHARSET_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        out[i] = (char)toupper((unsigned char)found[i]);
    out[length] = '\0';
    return true;
}

/* No answer, or none that may be read. */
static int tell_failure(struct server_access *access, const struct trust_request *trust,
                        const struct https_response *response, const struct error *cause)
{
    switch (cause->code) {
    case ERROR_PIN_MISMATCH:
    case ERROR_UNTRUSTED:
        access->state = cause->code == ERROR_PIN_MISMATCH ? SERVER_MISMATCH : SERVER_UNTRUSTED;
        if (access->refused != NULL) {
            struct trust_request judged = *trust;

            judged.host = response->host; /* after a redirect another one */
            access->refused(access->arg, &judged, &response->verdict);
        }
        break;
    case ERROR_BUSY: /* we gave up ourselves: nothing is known of the server */
        access->state = SERVER_UNCHECKED;
        break;
    default:
        access->state = SERVER_UNREACHABLE;
    }
    return -1;
}

static bool is_server_itself(const struct server_access *access, const struct https_response *response)
{
    return access->server->address.port == response->host.port &&
           strcmp(access->server->address.host, response->host.host) == 0;
}

/* 401 and 403. */
static int refuse_credentials(struct server_access *access, const struct https_response *response,
                              const char *host, struct error *err)
{
    char other[HOST_PORT_TEXT_MAX];

    access->state = SERVER_CREDENTIALS;
    if (!is_server_itself(access, response)) {
        host_port_format(&response->host, other);
        error_set(err, ERROR_DENIED, "%s sends us on to %s, which does not get the credentials of %s", host,
                  other, access->server->address.host);
        return error_hint(err, "if %s is the one that is meant, register it instead", response->host.host);
    }
    if (response->status == 403) {
        error_set(err, ERROR_DENIED, "%s knows the user %s, but does not let it ask for that (HTTP 403)",
                  host, access->server->user);
        return error_hint(err, "give the user the rights of a super administrator there");
    }
    error_set(err, ERROR_DENIED, "%s does not accept the user name %s with its password (HTTP 401)", host,
              access->server->user);
    return error_hint(err, "enter them again with: ncs server %s edit %s username <user> password",
                      server_kind_name(access->server->kind), access->server->address.host);
}

static int tell_status(struct server_access *access, const struct https_response *response, struct error *err)
{
    char host[HOST_PORT_TEXT_MAX];

    host_port_format(&access->server->address, host);
    access->retry_after_s = response->retry_after_s;
    switch (response->status) {
    case 200:
        access->state = SERVER_REACHABLE;
        return 0;
    case 401:
    case 403:
        return refuse_credentials(access, response, host, err);
    case 404:
    case 405:
    case 410:
        return server_unexpected(access, err, "is no %s: it does not know what every one knows (HTTP %d)",
                                 server_kind_title(access->server->kind), response->status);
    case 429:
    case 503:
        access->state = SERVER_BUSY;
        if (response->retry_after_s > 0)
            return error_set(err, ERROR_BUSY, "%s is busy and asks to be left alone for %lld s (HTTP %d)",
                             host, (long long)response->retry_after_s, response->status);
        return error_set(err, ERROR_BUSY, "%s is busy (HTTP %d)", host, response->status);
    default:
        return server_unexpected(access, err, "answered with HTTP status %d", response->status);
    }
}

struct headers {
    char text[2][HEADER_MAX];
    const char *list[HEADERS_MOST];
};

static void make_headers(const struct server_question *question, struct headers *headers)
{
    size_t count = 0;

    snprintf(headers->text[0], HEADER_MAX, "Accept: %s", question->accept);
    headers->list[count++] = headers->text[0];
    if (question->content_type != NULL) {
        snprintf(headers->text[1], HEADER_MAX, "Content-Type: %s", question->content_type);
        headers->list[count++] = headers->text[1];
    }
    headers->list[count] = NULL;
}

int server_ask(struct server_access *access, const struct server_question *question,
               struct https_response *response, struct error *err)
{
    unsigned timeout_s = access->server->timeout_s;
    struct headers headers;
    struct error cause = {0};
    struct https_request request = {
        .trust = {.host = access->server->address,
                  .zone = TRUST_ZONE_SYSTEM,
                  .mode = TRUST_PIN,
                  .task = access->task},
        .proxy = access->server->proxy.port != 0 ? &access->server->proxy : NULL,
        .method = question->method,
        .path = question->path,
        .headers = headers.list,
        .credentials = question->credentials,
        .body = question->content_type != NULL ? "" : NULL,
        .timeout_ms = (int)timeout_s * 1000 * (question->time_factor > 1 ? question->time_factor : 1),
        .silence_s = question->time_factor > 1 ? (int)timeout_s : 0,
        .body_max = question->body_max,
        .redirects = SERVER_REDIRECTS_MAX,
        .compressed = true,
        .cancel_fd = access->cancel_fd,
        .take = question->take,
        .arg = question->arg,
    };

    make_headers(question, &headers);
    access->retry_after_s = 0;
    access->state = SERVER_REACHABLE; /* unless `take` finds something else */
    if (https_perform(access->store, &request, response, &cause) != 0) {
        if (access->state == SERVER_REACHABLE)
            tell_failure(access, &request.trust, response, &cause);
        if (err != NULL)
            *err = cause;
        return -1;
    }
    return tell_status(access, response, err);
}
