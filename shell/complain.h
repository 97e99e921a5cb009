/* What is said of a line that is not understood: the caret line and the message. */
#pragma once

#include "shell/match.h"

#include "base/text.h"

/* A line with the caret under the byte `at` of the line, `indent` cells to the right, and "% message". */
void complain_at(struct text *out, const char *line, size_t at, size_t indent, const char *message);

/* For the failure of a walk over the line. A secret value is not repeated. */
void complain_match(struct text *out, const struct line *line, const struct match *match,
                    enum match_result result, size_t indent);
