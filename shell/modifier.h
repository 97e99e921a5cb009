/* What may stand behind `|`: include, exclude, begin, end, section, count, last, more, save. (json is a form,
 * not a filter.) */
#pragma once

#include "shell/sink.h"

struct modifier_kind {
    const char *name;
    const char
        *grammar; /* of its arguments: "<pattern>", "[<count>]", "<file> repository <repository>", "" */
    const char *help;
    /* A sink in front of `next` (taken over on success). ERROR_INVALID_ARGUMENT: a bad pattern or number. */
    struct sink *(*make)(const char *const *arguments, size_t count, struct sink *next, struct error *err);
};

/* All of them that need nothing but their arguments; `save` and `more` are the session's. */
extern const struct modifier_kind modifier_kinds[];
extern const size_t modifier_kind_count;
