#include "lab/api.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FILE_BYTES_MAX (16 * 1024 * 1024)
#define CREDENTIALS_MAX 4096
/* What a path may hold that a data file can stand for. */
#define DOCUMENT_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/"

static void data_path(const char *folder, const char *file, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/%s", folder, file) >= PATH_MAX)
        out[0] = '\0';
}

void api_add_header(struct api_reply *reply, const char *name, const char *format, ...)
{
    struct api_header *header = &reply->headers[reply->header_count];
    va_list args;

    if (reply->header_count == API_HEADERS_MAX)
        return;
    va_start(args, format);
    if (vasprintf(&header->value, format, args) >= 0) {
        header->name = name;
        reply->header_count++;
    }
    va_end(args);
}

void api_clear_headers(struct api_reply *reply)
{
    while (reply->header_count > 0)
        free(reply->headers[--reply->header_count].value);
}

void api_reply_clear(struct api_reply *reply)
{
    api_clear_headers(reply);
    text_free(&reply->body);
}

/* A defect of a data file: whoever changed it reads here why. */
static void broken(struct api_call *call, const struct error *err)
{
    text_clear(&call->reply->body);
    text_format(&call->reply->body, "the stand-in cannot answer: %s\n", err->message);
    call->reply->status = 500;
    call->reply->content_type = "text/plain";
}

struct records *api_records(struct api_call *call, const char *file)
{
    struct error err = {0};
    char path[PATH_MAX];
    struct records *records;

    data_path(call->api->folder, file, path);
    records = records_read(path, &err);
    if (records == NULL)
        broken(call, &err);
    return records;
}

char *api_template(struct api_call *call, const char *file)
{
    struct error err = {0};
    char path[PATH_MAX];
    char *template = NULL;
    size_t length;

    data_path(call->api->folder, file, path);
    if (file_read(path, FILE_BYTES_MAX, &template, &length, &err) != 0)
        broken(call, &err);
    return template;
}

bool api_expand(struct api_call *call, const char *template, template_resolve resolve, void *arg,
                struct text *out)
{
    struct error err = {0};

    if (template_expand(template, call->type->form, resolve, arg, out, &err) == 0)
        return true;
    broken(call, &err);
    return false;
}

void api_reply_text(struct api_call *call, int status, struct text *body)
{
    text_free(&call->reply->body);
    call->reply->body = *body;
    call->reply->status = status;
    call->reply->content_type = call->type->media;
    *body = (struct text){0};
}

enum template_kind api_resolve_word(void *arg, const char *word, struct text *value)
{
    for (const struct api_word *known = arg; known->name != NULL; known++) {
        if (strcmp(known->name, word) == 0) {
            text_add_string(value, known->value);
            return known->is_part ? TEMPLATE_PART : TEMPLATE_VALUE;
        }
    }
    return TEMPLATE_UNKNOWN;
}

void api_reply_file(struct api_call *call, int status, const char *file, const struct api_word *words)
{
    char *template = api_template(call, file);
    struct text body = {0};

    if (template != NULL && api_expand(call, template, api_resolve_word, (void *)(uintptr_t)words, &body))
        api_reply_text(call, status, &body);
    text_free(&body);
    free(template);
}

/* Decodes one segment of a path. False: too long, a NUL, or a broken escape. */
static bool decode_segment(const char *segment, size_t length, char out[API_PARAMETER_MAX + 1])
{
    char encoded[3 * API_PARAMETER_MAX + 1];
    size_t size = 0;
    char *decoded;
    bool fits;

    if (length == 0 || length >= sizeof(encoded))
        return false;
    memcpy(encoded, segment, length);
    encoded[length] = '\0';
    decoded = evhttp_uridecode(encoded, 0, &size);
    fits = decoded != NULL && size <= API_PARAMETER_MAX && strlen(decoded) == size;
    if (fits)
        memcpy(out, decoded, size + 1);
    free(decoded);
    return fits;
}

