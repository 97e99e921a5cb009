/* The modifiers that have a file of their own, for the table in modifier.c. */
#pragma once

#include "shell/modifier.h"

struct sink *modifier_section(const char *const *arguments, size_t count, struct sink *next,
                              struct error *err);
struct sink *modifier_count(const char *const *arguments, size_t count, struct sink *next, struct error *err);
struct sink *modifier_last(const char *const *arguments, size_t count, struct sink *next, struct error *err);
