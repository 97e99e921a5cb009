#include "shell/match.h"

#include <string.h>

bool thread_is_visible(const struct thread *thread)
{
    return !thread_is_help(thread) && (thread->entry->command->flags & SHELL_HIDDEN) == 0;
}

const char *walk_keyword_help(const struct walk *walk, const char *word)
{
    const char *last = NULL, *announced = NULL, *only = NULL;
    size_t commands = 0;

    for (size_t i = 0; i < walk->count; i++) {
        const struct thread *thread = &walk->threads[i];
        const struct step *step = thread->step, *after;

        if (step->kind != STEP_KEYWORD || strcmp(step->word, word) != 0)
            continue;
        after = &thread->entry->steps[step->next];
        if (thread_is_help(thread)) {
            if (after->kind == STEP_END)
                return thread->entry->command->help;
            continue;
        }
        if (!thread_is_visible(thread))
            continue;
        /* The lead's steps come first, a keyword and its way out each. */
        if (step == &thread->entry->steps[((size_t)thread->entry->lead - 1) * 2] && last == NULL)
            last = thread->entry->command->help;
        if (after->kind == STEP_ARGUMENT && announced == NULL)
            announced = after->type->help;
        if (commands == 0 || only != thread->entry->command->help)
            commands++;
        only = thread->entry->command->help;
    }
    if (last != NULL)
        return last;
    if (announced != NULL)
        return announced;
    return commands == 1 ? only : "";
}
