#include "lab/trouble.h"

#include "base/file.h"
#include "lab/gzip.h"

#include <event2/buffer.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (16 * 1024 * 1024)
#define MEGABYTE 1048576L
#define PADDING_BYTES 65536

static bool is_xml(const struct api_reply *reply)
{
    return reply->content_type != NULL && strstr(reply->content_type, "xml") != NULL;
}

static const char *type_of_file(const char *file)
{
    const char *ending = strrchr(file, '.');

    return strcmp(ending, ".xml") == 0    ? "application/xml"
           : strcmp(ending, ".json") == 0 ? "application/json"
                                          : "text/html";
}

/* The file goes out as it is: its words are not replaced. */
static void take_file(const struct trouble_place *place, const char *file, struct api_reply *reply)
{
    char path[PATH_MAX];
    char *data;
    size_t length;

    if (snprintf(path, sizeof(path), "%s/%s", place->folder, file) >= (int)sizeof(path) ||
        file_read(path, FILE_BYTES_MAX, &data, &length, NULL) != 0)
        return;
    text_clear(&reply->body);
    text_add(&reply->body, data, length);
    free(data);
    reply->status = 200;
    api_clear_headers(reply);
    reply->content_type = type_of_file(file);
}

static void nest(struct api_reply *reply, long levels)
{
    const char *open = is_xml(reply) ? "<a>" : "[";
    const char *close = is_xml(reply) ? "</a>" : "]";

    text_clear(&reply->body);
    for (long i = 0; i < levels; i++)
        text_add_string(&reply->body, open);
    for (long i = 0; i < levels; i++)
        text_add_string(&reply->body, close);
}

static void to_utf16(struct text *body)
{
    iconv_t conversion = iconv_open("UTF-16LE", "UTF-8");
    size_t in_left = body->length;
    size_t out_left = 2 * body->length; /* no character takes more than twice its bytes */
    char *out = malloc(out_left + 1);
    char *in = body->data;
    char *at = out;

    if (conversion != (iconv_t)-1 && out != NULL && in != NULL &&
        iconv(conversion, &in, &in_left, &at, &out_left) != (size_t)-1) {
        text_clear(body);
        text_add(body, out, (size_t)(at - out));
    }
    if (conversion != (iconv_t)-1)
        iconv_close(conversion);
    free(out);
}

/* Replaces the first `old` in the body, where there is one. */
static void replace(struct text *body, const char *old, const char *new)
{
    const char *found = body->data == NULL ? NULL : strstr(body->data, old);
    struct text changed = {0};

    if (found == NULL)
        return;
    text_add(&changed, body->data, (size_t)(found - body->data));
    text_add_string(&changed, new);
    text_add_string(&changed, found + strlen(old));
    text_free(body);
    *body = changed;
}

static void change_charset(struct api_reply *reply, const char *word)
{
    const bool xml = is_xml(reply);

    if (strcmp(word, "utf-16") == 0) {
        to_utf16(&reply->body);
        reply->content_type = xml ? "application/xml;charset=UTF-8" : "application/json;charset=UTF-8";
    } else if (strcmp(word, "unknown") == 0) {
        replace(&reply->body, "encoding=\"UTF-8\"", "encoding=\"x-unknown\"");
        reply->content_type =
            xml ? "application/xml;charset=x-unknown" : "application/json;charset=x-unknown";
    } else {
        if (xml)
            text_add_string(&reply->body, "<!-- caf\xe9 -->\n");
        else
            replace(&reply->body, "{", "{\"note\":\"caf\xe9\",");
        reply->content_type = xml ? "application/xml;charset=UTF-8" : "application/json;charset=UTF-8";
    }
}

static void redirect(const struct https_exchange *exchange, const char *word,
                     const struct trouble_place *place, struct api_reply *reply)
{
    const char *method = https_exchange_method(exchange);
    const char *path = https_exchange_path(exchange);
    const char *query = https_exchange_query(exchange);
    const char *mark = query[0] != '\0' ? "?" : "";
    const bool safe = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    text_clear(&reply->body);
    reply->content_type = NULL;
    api_clear_headers(reply);
    reply->status = safe ? 302 : 307; /* the latter keeps the method */
    if (strstr(word, "://") != NULL)
        api_add_header(reply, "Location", "%s", word);
    else if (strcmp(word, "other") == 0)
        api_add_header(reply, "Location", "https://%s%s%s%s", place->other, path, mark, query);
    else if (strncmp(path, TROUBLE_MOVED "/", strlen(TROUBLE_MOVED "/")) == 0)
        api_add_header(reply, "Location", "%s%s%s", path, mark, query); /* to where one is: a circle */
    else
        api_add_header(reply, "Location", TROUBLE_MOVED "%s%s%s", path, mark, query);
}

