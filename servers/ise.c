#include "servers/ise.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define LIST_TIME_FACTOR 20 /* a list of a million sessions takes its time */

struct asking {
    struct server_access *access;
    enum ise_document document;
    bool (*each)(void *arg, const struct ise_session *session);
    void *arg;
    struct ise_reader *reader;
};

static int tell(struct asking *asking, const struct error *cause, struct error *err)
{
    if (cause->code == ERROR_BUSY) {
        asking->access->state = SERVER_UNCHECKED;
        return error_set(err, ERROR_BUSY, "%s", cause->message);
    }
    return server_unreadable(asking->access, cause, err);
}

static bool take(void *arg, const struct https_response *head, const char *bytes, size_t length,
                 struct error *err)
{
    struct asking *asking = arg;
    char charset[SERVER_CHARSET_MAX];
    struct error cause = {0};

    asking->access->answered = head->host;
    if (asking->reader == NULL) {
        if (!server_charset(head->content_type, charset))
            snprintf(charset, sizeof(charset), "?"); /* too long to be one */
        asking->reader = ise_reader_new(asking->document, charset, asking->each, asking->arg, &cause);
    }
    if (asking->reader == NULL || ise_reader_add(asking->reader, bytes, length, &cause) != 0) {
        tell(asking, &cause, err);
        return false;
    }
    return true;
}

static int finish(struct asking *asking, struct error *err)
{
    struct error cause = {0};

    if (asking->reader == NULL)
        return server_unexpected(asking->access, err, "answered with nothing where XML should be");
    if (ise_reader_finish(asking->reader, &cause) != 0)
        return tell(asking, &cause, err);
    return 0;
}

static int ask(struct asking *asking, const char *path, size_t body_max, int time_factor, struct error *err)
{
    char basic[SERVER_BASIC_MAX];
    const char *credentials[] = {basic, NULL};
    const struct server_question question = {
        .method = "GET",
        .path = path,
        .accept = "application/xml",
        .credentials = credentials,
        .body_max = body_max,
        .time_factor = time_factor,
        .take = take,
        .arg = asking,
    };
    struct https_response response;
    int result;

    server_basic_header(asking->access, basic);
    result = server_ask(asking->access, &question, &response, err);
    OPENSSL_cleanse(basic, sizeof(basic));
    https_response_free(&response);
    return result == 0 ? finish(asking, err) : -1;
}

int ise_ask_version(struct server_access *access, struct ise_version *out, struct error *err)
{
    struct asking asking = {.access = access, .document = ISE_VERSION};
    int result = ask(&asking, "/admin/API/mnt/Version", ISE_ANSWER_MAX, 1, err);

    if (result == 0)
        *out = *ise_reader_version(asking.reader);
    ise_reader_free(asking.reader);
    return result;
}

int ise_ask_count(struct server_access *access, uint64_t *out, struct error *err)
{
    struct asking asking = {.access = access, .document = ISE_COUNT};
    int result = ask(&asking, "/admin/API/mnt/Session/ActiveCount", ISE_ANSWER_MAX, 1, err);

    if (result == 0)
        *out = ise_reader_count(asking.reader);
    ise_reader_free(asking.reader);
    return result;
}

int ise_ask_sessions(struct server_access *access, bool (*each)(void *arg, const struct ise_session *session),
                     void *arg, uint64_t *count, struct error *err)
{
    struct asking asking = {.access = access, .document = ISE_LIST, .each = each, .arg = arg};
    int result = ask(&asking, "/admin/API/mnt/Session/ActiveList", ISE_LIST_MAX, LIST_TIME_FACTOR, err);

    if (result == 0)
        *count = ise_reader_sessions(asking.reader);
    ise_reader_free(asking.reader);
    return result;
}
