/* A pattern as typed behind `|`: POSIX extended regular expression, or plain text where it is no more. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pattern;

/* `words` are joined by a blank. ERROR_INVALID_ARGUMENT with what is wrong, ERROR_INTERNAL. */
struct pattern *pattern_new(const char *const *words, size_t count, struct error *err);
void pattern_free(struct pattern *pattern);

/* `line` without its end; it need not be NUL-terminated and may hold NULs. */
bool pattern_matches(const struct pattern *pattern, const char *line, size_t length);
