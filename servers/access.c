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
#define ANSWERING_MAX (2 * HOST_PORT_TEXT_MAX + 32)

#define MEANT_HINT "if %s is the one that is meant, register it instead"
#define OTHER_PROGRAM_HINT "check address and port: what answers there may be another program"

void server_basic_header(const struct server_access *access, char out[SERVER_BASIC_MAX])
{
    static const char scheme[] = "Authorization: Basic ";
    char plain[SERVER_USER_MAX + SERVER_PASSWORD_MAX];
    int length = snprintf(plain, sizeof(plain), "%s:%s", access->server->user, access->password);

    memcpy(out, scheme, sizeof(scheme));
    base64_encode(plain, (size_t)length, out + sizeof(scheme) - 1);
    OPENSSL_cleanse(plain, sizeof(plain));
}

static bool is_server_itself(const struct server_access *access)
{
    const struct host_port *answered = &access->answered;

    return access->server->address.port == answered->port &&
           strcmp(access->server->address.host, answered->host) == 0;
}

/* Who did what the sentence says next. */
static void name_answering(const struct server_access *access, char out[ANSWERING_MAX])
{
    char host[HOST_PORT_TEXT_MAX];
    char other[HOST_PORT_TEXT_MAX];

    host_port_format(&access->server->address, host);
    host_port_format(&access->answered, other);
    if (is_server_itself(access))
        snprintf(out, ANSWERING_MAX, "%s", host);
    else
        snprintf(out, ANSWERING_MAX, "%s sends us on to %s, which", host, other);
}

int server_unexpected(struct server_access *access, struct error *err, const char *format, ...)
{
    char who[ANSWERING_MAX];
    char what[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    access->state = SERVER_UNEXPECTED;
    name_answering(access, who);
    error_set(err, ERROR_UNREACHABLE, "%s %s", who, what);
    if (!is_server_itself(access))
        return error_hint(err, MEANT_HINT, access->answered.host);
    return error_hint(err, OTHER_PROGRAM_HINT);
}

int server_unreadable(struct server_access *access, const struct error *cause, struct error *err)
{
    server_unexpected(access, err, "%s", cause->message);
    return cause->hint[0] != '\0' ? error_hint(err, "%s", cause->hint) : -1;
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

int server_charset_unread(struct error *err)
{
    error_set(err, ERROR_UNREACHABLE, "answered in a charset that is not read here");
    return error_hint(err, "UTF-8 is read, and of XML UTF-16, ISO-8859-1 and US-ASCII too: see what stands "
                           "between that may have changed it");
}

static void tell_verdict(const struct server_access *access, const struct trust_request *trust,
                         const struct trust_verdict *verdict)
{
    if (access->judged != NULL)
        access->judged(access->arg, trust, verdict);
}

static void tell_pinned(void *arg, const struct trust_request *trust, const struct trust_verdict *verdict)
{
    tell_verdict(arg, trust, verdict);
}

/* What to do about a failure that those who told of it know no cure for. */
static void add_hint(const struct server_access *access, struct error *cause)
{
    if (cause->hint[0] != '\0')
        return;
    if (access->state == SERVER_UNEXPECTED)
        error_hint(cause, OTHER_PROGRAM_HINT);
    else if (cause->code == ERROR_TIMEOUT)
        error_hint(
            cause,
            "see how busy it is and what stands between (a firewall); to wait longer: timeout <seconds>");
}

/* No answer, or none that may be read. */
static void tell_failure(struct server_access *access, const struct trust_request *trust,
                         const struct https_response *response, struct error *cause)
{
    struct trust_request judged = *trust;

    switch (cause->code) {
    case ERROR_PIN_MISMATCH:
    case ERROR_UNTRUSTED:
        access->state = cause->code == ERROR_PIN_MISMATCH ? SERVER_MISMATCH : SERVER_UNTRUSTED;
        judged.host = response->host; /* after a redirect another one */
        tell_verdict(access, &judged, &response->verdict);
        break;
    case ERROR_BUSY: /* we gave up ourselves: nothing is known of the server */
        access->state = SERVER_UNCHECKED;
        break;
    default:
        access->state = response->unusable ? SERVER_UNEXPECTED : SERVER_UNREACHABLE;
    }
    add_hint(access, cause);
}

/* 401 and 403. */
static int refuse_credentials(struct server_access *access, int status, struct error *err)
{
    char host[HOST_PORT_TEXT_MAX];
    char other[HOST_PORT_TEXT_MAX];

    host_port_format(&access->server->address, host);
    access->state = SERVER_CREDENTIALS;
    if (!is_server_itself(access)) {
        host_port_format(&access->answered, other);
        error_set(err, ERROR_DENIED, "%s sends us on to %s, which does not get the credentials of %s", host,
                  other, access->server->address.host);
        return error_hint(err, MEANT_HINT, access->answered.host);
    }
    if (status == 403) {
        error_set(err, ERROR_DENIED, "%s knows the user %s, but does not let it ask for that (HTTP 403)",
                  host, access->server->user);
        return error_hint(err, "give the user the rights of a super administrator there");
    }
    error_set(err, ERROR_DENIED, "%s does not accept the user name %s with its password (HTTP 401)", host,
              access->server->user);
    if (access->is_new)
        return error_hint(err, "nothing was saved: enter the command again, with those that it accepts");
    return error_hint(err, "enter them again with: ncs server %s edit %s username <user> password",
                      server_kind_name(access->server->kind), access->server->address.host);
}

static int tell_busy(struct server_access *access, int status, struct error *err)
{
    char who[ANSWERING_MAX];

    access->state = SERVER_BUSY;
    name_answering(access, who);
    if (access->retry_after_s > 0)
        return error_set(err, ERROR_BUSY, "%s is busy and asks to be left alone for %lld s (HTTP %d)", who,
                         (long long)access->retry_after_s, status);
    return error_set(err, ERROR_BUSY, "%s is busy (HTTP %d)", who, status);
}

static int tell_status(struct server_access *access, const struct https_response *response, struct error *err)
{
    int status = response->status;

    access->retry_after_s = response->retry_after_s;
    switch (status) {
    case 200:
        access->state = SERVER_REACHABLE;
        return 0;
    case 401:
    case 403:
        return refuse_credentials(access, status, err);
    case 404:
    case 405:
    case 410:
        return server_unexpected(access, err, "is no %s: it does not know what every one knows (HTTP %d)",
                                 server_kind_title(access->server->kind), status);
    case 429:
    case 503:
        return tell_busy(access, status, err);
    default:
        server_unexpected(access, err, "answered with HTTP status %d", status);
        return status >= 500 ? error_hint(err, "its own log has the reason; once that is cured, try again")
                             : -1;
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
    int failed;
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
        .pinned = tell_pinned,
        .pinned_arg = access,
    };

    make_headers(question, &headers);
    access->retry_after_s = 0;
    access->answered = access->server->address;
    access->state = SERVER_REACHABLE; /* unless `take` finds something else */
    failed = https_perform(access->store, &request, response, &cause);
    access->answered = response->host;
    if (failed == 0)
        return tell_status(access, response, err);
    if (access->state == SERVER_REACHABLE)
        tell_failure(access, &request.trust, response, &cause);
    if (err != NULL)
        *err = cause;
    return -1;
}
