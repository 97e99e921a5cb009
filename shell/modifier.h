/* What may stand behind `|`: include, exclude, begin, end, section, count, last, more, save. (json is a form,
 * not a filter.) */
#pragma once

#include "shell/sink.h"

struct modifier_kind {
    const char *name;
    const char
        *grammar; /* of its arguments: "<pattern>", "[<count>]", "<file> repository <repository>", "" */
    const char *help;
    /* A sink in front of `next` (taken over on success). Several words of a pattern are joined by a blank.
     * ERROR_INVALID_ARGUMENT: a bad pattern or number; ERROR_INTERNAL: no memory. */
    struct sink *(*make)(const char *const *arguments, size_t count, struct sink *next, struct error *err);
};

/*
 * All of them that need nothing but their arguments; `save` and `more` are the session's. Patterns are POSIX
 * extended regular expressions (POSIX.1-2017 section 9.4), up to MODIFIER_PATTERN_MOST bytes.
 *
 *   include, exclude   the lines that match, or do not
 *   begin, end         from the first match on; up to the first match; the match included
 *   section            the lines that match, each with the deeper indented lines below it; in a listing of
 *                      paragraphs (empty lines, no indentation) the rest of the paragraph
 *   count              one line, `Count: N lines`
 *   last               the last 10, or N, lines
 */
extern const struct modifier_kind modifier_kinds[];
extern const size_t modifier_kind_count;

#define MODIFIER_PATTERN_MOST 512    /* bytes */
#define MODIFIER_LAST_DEFAULT 10     /* lines */
#define MODIFIER_LAST_MOST 1000000UL /* lines */
