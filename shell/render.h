/* Makes and ends the output object of one call. For the session; handlers use shell/output.h. */
#pragma once

#include "shell/output.h"
#include "shell/sink.h"

#include "base/error.h"

enum render_form { RENDER_TEXT, RENDER_JSON };

/* Feeds `sink` (borrowed). */
struct shell_output *render_new(enum render_form form, struct sink *sink);

/* Ends the document. JSON: prints {"ok":true} when there was no listing and err is NULL, and
 * {"error":{"code":...,"message":...,"hint":...}} when err is not NULL. */
void render_finish(struct shell_output *output, const struct error *err);
void render_free(struct shell_output *output);
