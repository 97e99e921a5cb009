/*
 * The grammar strings of a program, compiled once. Each entry becomes a small graph of steps; the walk
 * (match.h) follows all entries of a mode side by side, so that nothing has to be merged at start-up: the
 * cost is one pass over the strings.
 */
#pragma once

#include "shell/arena.h"
#include "shell/session.h"

#include <stdint.h>

enum step_kind {
    STEP_KEYWORD,
    STEP_ARGUMENT,
    STEP_SPLIT,  /* goes on at `next` and at `other` */
    STEP_OPTION, /* goes on at `other`, and, once only, at `next` */
    STEP_END
};

#define STEP_MOST 512  /* steps of one entry */
#define OPTION_MOST 64 /* [..] of one entry: bits of a word */

struct step {
    uint8_t kind;
    uint8_t option; /* STEP_OPTION: its bit's number */
    uint16_t next;
    uint16_t other;
    const char *word; /* the keyword, or the argument's name */
    const struct shell_type *type;
};

struct entry {
    const struct shell_command *command;
    struct step *steps;
    uint16_t count;
    uint16_t start;
    uint16_t lead;    /* how many keywords it starts with */
    const char *path; /* those keywords, parted by one blank */
};

/* The entries of one mode; those that are accepted anywhere stand in each. */
struct grammar_mode {
    const struct shell_mode *mode;
    struct entry **entries;
    size_t count;
    size_t capacity;
};

struct grammar {
    struct arena arena;
    const struct shell_program *program;
    struct entry *entries;
    size_t count;
    struct grammar_mode *modes; /* [0] is EXEC */
    size_t mode_count;
    struct grammar_mode modifiers; /* what may stand behind a bar */
};

/* ERROR_INTERNAL, with the entry and what is wrong with it. */
int grammar_compile(struct grammar *grammar, const struct shell_program *program, struct error *err);
void grammar_free(struct grammar *grammar);

/* NULL for a mode that no command names. */
const struct grammar_mode *grammar_mode_of(const struct grammar *grammar, const struct shell_mode *mode);

/* The names of the modifiers that are not filters. */
#define MODIFIER_JSON "json"
#define MODIFIER_MORE "more"
#define MODIFIER_SAVE "save"
