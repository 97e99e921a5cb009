/* Lines without their secrets: for the history and the audit trail. */
#pragma once

#include "shell/match.h"

#define MASK_TEXT "****"

/*
 * The line with `****` for each word that `secret` flags. bad: the first word that was not understood, or
 * line->count if all were. Behind a word that was not understood nobody knows what is a secret: there, all
 * that stands behind a keyword (or something nearly like one: `pasword`) that leads to a secret is masked.
 */
const char *mask_line(struct arena *arena, const struct grammar *grammar, const struct line *line,
                      const bool *secret, size_t bad);
