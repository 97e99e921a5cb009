/* JSON on the wire between the nodes. Only for this folder. */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define LINK_TEXT_MAX 256 /* bytes of a text that names something, its NUL included */

/* An object of at most LINK_REPLY_MAX bytes and modest depth; NULL with ERROR_INVALID_ARGUMENT. */
json_t *link_json_read(const char *bytes, size_t length, struct error *err);

/* {"error": {"code", "message", "hint"}}, and back: escaped, whatever it holds. False: it is no such object.
 */
json_t *link_json_error(const struct error *err);
bool link_json_read_error(json_t *object, struct error *err);

/* A text of the object into out; "" where there is none. */
void link_json_text(json_t *object, const char *name, char *out, size_t size);

/* True if the error is about keys that differ: each side makes the sentence itself. */
#define LINK_KEY_MISMATCH "key-mismatch"
