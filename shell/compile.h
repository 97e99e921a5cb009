/* One grammar string becomes the steps of an entry. */
#pragma once

#include "shell/grammar.h"

/* Finds a type by name; NULL if there is none. */
typedef const struct shell_type *(*type_lookup)(const struct shell_program *program, const char *name,
                                                size_t length);

/* Fills the entry (command, steps, path). ERROR_INTERNAL. */
int compile_entry(struct arena *arena, const struct shell_program *program, type_lookup lookup,
                  const struct shell_command *command, struct entry *entry, struct error *err);
