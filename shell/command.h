/*
 * A command as data: one constant entry says all there is to say of it. The libcli tree, completion, `?`,
 * argument checks, the caret, docs/commands.md and the man page come from these entries.
 *
 * Grammar of a command:
 *   word            a keyword; may be abbreviated while it is unique among its neighbours
 *   <type>          an argument of a registered type, fetched by the type's name
 *   <name:type>     the same under a name of its own
 *   {a b | c <d>}   one of these
 *   [a <b>]         may be left out; neighbouring [..] [..] may come in any order, each at most once
 * Example: "ncs certvalidation tofu-certs addcert host <host_port> [fingerprint <sha256>] [certfile <file>
 * repository <repository>]"
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct shell_call;
struct shell_session;

enum shell_role { SHELL_ROLE_USER, SHELL_ROLE_ADMIN };

/*
 * A mode of the shell. EXEC has no parent; `exit` leads to the parent, `end` to EXEC. A command of a mode
 * around this one (EXEC apart) is accepted too, and leaves this one.
 */
struct shell_mode {
    const char *prompt; /* "" in EXEC, "(config)", "(config-Repository)" */
    const struct shell_mode *parent;
};
extern const struct shell_mode shell_mode_exec;

/* Candidates for the word being typed. */
struct shell_words;
void shell_words_add(struct shell_words *words, const char *word, const char *help); /* both are copied */

/* What an argument may be. */
struct shell_type {
    const char *name; /* as in <name> */
    const char *help; /* for `?`, e.g. "Address or name and port, e.g. 10.1.1.1_443" */
    /* NULL: any word will do. Otherwise -1 with a sentence `... is not ...` */
    int (*check)(const char *word, struct error *err);
    /* Adds the words that exist and start with `prefix`; NULL: none are known. `context` is the program's. */
    void (*complete)(void *context, const char *prefix, struct shell_words *words);
    bool secret; /* masked in the history and the audit trail */
    /* Takes the rest of the line up to a bar, blanks and all: as typed, or unquoted if it is one word. */
    bool rest;
    bool line; /* with rest: it is an EXEC command line, and is completed as one (`do`) */
};

enum {
    SHELL_HIDDEN = 1 << 0,   /* accepted, but in no help, completion or reference */
    SHELL_CHANGES = 1 << 1,  /* changes something: it is for the audit trail */
    SHELL_ANYWHERE = 1 << 2, /* accepted in every mode, which it does not leave: exit, end, help, ... */
    SHELL_NEGATED = 1 << 3   /* set by the engine on the `no` form of an entry */
};

/* A check that was made, and what it shows is not as it should be: the exit status is 1, and nothing more is
 * said. */
#define SHELL_TROUBLE 2

/* 0: done. SHELL_TROUBLE. -1: failed, with *err. */
typedef int (*shell_handler)(struct shell_call *call, struct error *err);

struct shell_command {
    const char *grammar;
    const char *help;              /* one line, no full stop: shown beside its last keyword */
    shell_handler run;             /* NULL: the entry only gives a word of the tree its help */
    const struct shell_mode *mode; /* NULL: EXEC */
    enum shell_role role;          /* the least role that may run it */
    unsigned needs; /* bits with a meaning for the program: shell_program.require() checks them */
    unsigned flags;
    const char *manual; /* a paragraph for the reference, or NULL */
    /* NULL, or what may stand behind `no` ("hostname [<hostname>]"): a second form of this entry, with the
     * same handler, which asks shell_is_no(). */
    const char *no;
    const char *failed; /* a line behind the error when it fails, which scripts look for; or NULL */
    /* Help of keywords inside the command, "word: help" a line (SHELL_HELP); or NULL. What is not here has
     * the help of the argument that follows, or that of shell_program.words. */
    const char *words;
};

/* An entry that only gives a word of the tree its help: SHELL_WORD("show", "What there is to see"). */
#define SHELL_WORD(words, text)            \
    {                                      \
        .grammar = (words), .help = (text) \
    }

#define SHELL_HELP(word, text) word ": " text "\n"

/* The commands of one file. */
struct shell_branch {
    const struct shell_command *commands;
    size_t count;
};
#define SHELL_BRANCH(array)                         \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }
