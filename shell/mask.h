/* Lines without their secrets: for the history and the audit trail. */
#pragma once

#include "shell/match.h"

#define MASK_TEXT "****"

/*
 * The line with `****` for each word that `secret` flags. bad: the first word that was not understood, or
 * line->count if all were. Behind a word that was not understood nobody knows what is a secret: there, all
 * that stands behind a keyword (or something nearly like one: `pasword`) that leads to a secret is masked.
 */
const char *mask_line(struct arena *arena, const struct grammar *grammar, const struct line *line,
                      const bool *secret, size_t bad);

/* How the lines within a line are read. */
struct mask_place {
    struct arena *arena;
    const struct grammar *grammar;
    enum shell_role role;
    unsigned depth; /* lines around this one */
};

/*
 * Flags the secrets of lines within the line (`do do <command>`), which `match` took for an argument. bad,
 * and what it gives: as for mask_line().
 */
size_t mask_inside(const struct mask_place *place, const struct line *line, const struct match *match,
                   bool *secret, size_t bad);

/* Is the word this keyword, abbreviated or misspelt? */
bool mask_nearly(const char *word, const char *keyword);