bool api_match(const char *pattern, const char *path,
               char parameters[API_PARAMETERS_MAX][API_PARAMETER_MAX + 1])
{
    size_t count = 0;

    while (*pattern != '\0') {
        size_t expected = strcspn(pattern + 1, "/");
        size_t given;

        if (*path != '/')
            return false;
        given = strcspn(path + 1, "/");
        if (expected == 1 && pattern[1] == '*') {
            if (count == API_PARAMETERS_MAX || !decode_segment(path + 1, given, parameters[count++]))
                return false;
        } else if (expected != given || memcmp(pattern + 1, path + 1, given) != 0) {
            return false;
        }
        pattern += 1 + expected;
        path += 1 + given;
    }
    return *path == '\0';
}

/* How closely one element of an Accept header ("type/subtype;q=0.5") means the media type: 0, not at all,
 * to 3. */
static int closeness(char *range, const char *media, bool *admitted)
{
    char *parameters = range + strcspn(range, ";");
    const char *quality = strcasestr(parameters, "q=");
    size_t type = strcspn(media, "/");

    *admitted = quality == NULL || strtod(quality + 2, NULL) > 0;
    *parameters = '\0';
    range += strspn(range, " \t");
    range[strcspn(range, " \t")] = '\0';
    if (strcasecmp(range, media) == 0)
        return 3;
    if (strncasecmp(range, media, type + 1) == 0 && strcmp(range + type + 1, "*") == 0)
        return 2;
    return strcmp(range, "*/*") == 0 ? 1 : 0;
}

bool api_accepts(const char *accept, const char *media)
{
    char *copy;
    char *rest;
    char *range;
    bool admitted = false;
    int closest = 0;

    if (accept == NULL || accept[strspn(accept, " \t")] == '\0')
        return true;
    copy = strdup(accept);
    rest = copy;
    while ((range = strsep(&rest, ",")) != NULL) {
        bool this_one;
        int close = closeness(range, media, &this_one);

        if (close > closest) {
            closest = close;
            admitted = this_one;
        }
    }
    free(copy);
    return admitted;
}

/* "name:password" of a Basic header into `out` (NUL-terminated). */
static bool decode_basic(const char *authorization, char out[CREDENTIALS_MAX])
{
    size_t length = 0;
    const char *encoded;

    if (authorization == NULL || strncasecmp(authorization, "Basic ", 6) != 0)
        return false;
    encoded = authorization + 6 + strspn(authorization + 6, " ");
    if (strlen(encoded) / 4 * 3 >= CREDENTIALS_MAX || !base64_decode(encoded, (uint8_t *)out, &length))
        return false;
    out[length] = '\0';
    return strlen(out) == length && strchr(out, ':') != NULL;
}

/* "<role> <name>:<password>"; the role is cut off. API_NOBODY: no such line. */
static enum api_role read_user(char *line, char **credentials)
{
    char *space = strchr(line, ' ');

    if (line[0] == '#' || space == NULL)
        return API_NOBODY;
    *space = '\0';
    *credentials = space + 1;
    return strcmp(line, "super") == 0 ? API_SUPER : strcmp(line, "reader") == 0 ? API_READER : API_NOBODY;
}

static char *read_users(const char *folder)
{
    char path[PATH_MAX];
    char *users;
    size_t length;

    data_path(folder, "users", path);
    return file_read(path, FILE_BYTES_MAX, &users, &length, NULL) == 0 ? users : NULL;
}

enum api_role api_basic(struct api_call *call)
{
    char *users = read_users(call->api->folder);
    char *rest = users;
    char given[CREDENTIALS_MAX];
    enum api_role admitted = API_NOBODY;
    char *line;

    if (users == NULL || !decode_basic(call->request->authorization, given))
        goto done;
    while (admitted == API_NOBODY && (line = strsep(&rest, "\n")) != NULL) {
        char *known = NULL;
        enum api_role role = read_user(line, &known);
        size_t name = strcspn(given, ":");

        if (role == API_NOBODY || strncmp(known, given, name + 1) != 0)
            continue;
        snprintf(call->reply->user, API_USER_MAX, "%.*s", (int)name, given);
        if (strcmp(known, given) == 0)
            admitted = role;
    }
done:
    explicit_bzero(given, sizeof(given));
    free(users);
    return admitted;
}

