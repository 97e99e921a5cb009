/* Makes and ends the output object of one call. For the session; handlers use shell/output.h. */
#pragma once

#include "shell/output.h"
#include "shell/sink.h"

#include "base/error.h"

enum render_form { RENDER_TEXT, RENDER_JSON };

/* Feeds `sink` (borrowed). NULL when memory runs out. */
struct shell_output *render_new(enum render_form form, struct sink *sink);

/*
 * Ends the document; the sink is finished by its owner.
 * JSON (RFC 8259), one document: {"<listing>":[{...},...]}, one member a listing (a second one of the same
 * name becomes "<name>_2"); {"ok":true} when there was no listing and err is NULL. When err is not NULL, the
 * last member is "error":{"code":...,"message":...,"hint":...}, the hint null where there is none. A field
 * that was not set is null; a time is an RFC 3339 string; a byte that is no UTF-8 becomes U+FFFD.
 */
void render_finish(struct shell_output *output, const struct error *err);
void render_free(struct shell_output *output);
