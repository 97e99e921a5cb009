#include "servers/dnac_json.h"

#include "base/base64.h"
#include "base/text.h"
#include "base/wipe.h"
#include "servers/access.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_TIME_MOST_MS (24 * 3600 * 1000LL)
#define EXP_MOST (INT64_MAX / 1000)

/* A document of many small values takes a hundred times its size: it is counted before it is read. */
static int check_size(const char *body, size_t length, struct error *err)
{
    size_t parts = 0;
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < length; i++) {
        char c = body[i];

        if (quoted) {
            quoted = c != '"';
            i += c == '\\';
            continue;
        }
        quoted = c == '"';
        if (c == '[' || c == '{')
            depth++;
        if (c == ']' || c == '}')
            depth--;
        parts += c == '[' || c == '{' || c == ',' || c == ':';
        if (depth > DNAC_JSON_DEPTH_MAX)
            return error_set(err, ERROR_UNREACHABLE, "answered with JSON that is nested too deeply");
        if (parts > DNAC_JSON_PARTS_MAX)
            return error_set(err, ERROR_UNREACHABLE, "answered with JSON of more than %d parts",
                             DNAC_JSON_PARTS_MAX);
    }
    return 0;
}

/* Always UTF-8 (RFC 8259 section 8.1); whoever says something else does not mean JSON. */
static json_t *read_json(const char *content_type, const char *body, size_t length, struct error *err)
{
    char charset[SERVER_CHARSET_MAX];
    json_error_t cause;
    json_t *document;

    if (!server_charset(content_type, charset) ||
        (charset[0] != '\0' && strcmp(charset, "UTF-8") != 0 && strcmp(charset, "US-ASCII") != 0)) {
        server_charset_unread(err);
        return NULL;
    }
    if (check_size(body, length, err) != 0)
        return NULL;
    document = json_loadb(body, length, JSON_REJECT_DUPLICATES, &cause);
    if (document == NULL) /* the library's words may quote the document, which may hold a token */
        error_set(err, ERROR_UNREACHABLE, "answered with what is no JSON (line %d)", cause.line);
    else if (!json_is_object(document)) {
        json_decref(document);
        document = NULL;
        error_set(err, ERROR_UNREACHABLE, "answered with other JSON than a DNA Center's");
    }
    return document;
}

static bool is_token(const char *token, size_t length)
{
    if (length == 0 || length >= DNAC_TOKEN_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    }
    return true;
}

int dnac_read_token(const char *content_type, const char *body, size_t length, char out[DNAC_TOKEN_MAX],
                    struct error *err)
{
    json_t *document = read_json(content_type, body, length, err);
    json_t *token = json_object_get(document, "Token");
    int result = -1;

    if (document == NULL)
        return -1;
    if (!json_is_string(token) || !is_token(json_string_value(token), json_string_length(token))) {
        error_set(err, ERROR_UNREACHABLE, "answered without a token that could be used");
    } else {
        memcpy(out, json_string_value(token), json_string_length(token) + 1);
        OPENSSL_cleanse((char *)(uintptr_t)json_string_value(token), json_string_length(token));
        result = 0;
    }
    json_decref(document);
    return result;
}

/* The part between the two dots, from base64url without padding (RFC 7515 section 2); NULL: there is none. */
static json_t *read_claims(const char *token)
{
    const char *start = strchr(token, '.');
    size_t length = start == NULL ? 0 : strcspn(++start, ".");
    char text[DNAC_TOKEN_MAX + 4];
    uint8_t plain[DNAC_TOKEN_MAX];
    json_t *claims = NULL;
    size_t size;

    if (length == 0 || start[length] != '.')
        return NULL;
    for (size_t i = 0; i < length; i++)
        text[i] = start[i] == '-' ? '+' : start[i] == '_' ? '/' : start[i];
    while (length % 4 != 0)
        text[length++] = '=';
    text[length] = '\0';
    if (base64_decode(text, plain, &size) && check_size((const char *)plain, size, NULL) == 0)
        claims = json_loadb((const char *)plain, size, 0, NULL);
    OPENSSL_cleanse(text, sizeof(text));
    OPENSSL_cleanse(plain, sizeof(plain));
    return claims;
}

int64_t dnac_token_until(const char *token, int64_t now_ms)
{
    json_t *claims = read_claims(token);
    json_t *expires = json_object_get(claims, "exp");
    int64_t until_ms = now_ms + DNAC_TOKEN_TIME_MS;

    if (json_is_integer(expires) && json_integer_value(expires) > 0 && json_integer_value(expires) < EXP_MOST)
        until_ms = json_integer_value(expires) * 1000;
    json_decref(claims);
    until_ms -= DNAC_TOKEN_MARGIN_MS;
    if (until_ms > now_ms + TOKEN_TIME_MOST_MS)
        until_ms = now_ms + TOKEN_TIME_MOST_MS;
    return until_ms < now_ms ? now_ms : until_ms;
}

int dnac_read_count(const char *content_type, const char *body, size_t length, uint64_t *out,
                    struct error *err)
{
    json_t *document = read_json(content_type, body, length, err);
    json_t *count = json_object_get(document, "response");
    int result = 0;

    if (document == NULL)
        return -1;
    if (!json_is_integer(count) || json_integer_value(count) < 0)
        result = error_set(err, ERROR_UNREACHABLE, "does not say how many devices it has");
    else
        *out = (uint64_t)json_integer_value(count);
    json_decref(document);
    return result;
}

static void keep(char out[DNAC_FIELD_MAX], json_t *device, const char *name)
{
    json_t *value = json_object_get(device, name);
    struct text escaped = {0};

    out[0] = '\0';
    if (!json_is_string(value))
        return;
    text_add_escaped(&escaped, json_string_value(value), json_string_length(value), NULL);
    if (escaped.length > 0 && !escaped.failed)
        snprintf(out, DNAC_FIELD_MAX, "%.*s", (int)text_cut_utf8(escaped.data, DNAC_FIELD_MAX - 1),
                 escaped.data);
    text_free(&escaped);
}

int dnac_read_release(const char *content_type, const char *body, size_t length, char out[DNAC_FIELD_MAX],
                      struct error *err)
{
    json_t *document = read_json(content_type, body, length, err);
    json_t *release = json_object_get(document, "response");

    if (document == NULL)
        return -1;
    keep(out, release, "displayVersion");
    if (out[0] == '\0')
        keep(out, release, "installedVersion");
    json_decref(document);
    return 0;
}

static void read_device(json_t *from, struct dnac_device *device)
{
    keep(device->name, from, "hostname");
    keep(device->address, from, "managementIpAddress");
    keep(device->platform, from, "platformId");
    keep(device->version, from, "softwareVersion");
    keep(device->reachability, from, "reachabilityStatus");
    keep(device->serial, from, "serialNumber");
}

int dnac_read_devices(const char *content_type, const char *body, size_t length,
                      bool (*each)(void *arg, const struct dnac_device *device), void *arg, size_t *count,
                      struct error *err)
{
    json_t *document = read_json(content_type, body, length, err);
    json_t *list = json_object_get(document, "response");
    struct dnac_device device;
    json_t *item;
    size_t i;

    if (document == NULL)
        return -1;
    if (!json_is_array(list)) {
        json_decref(document);
        return error_set(err, ERROR_UNREACHABLE, "answered without a list of devices");
    }
    *count = json_array_size(list);
    json_array_foreach(list, i, item)
    {
        read_device(item, &device);
        if (!each(arg, &device))
            break;
    }
    json_decref(document);
    return 0;
}
