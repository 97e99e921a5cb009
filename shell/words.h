/* Candidates for the word being typed, with their help. Between the grammar, the types and the editor. */
#pragma once

#include "shell/command.h"

struct shell_word {
    char *word;
    char *help;
};

struct shell_words {
    struct shell_word *items;
    size_t count;
    size_t capacity;
    bool may_end; /* the command may end here: `<cr>` */
};

void shell_words_free(struct shell_words *words);

/* Sorts and drops doubles. */
void shell_words_sort(struct shell_words *words);
