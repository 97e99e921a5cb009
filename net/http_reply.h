/* Reading an HTTP/1.1 answer (RFC 9112) as its bytes come, with limits: what a node of a pair answers. */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

#define HTTP_REPLY_LINE_MAX (8 * 1024) /* bytes of a line of the head or of a chunk's */
#define HTTP_REPLY_LINES_MAX 100       /* of the head, and of the trailer */

#define HTTP_REPLY_UPGRADED 101

/* Start with {0}, or with {.upgrades = true}; end with http_reply_clear(). */
struct http_reply {
    bool upgrades; /* 101 is an answer (RFC 9110 section 7.8): DONE with its head, and what follows is no HTTP
                    */
    enum {
        HTTP_REPLY_STATUS,
        HTTP_REPLY_HEADERS,
        HTTP_REPLY_BODY,
        HTTP_REPLY_CHUNK_SIZE,
        HTTP_REPLY_CHUNK,
        HTTP_REPLY_CHUNK_END,
        HTTP_REPLY_TRAILER,
        HTTP_REPLY_DONE
    } step;
    int status;
    bool chunked;
    bool has_length;
    bool closes;   /* the other side ends the connection behind it */
    uint64_t left; /* bytes of the body, or of the chunk */
    unsigned lines;
    struct text line;
};

/*
 * Takes bytes; *used says how many belong to this answer (all of them until it is done). `body` is called
 * with pieces of the body; non-zero ends it with ERROR_BUSY. ERROR_UNREACHABLE: this is no such answer.
 */
int http_reply_take(struct http_reply *reply, const char *bytes, size_t length, size_t *used,
                    int (*body)(void *arg, const void *bytes, size_t length), void *arg, struct error *err);
void http_reply_clear(struct http_reply *reply);
