/* The words of the control socket: one JSON object a line (design: docs/architecture.md). */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define CONTROL_LINE_MAX (1024 * 1024)      /* bytes of a request's line, its end included */
#define CONTROL_REPLY_MAX (8 * 1024 * 1024) /* bytes of a reply's line; longer lists go out as progress */
#define CONTROL_DEPTH_MAX 32                /* objects and arrays inside each other */

/* A method that the control server answers itself, at once, with {}: whoever waits for a long one asks with
 * it whether anybody is there at all. */
#define CONTROL_ALIVE "control.alive"

struct control_request {
    json_int_t id;
    const char *method; /* borrowed from `document` */
    json_t *params;     /* borrowed; always an object */
    json_t *document;   /* owned */
};

/* Reads a request line. ERROR_INVALID_ARGUMENT; out->id is then the id where one could be read, else 0, and
 * nothing is to be cleared. End with control_request_clear(). */
int control_request_read(const char *line, size_t length, struct control_request *out, struct error *err);
void control_request_clear(struct control_request *request);

/* Lines to send, their line end included; the caller frees. NULL: out of memory. The JSON is borrowed;
 * params and result may be NULL. An id of 0 in an error: the whole connection is meant. */
char *control_request_line(json_int_t id, const char *method, json_t *params);
char *control_result_line(json_int_t id, json_t *result);
char *control_progress_line(json_int_t id, json_t *progress);
char *control_error_line(json_int_t id, const struct error *err);

/* What came back. */
enum control_answer { CONTROL_PROGRESS, CONTROL_RESULT, CONTROL_ERROR };
struct control_reply {
    enum control_answer kind;
    json_int_t id;
    json_t *body;       /* progress or result; owned */
    struct error error; /* CONTROL_ERROR */
};
/* ERROR_INVALID_ARGUMENT. End with control_reply_clear(), also after a failure. */
int control_reply_read(const char *line, size_t length, struct control_reply *out, struct error *err);
void control_reply_clear(struct control_reply *reply);
