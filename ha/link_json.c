#include "ha/link_json.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

/* jansson's own limit of depth is far greater than what is ever said here. */
static bool is_shallow(const char *bytes, size_t length)
{
    int depth = 0;

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '{' || bytes[i] == '[')
            depth++;
        else if (bytes[i] == '}' || bytes[i] == ']')
            depth--;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

json_t *link_json_read(const char *bytes, size_t length, struct error *err)
{
    json_t *object =
        is_shallow(bytes, length) ? json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (json_is_object(object))
        return object;
    json_decref(object);
    error_set(err, ERROR_INVALID_ARGUMENT, "what the other server says is no JSON object");
    return NULL;
}

json_t *link_json_error(const struct error *err)
{
    return json_pack("{s:{s:s, s:s, s:s}}", "error", "code", error_code_name(err->code), "message",
                     err->message, "hint", err->hint);
}

/* What a stranger says may end up on a terminal or in a log. */
static void copy_plain(json_t *value, char *out, size_t size)
{
    const char *text = json_string_value(value);
    struct text plain = {0};

    if (text != NULL)
        text_add_line(&plain, text, strlen(text));
    snprintf(out, size, "%.*s", plain.data == NULL ? 0 : (int)text_cut_utf8(plain.data, size - 1),
             plain.data == NULL ? "" : plain.data);
    text_free(&plain);
}

bool link_json_read_error(json_t *object, struct error *err)
{
    json_t *error = json_object_get(object, "error");
    const char *code = json_string_value(json_object_get(error, "code"));
    struct error said = {0};

    if (code == NULL)
        return false;
    said.code = error_code_parse(code);
    copy_plain(json_object_get(error, "message"), said.message, sizeof(said.message));
    copy_plain(json_object_get(error, "hint"), said.hint, sizeof(said.hint));
    if (said.code == ERROR_NONE)
        said.code = ERROR_INTERNAL;
    if (err != NULL)
        *err = said;
    return true;
}

void link_json_text(json_t *object, const char *name, char *out, size_t size)
{
    copy_plain(json_object_get(object, name), out, size);
}
