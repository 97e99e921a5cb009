/* What the arguments of the commands may be, a file a branch of the tree. */
#pragma once

#include "commands/context.h"

#define COMPLETIONS_MAX 200 /* words offered at most */

#define TYPES(name)                                \
    extern const struct shell_type name##_types[]; \
    extern const size_t name##_type_count;
TYPES(common)
TYPES(key)
TYPES(config)
TYPES(trust)
TYPES(purpose)
TYPES(file)
TYPES(ha)
TYPES(server)
TYPES(network)
#undef TYPES

/* A number of digits alone. ERROR_INVALID_ARGUMENT. */
int types_check_number(const char *word, long least, long most, struct error *err);

/* Repositories that the running configuration names. */
void types_complete_configured_repository(void *context, const char *prefix, struct shell_words *words);
