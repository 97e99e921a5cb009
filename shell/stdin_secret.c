#include "shell/stdin_secret.h"

#include "shell/mask.h"

#include <string.h>
#include <strings.h>

#define KEYWORD_END "-stdin" /* of all keywords that say so */

static bool says_so(const char *keyword)
{
    size_t length = strlen(keyword), end = strlen(KEYWORD_END);

    return length > end && strcmp(keyword + length - end, KEYWORD_END) == 0;
}

/* Such a keyword, abbreviated or misspelt; no other keyword as it stands. */
static bool resembles(const struct grammar *grammar, const char *word)
{
    bool found = false;

    for (size_t e = 0; e < grammar->count; e++) {
        const struct entry *entry = &grammar->entries[e];

        for (size_t s = 0; s < entry->count; s++) {
            const struct step *step = &entry->steps[s];

            if (step->kind != STEP_KEYWORD)
                continue;
            if (says_so(step->word))
                found = found || mask_nearly(word, step->word);
            else if (strcasecmp(word, step->word) == 0)
                return false;
        }
    }
    return found;
}

bool stdin_secret_follows(const struct grammar *grammar, const struct line *line, const struct match *match,
                          bool *sure)
{
    bool understood = match->entry != NULL;
    size_t stop = line_bar(line, 0);

    *sure = false;
    for (const struct taken *taken = understood ? match->taken : NULL; taken != NULL; taken = taken->before) {
        if (taken->step->kind == STEP_KEYWORD && says_so(taken->step->word))
            *sure = true;
        if (taken->step->kind == STEP_ARGUMENT && taken->step->type->line)
            understood = false; /* a line within the line */
    }
    for (size_t i = 0; i < stop && !*sure && !understood; i++)
        if (!line->words[i].quoted && resembles(grammar, line->words[i].text))
            return true;
    return *sure;
}

bool stdin_secret_in_noise(const char *text, size_t length)
{
    return memmem(text, length, KEYWORD_END, strlen(KEYWORD_END)) != NULL;
}
