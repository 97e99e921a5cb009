#include "shell/match.h"

#include <string.h>

bool thread_is_visible(const struct thread *thread)
{
    return !thread_is_help(thread) && (thread->entry->command->flags & SHELL_HIDDEN) == 0;
}

/* What "word: help" lines say of a word; NULL: nothing. */
static const char *help_in(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1)
        if (strncmp(at, word, length) == 0 && at[length] == ':')
            return at + length + 2;
    return NULL;
}

/* A line's copy, of what was found; "" for NULL. */
static const char *line_of(const struct walk *walk, const char *found)
{
    return found == NULL ? "" : arena_keep(walk->arena, found, strcspn(found, "\n"));
}

/* What the entries say of the word; the best first. */
struct said {
    const char *own;       /* of an entry made for it, or of a command's words */
    const char *last;      /* of the command whose leading keywords it ends */
    const char *announced; /* of the argument behind it */
    const char *leads;     /* of the one command that it leads to; "" if there are several */
};

static void ask_thread(const struct thread *thread, const char *word, struct said *said)
{
    const struct step *step = thread->step, *after = &thread->entry->steps[step->next];
    const struct shell_command *command = thread->entry->command;

    if (thread_is_help(thread) && after->kind == STEP_END)
        said->own = command->help;
    if (!thread_is_visible(thread))
        return;
    if (said->own == NULL)
        said->own = help_in(command->words, word);
    /* The lead's steps come first, a keyword and its way out each. */
    if (said->last == NULL && step == &thread->entry->steps[((size_t)thread->entry->lead - 1) * 2])
        said->last = command->help;
    if (step < &thread->entry->steps[(size_t)thread->entry->lead * 2] && said->leads != command->help)
        said->leads = said->leads == NULL ? command->help : "";
    if (said->announced == NULL && after->kind == STEP_ARGUMENT)
        said->announced = after->type->help;
}

const char *walk_keyword_help(const struct walk *walk, const char *word)
{
    struct said said = {.own = NULL};

    for (size_t i = 0; i < walk->count; i++)
        if (walk->threads[i].step->kind == STEP_KEYWORD && strcmp(walk->threads[i].step->word, word) == 0)
            ask_thread(&walk->threads[i], word, &said);
    if (said.own != NULL)
        return line_of(walk, said.own);
    if (said.last != NULL)
        return said.last;
    if (said.announced != NULL)
        return said.announced;
    if (said.leads != NULL && *said.leads != '\0')
        return said.leads;
    return line_of(walk, help_in(walk->words, word));
}