bool api_admit_super(struct api_call *call)
{
    switch (api_basic(call)) {
    case API_SUPER:
        return true;
    case API_READER:
        call->type->fail(call, 403, "the user has no right to use this interface");
        return false;
    default:
        call->type->fail(call, 401, "these credentials are missing or wrong");
        return false;
    }
}

bool api_credentials(const char *folder, enum api_role role, struct text *out)
{
    char *users = read_users(folder);
    char *rest = users;
    bool found = false;
    char *line;

    while (users != NULL && !found && (line = strsep(&rest, "\n")) != NULL) {
        char *known = NULL;

        found = read_user(line, &known) == role && known != NULL;
        if (found)
            text_add_string(out, known);
    }
    free(users);
    return found;
}

static bool method_fits(const char *wanted, const char *method)
{
    return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The interface that a path belongs to. */
static const struct api_type *type_of(const struct api *api, const char *path)
{
    const struct api_type *beside = api->type->beside;

    return beside != NULL && strncmp(path, beside->guarded, strlen(beside->guarded)) == 0 ? beside
                                                                                          : api->type;
}

/* The data file that stands for a path itself. False: there is none. */
static bool find_document(const struct api_call *call, char out[NAME_MAX + 1])
{
    const char *path = call->request->path;
    char whole[PATH_MAX];

    if (strspn(path, DOCUMENT_BYTES) != strlen(path) ||
        snprintf(out, NAME_MAX + 1, "get%s.%s", path, call->type->form == TEMPLATE_XML ? "xml" : "json") >
            NAME_MAX)
        return false;
    for (char *slash = out; (slash = strchr(slash, '/')) != NULL;)
        *slash = '.';
    data_path(call->api->folder, out, whole);
    return access(whole, F_OK) == 0;
}

static void reply_document(struct api_call *call, const char *file)
{
    const int64_t now_ms = clock_wall_ms();
    char now[CLOCK_TEXT_MAX], milliseconds[24], sessions[24], devices[24];
    const struct api_word words[] = {
        {"now", now, false},
        {"now_ms", milliseconds, false},
        {"sessions", sessions, false},
        {"devices", devices, false},
        {"host", call->request->host != NULL ? call->request->host : "", false},
        {0},
    };

    clock_format(now_ms, now);
    snprintf(milliseconds, sizeof(milliseconds), "%lld", (long long)now_ms);
    snprintf(sessions, sizeof(sessions), "%ld", call->api->settings.sessions);
    snprintf(devices, sizeof(devices), "%ld", call->api->settings.devices);
    api_reply_file(call, 200, file, words);
}

static void refuse_method(struct api_call *call, const char *method)
{
    call->type->fail(call, 405, "another method is needed here");
    api_add_header(call->reply, "Allow", "%s%s", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

void api_answer(const struct api *api, const struct api_request *request, struct api_reply *reply)
{
    const struct api_type *type = type_of(api, request->path);
    struct api_call call = {.api = api, .request = request, .reply = reply, .type = type};
    char document[NAME_MAX + 1] = "";
    const char *method;

    for (size_t i = 0; i < type->route_count && call.route == NULL; i++) {
        if (api_match(type->routes[i].pattern, request->path, call.parameters))
            call.route = &type->routes[i];
    }
    if (call.route == NULL && strncmp(request->path, type->guarded, strlen(type->guarded)) != 0) {
        type->fail(&call, 404, "there is nothing under this path");
        return;
    }
    if (!type->admit(&call))
        return;
    method = call.route != NULL ? call.route->method : "GET";
    if (call.route == NULL && !find_document(&call, document))
        type->fail(&call, 404, "there is nothing under this path");
    else if (!method_fits(method, request->method))
        refuse_method(&call, method);
    else if (!api_accepts(request->accept, type->media))
        type->fail(&call, 406, "the answer would be in another media type");
    else if (call.route != NULL)
        call.route->run(&call);
    else
        reply_document(&call, document);
}

void api_fail(const struct api *api, const struct api_request *request, int status, struct api_reply *reply)
{
    struct api_call call = {
        .api = api, .request = request, .reply = reply, .type = type_of(api, request->path)};

    call.type->fail(&call, status, "the stand-in is in that mood");
}
