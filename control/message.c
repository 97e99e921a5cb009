#include "control/message.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define METHOD_MAX 64 /* characters of a method's name */

/* jansson's own bound (2,048) is far above what any message needs and what later walks should recurse. */
static bool is_too_deep(const char *line, size_t length)
{
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < length; i++) {
        if (in_string && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            in_string = !in_string;
        else if (!in_string && (line[i] == '{' || line[i] == '['))
            depth++;
        else if (!in_string && (line[i] == '}' || line[i] == ']'))
            depth--;
        if (depth > CONTROL_DEPTH_MAX)
            return true;
    }
    return false;
}

/* jansson quotes the text it stumbled over: that came from outside. */
static int not_json(const char *what, const json_error_t *reason, struct error *err)
{
    struct text shown = {0};

    text_add_escaped(&shown, reason->text, strlen(reason->text), NULL);
    error_set(err, ERROR_INVALID_ARGUMENT, "%s is not JSON: %s", what, shown.data ? shown.data : "");
    text_free(&shown);
    return -1;
}

static json_t *read_object(const char *what, const char *line, size_t length, struct error *err)
{
    json_error_t reason;
    json_t *document;

    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    if (is_too_deep(line, length)) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%s is nested more than %d deep", what, CONTROL_DEPTH_MAX);
        return NULL;
    }
    document = json_loadb(line, length, JSON_REJECT_DUPLICATES, &reason);
    if (document == NULL) {
        not_json(what, &reason, err);
        return NULL;
    }
    if (!json_is_object(document)) {
        error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a JSON object", what);
        json_decref(document);
        return NULL;
    }
    return document;
}

static bool is_method(const json_t *method)
{
    size_t length = json_string_length(method);

    return json_is_string(method) && length > 0 && length <= METHOD_MAX &&
           strspn(json_string_value(method),
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length;
}

static int take_parts(struct control_request *out, struct error *err)
{
    json_t *id = json_object_get(out->document, "id");
    json_t *method = json_object_get(out->document, "method");

    if (!json_is_integer(id) || json_integer_value(id) < 1)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the request has no id (an integer from 1 on)");
    out->id = json_integer_value(id);
    if (!is_method(method))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the request has no method (a name such as pin.list)");
    out->method = json_string_value(method);
    out->params = json_object_get(out->document, "params");
    if (out->params == NULL || json_is_null(out->params)) {
        out->params = json_object();
        if (json_object_set_new(out->document, "params", out->params) != 0)
            return error_set(err, ERROR_INTERNAL, "out of memory");
    }
    if (!json_is_object(out->params))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the request's params are not an object");
    return 0;
}

int control_request_read(const char *line, size_t length, struct control_request *out, struct error *err)
{
    *out = (struct control_request){0};
    out->document = read_object("the request", line, length, err);
    if (out->document == NULL)
        return -1;
    if (take_parts(out, err) == 0)
        return 0;
    json_decref(out->document);
    *out = (struct control_request){.id = out->id};
    return -1;
}

void control_request_clear(struct control_request *request)
{
    json_decref(request->document);
    *request = (struct control_request){0};
}

/* Takes `message` over. */
static char *to_line(json_t *message)
{
    char *text = message == NULL ? NULL : json_dumps(message, JSON_COMPACT);
    size_t length = text == NULL ? 0 : strlen(text);
    char *line = text == NULL ? NULL : realloc(text, length + 2);

    json_decref(message);
    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + length, "\n", 2);
    return line;
}

char *control_request_line(json_int_t id, const char *method, json_t *params)
{
    if (params == NULL)
        return to_line(json_pack("{s:I,s:s}", "id", id, "method", method));
    return to_line(json_pack("{s:I,s:s,s:O}", "id", id, "method", method, "params", params));
}

char *control_result_line(json_int_t id, json_t *result)
{
    return to_line(result == NULL ? json_pack("{s:I,s:{}}", "id", id, "result")
                                  : json_pack("{s:I,s:O}", "id", id, "result", result));
}

char *control_progress_line(json_int_t id, json_t *progress)
{
    return to_line(json_pack("{s:I,s:O}", "id", id, "progress", progress));
}

/* A sentence may quote bytes from outside (a file name): a JSON string holds only UTF-8. */
static json_t *sentence(const char *text)
{
    struct text escaped = {0};
    json_t *string;

    if (text_is_utf8(text, strlen(text)))
        return json_string(text);
    text_add_escaped(&escaped, text, strlen(text), NULL);
    string = json_string(escaped.data == NULL ? "" : escaped.data);
    text_free(&escaped);
    return string;
}

char *control_error_line(json_int_t id, const struct error *err)
{
    json_t *body =
        json_pack("{s:s,s:o}", "code", error_code_name(err->code), "message", sentence(err->message));

    if (body != NULL && err->hint[0] != '\0')
        json_object_set_new(body, "hint", sentence(err->hint));
    return to_line(json_pack("{s:I,s:o}", "id", id, "error", body));
}

static int take_error(json_t *body, struct error *out, struct error *err)
{
    const char *code = json_string_value(json_object_get(body, "code"));
    const char *message = json_string_value(json_object_get(body, "message"));
    const char *hint = json_string_value(json_object_get(body, "hint"));
    enum error_code value = code == NULL ? ERROR_INTERNAL : error_code_parse(code);

    if (message == NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the reply's error has no message");
    error_set(out, value == ERROR_NONE ? ERROR_INTERNAL : value, "%s", message);
    if (hint != NULL)
        error_hint(out, "%s", hint);
    return 0;
}

int control_reply_read(const char *line, size_t length, struct control_reply *out, struct error *err)
{
    json_t *document = read_object("the reply", line, length, err);
    json_t *id = json_object_get(document, "id");
    json_t *body;
    int result = 0;

    *out = (struct control_reply){0};
    if (document == NULL)
        return -1;
    out->id = json_integer_value(id);
    if (!json_is_integer(id) || out->id < 0) {
        result = error_set(err, ERROR_INVALID_ARGUMENT, "the reply has no id");
    } else if ((body = json_object_get(document, "error")) != NULL) {
        out->kind = CONTROL_ERROR;
        result = take_error(body, &out->error, err);
    } else if ((body = json_object_get(document, "result")) != NULL) {
        out->kind = CONTROL_RESULT;
        out->body = json_incref(body);
    } else if ((body = json_object_get(document, "progress")) != NULL) {
        out->kind = CONTROL_PROGRESS;
        out->body = json_incref(body);
    } else {
        result = error_set(err, ERROR_INVALID_ARGUMENT, "the reply holds no result, progress or error");
    }
    json_decref(document);
    return result;
}

void control_reply_clear(struct control_reply *reply)
{
    json_decref(reply->body);
    *reply = (struct control_reply){0};
}