/* Status line and headers; `length` is what they say of the body, -1: nothing. */
static void add_head(struct evbuffer *out, const struct api_reply *reply, long length)
{
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", reply->status, reply->status == 200 ? "OK" : "Error");
    if (reply->content_type != NULL)
        evbuffer_add_printf(out, "Content-Type: %s\r\n", reply->content_type);
    for (size_t i = 0; i < reply->header_count; i++)
        evbuffer_add_printf(out, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    if (length >= 0)
        evbuffer_add_printf(out, "Content-Length: %ld\r\n", length);
    else
        evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n");
    evbuffer_add_printf(out, "Connection: close\r\n\r\n");
}

static void add_chunks(struct evbuffer *out, const struct text *body, size_t size)
{
    for (size_t at = 0; at < body->length; at += size) {
        size_t part = body->length - at < size ? body->length - at : size;

        evbuffer_add_printf(out, "%zx\r\n", part);
        evbuffer_add(out, body->data + at, part);
        evbuffer_add(out, "\r\n", 2);
    }
    evbuffer_add(out, "0\r\n\r\n", 5);
}

/* Where blanks go so that what is long stays well-formed, and is no list of its own: before the last bracket.
 */
static size_t padding_place(const struct text *body)
{
    size_t place = body->length;

    while (place > 0 && strchr(">}", body->data[place - 1]) == NULL)
        place--;
    return place - (place > 0);
}

static void add_padded(struct evbuffer *out, const struct text *body, long padding)
{
    static char blanks[PADDING_BYTES];
    const size_t place = padding_place(body);

    if (blanks[0] == '\0')
        memset(blanks, ' ', sizeof(blanks));
    evbuffer_add(out, body->data, place);
    for (; padding > 0; padding -= PADDING_BYTES)
        evbuffer_add_reference(out, blanks, (size_t)(padding < PADDING_BYTES ? padding : PADDING_BYTES), NULL,
                               NULL);
    evbuffer_add(out, body->data + place, body->length - place);
}

static void compress(struct api_reply *reply, long padding)
{
    struct text packed = {0};
    size_t place;

    if (reply->body.length == 0)
        return;
    place = padding_place(&reply->body);
    gzip_add(&packed, reply->body.data, place, (size_t)padding, reply->body.data + place,
             reply->body.length - place);
    text_free(&reply->body);
    reply->body = packed;
    api_add_header(reply, "Content-Encoding", "gzip");
}

/* True: it was sent in a way that no honest server has. */
static bool send_raw(struct https_exchange *exchange, const struct mood *mood, const struct api_reply *reply)
{
    const struct text *body = &reply->body;
    const bool head_only = strcmp(https_exchange_method(exchange), "HEAD") == 0;
    const long length = (long)body->length;
    struct evbuffer *out = evbuffer_new();
    enum https_end end = HTTPS_END_CLOSE;
    long padding = mood->number * MEGABYTE - length;

    if (out == NULL || length == 0)
        goto not_sent;
    switch (mood->type->kind) {
    case MOOD_CHUNKED:
        add_head(out, reply, -1);
        if (!head_only)
            add_chunks(out, body, (size_t)mood->number);
        break;
    case MOOD_HUGE:
        padding = padding > 0 ? padding : 0;
        add_head(out, reply, length + padding);
        if (!head_only)
            add_padded(out, body, padding);
        break;
    case MOOD_LENGTH:
        add_head(out, reply, length + mood->number > 0 ? length + mood->number : 0);
        if (!head_only)
            evbuffer_add(out, body->data, (size_t)length);
        break;
    case MOOD_RESET:
    case MOOD_STALL:
        end = mood->type->kind == MOOD_RESET ? HTTPS_END_RESET : HTTPS_END_NEVER;
        add_head(out, reply, length);
        evbuffer_add(out, body->data, (size_t)length / 2);
        break;
    default:
        goto not_sent;
    }
    https_reply_raw(exchange, out, end);
    evbuffer_free(out);
    return true;

not_sent:
    if (out != NULL)
        evbuffer_free(out);
    return false;
}

void trouble_change(const struct https_exchange *exchange, const struct mood *mood,
                    const struct trouble_place *place, struct api_reply *reply)
{
    switch (mood->type->kind) {
    case MOOD_STATUS:
        if (mood->type->unit != NULL)
            api_add_header(reply, "Retry-After", "%ld", mood->number);
        break;
    case MOOD_DATA:
        take_file(place, mood->type->file, reply);
        break;
    case MOOD_EMPTY:
        text_clear(&reply->body);
        reply->status = 200;
        break;
    case MOOD_DEEP:
        nest(reply, mood->number);
        break;
    case MOOD_CHARSET:
        change_charset(reply, mood->word);
        break;
    case MOOD_GZIP:
        compress(reply, mood->number * MEGABYTE);
        break;
    case MOOD_REDIRECT:
        redirect(exchange, mood->word, place, reply);
        break;
    default:
        break;
    }
}

void trouble_send(struct https_exchange *exchange, const struct mood *mood, const struct api_reply *reply)
{
    if (send_raw(exchange, mood, reply))
        return;
    for (size_t i = 0; i < reply->header_count; i++)
        https_add_header(exchange, reply->headers[i].name, reply->headers[i].value);
    https_reply(exchange, reply->status, reply->content_type,
                reply->body.data == NULL ? "" : reply->body.data, reply->body.length);
}
