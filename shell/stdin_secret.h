/* Commands that take a secret from the next line of standard input: `password-stdin`. */
#pragma once

#include "shell/match.h"

/*
 * Does the line, as far as it is understood, say that the next one is its secret? sure: it was understood,
 * and does; otherwise it only looks like it, and whoever has run it well has found nothing to read.
 */
bool stdin_secret_follows(const struct grammar *grammar, const struct line *line, const struct match *match,
                          bool *sure);

/* The same for what is no line at all (line_check()). */
bool stdin_secret_in_noise(const char *text, size_t length);
