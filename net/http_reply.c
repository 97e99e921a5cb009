#include "net/http_reply.h"

#include "base/hex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(const char *why, struct error *err)
{
    return error_set(err, ERROR_UNREACHABLE, "the answer is no HTTP/1.1: %s", why);
}

static int read_status(struct http_reply *reply, const char *line, struct error *err)
{
    if (strncmp(line, "HTTP/1.1 ", 9) != 0 || !isdigit((unsigned char)line[9]) ||
        !isdigit((unsigned char)line[10]) || !isdigit((unsigned char)line[11]) ||
        (line[12] != ' ' && line[12] != '\0'))
        return refuse("its first line is none", err);
    reply->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (reply->status < 200 && !(reply->upgrades && reply->status == HTTP_REPLY_UPGRADED))
        return refuse("it is only a provisional one", err);
    reply->step = HTTP_REPLY_HEADERS;
    return 0;
}

static int read_length(struct http_reply *reply, const char *value, struct error *err)
{
    size_t digits = strspn(value, "0123456789");

    if (digits == 0 || digits > 18 || value[digits] != '\0' || reply->has_length)
        return refuse("its length makes no sense", err);
    reply->left = strtoull(value, NULL, 10);
    reply->has_length = true;
    return 0;
}

static int read_header(struct http_reply *reply, const char *line, struct error *err)
{
    size_t name = strcspn(line, ":");
    const char *value = line + name + 1;

    if (line[name] != ':' || name == 0)
        return refuse("a header has no name", err);
    value += strspn(value, " \t");
    if (name == 14 && strncasecmp(line, "Content-Length", name) == 0)
        return read_length(reply, value, err);
    if (name == 17 && strncasecmp(line, "Transfer-Encoding", name) == 0) {
        if (strcasecmp(value, "chunked") != 0 || reply->chunked)
            return refuse("its coding is unknown", err);
        reply->chunked = true;
    } else if (name == 10 && strncasecmp(line, "Connection", name) == 0) {
        reply->closes = strcasecmp(value, "close") == 0;
    }
    return 0;
}

static int end_head(struct http_reply *reply, struct error *err)
{
    bool empty = reply->status == HTTP_REPLY_UPGRADED || reply->status == 204 || reply->status == 304;

    reply->lines = 0;
    if (reply->chunked && reply->has_length)
        return refuse("it has two lengths", err);
    if (!empty && !reply->chunked && !reply->has_length)
        return refuse("it has no length", err);
    if (empty || (reply->has_length && reply->left == 0))
        reply->step = HTTP_REPLY_DONE;
    else
        reply->step = reply->chunked ? HTTP_REPLY_CHUNK_SIZE : HTTP_REPLY_BODY;
    return 0;
}

static int read_chunk_size(struct http_reply *reply, const char *line, struct error *err)
{
    uint64_t size = 0;
    size_t digits = 0;

    for (; hex_value(line[digits]) >= 0; digits++) {
        if (digits == 15)
            return refuse("a chunk is too long", err);
        size = size << 4 | (unsigned)hex_value(line[digits]);
    }
    if (digits == 0 || (line[digits] != '\0' && line[digits] != ';'))
        return refuse("a chunk has no length", err);
    reply->left = size;
    reply->step = size == 0 ? HTTP_REPLY_TRAILER : HTTP_REPLY_CHUNK;
    return 0;
}

static int take_line(struct http_reply *reply, const char *line, struct error *err)
{
    switch (reply->step) {
    case HTTP_REPLY_STATUS:
        return read_status(reply, line, err);
    case HTTP_REPLY_HEADERS:
        if (line[0] == '\0')
            return end_head(reply, err);
        return ++reply->lines > HTTP_REPLY_LINES_MAX ? refuse("its head is too long", err)
                                                     : read_header(reply, line, err);
    case HTTP_REPLY_CHUNK_SIZE:
        return read_chunk_size(reply, line, err);
    case HTTP_REPLY_CHUNK_END:
        if (line[0] != '\0')
            return refuse("a chunk does not end where it should", err);
        reply->step = HTTP_REPLY_CHUNK_SIZE;
        return 0;
    default: /* the trailer */
        if (line[0] == '\0')
            reply->step = HTTP_REPLY_DONE;
        return ++reply->lines > HTTP_REPLY_LINES_MAX ? refuse("its trailer is too long", err) : 0;
    }
}

/* Up to a line's end. *used: bytes taken. */
static int gather_line(struct http_reply *reply, const char *bytes, size_t length, size_t *used,
                       struct error *err)
{
    const char *end = memchr(bytes, '\n', length);
    size_t taken = end == NULL ? length : (size_t)(end - bytes);
    int result;

    *used = end == NULL ? length : taken + 1;
    if (reply->line.length + taken > HTTP_REPLY_LINE_MAX)
        return refuse("a line is too long", err);
    text_add(&reply->line, bytes, taken);
    if (reply->line.failed)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (end == NULL)
        return 0;
    if (reply->line.length == 0 || reply->line.data[reply->line.length - 1] != '\r' ||
        memchr(reply->line.data, '\0', reply->line.length) != NULL)
        return refuse("a line does not end as it should", err);
    reply->line.data[reply->line.length - 1] = '\0';
    result = take_line(reply, reply->line.data, err);
    text_clear(&reply->line);
    return result;
}

int http_reply_take(struct http_reply *reply, const char *bytes, size_t length, size_t *used,
                    int (*body)(void *arg, const void *bytes, size_t length), void *arg, struct error *err)
{
    *used = 0;
    while (*used < length && reply->step != HTTP_REPLY_DONE) {
        size_t rest = length - *used;
        size_t taken = 0;

        if (reply->step != HTTP_REPLY_BODY && reply->step != HTTP_REPLY_CHUNK) {
            if (gather_line(reply, bytes + *used, rest, &taken, err) != 0)
                return -1;
            *used += taken;
            continue;
        }
        taken = rest < reply->left ? rest : (size_t)reply->left;
        if (body(arg, bytes + *used, taken) != 0)
            return error_set(err, ERROR_BUSY, "the answer is not wanted any more");
        *used += taken;
        reply->left -= taken;
        if (reply->left == 0)
            reply->step = reply->step == HTTP_REPLY_CHUNK ? HTTP_REPLY_CHUNK_END : HTTP_REPLY_DONE;
    }
    return 0;
}

void http_reply_clear(struct http_reply *reply)
{
    text_free(&reply->line);
    *reply = (struct http_reply){0};
}
