/* What may follow: for TAB and for `?`. Nothing is ever run. */
#pragma once

#include "shell/complain.h"
#include "shell/match.h"
#include "shell/words.h"

/* Where a line is being typed. */
struct complete_place {
    const struct grammar *grammar;
    const struct shell_mode *mode;
    enum shell_role role;
};

/* TAB: the words that the one that ends at `cursor` may become; *typed: bytes of it that are typed. */
void complete_words(const struct complete_place *place, const char *text, size_t cursor,
                    struct shell_words *words, size_t *typed);

/*
 * `?`: lines "  word  help", then the arguments as <name>, then `|` and `<cr>` where the command may end; or
 * the caret line and the message where the line is not understood, the line standing on the screen as `caret`
 * says. The caller frees.
 */
char *complete_help(const struct complete_place *place, const char *text, size_t cursor, struct caret caret);
