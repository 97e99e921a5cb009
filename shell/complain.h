/* What is said of a line that is not understood: the caret line and the message. */
#pragma once

#include "shell/match.h"

#include "base/text.h"

/* How the line stands on the screen: so many cells to the right of the edge, wrapped at a width (0: not). */
struct caret {
    size_t indent;
    size_t width;
};

/* Cells in front of the byte `at` of a line as it stands on the screen, where the editor shows a tab as ^I.
 */
size_t complain_cells(const char *line, size_t at, struct caret caret);

/* A line with the caret under the byte `at` of the line, and "% message". */
void complain_at(struct text *out, const char *line, size_t at, struct caret caret, const char *message);

/* For the failure of a walk over the line. A secret value is not repeated. */
void complain_match(struct text *out, const struct line *line, const struct match *match,
                    enum match_result result, struct caret caret);
