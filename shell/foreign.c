#include "shell/foreign.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#define ABBREVIATION_LEAST 2 /* letters */

/* Is the typed word this one, abbreviated or not? `pattern` may hold the wildcards of fnmatch(3). */
static bool is_word(const char *typed, const char *pattern, size_t length)
{
    char copy[64];
    size_t typed_length = strlen(typed);

    if (memchr(pattern, '*', length) == NULL)
        return typed_length >= ABBREVIATION_LEAST && typed_length <= length &&
               strncasecmp(typed, pattern, typed_length) == 0;
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, pattern, length);
    copy[length] = '\0';
    return fnmatch(copy, typed, 0) == 0;
}

/* How many words the pattern has, if the line starts with them; else 0. */
static size_t starts_with(const struct line *line, const char *pattern)
{
    size_t count = 0, stop = line_bar(line, 0);

    for (const char *at = pattern; *at != '\0'; count++) {
        size_t length = strcspn(at, " ");

        if (count == stop || !is_word(line->words[count].text, at, length))
            return 0;
        at += length + strspn(at + length, " ");
    }
    return count;
}

const char *foreign_hint(const struct shell_program *program, const struct line *line,
                         const struct match *match)
{
    for (size_t i = 0; i < program->foreign_count; i++) {
        size_t count = starts_with(line, program->foreign[i].words);

        /* What is wrong has to be among these words, or missing right behind them. */
        if (match->word < count || (count > 0 && match->result == MATCH_INCOMPLETE && match->word == count))
            return program->foreign[i].hint;
    }
    return NULL;
}
