/* Commands of other shells that people type here. */
#pragma once

#include "shell/match.h"

/* The hint for a line that is not understood (match), or NULL. */
const char *foreign_hint(const struct shell_program *program, const struct line *line,
                         const struct match *match);
