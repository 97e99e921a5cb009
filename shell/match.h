/*
 * The walk over a typed line: the one way in which a line is understood, completed and helped with.
 *
 * All entries of a mode are followed at once. Each word narrows them down: a keyword typed in full wins, then
 * (letters in either case) one that the word is the start of and no other is, then a typed argument whose
 * check accepts the word. Hidden entries count only where no visible one fits.
 */
#pragma once

#include "shell/grammar.h"
#include "shell/line.h"

/* What a word was taken for; the last one first. */
struct taken {
    const struct taken *before;
    const struct step *step;
    const char *value;
    size_t word; /* its number in the line */
};

/* One way in which the words so far can be read. */
struct thread {
    const struct entry *entry;
    const struct step *step; /* the keyword, argument or end it waits for */
    uint64_t used;           /* the [..] it has been through */
    const struct taken *taken;
};

enum match_result {
    MATCH_DONE,
    MATCH_UNKNOWN,
    MATCH_AMBIGUOUS,
    MATCH_INCOMPLETE,
    MATCH_BAD_VALUE,
    MATCH_DENIED /* it is a command, for another role */
};

struct match {
    enum match_result result;
    const struct entry *entry; /* DONE, DENIED: which, and */
    const struct taken *taken; /* with what */
    const struct shell_mode *mode;
    size_t word;             /* otherwise: the first bad word; INCOMPLETE: the one behind the last */
    const char **candidates; /* AMBIGUOUS: sorted */
    size_t candidate_count;
    const char *argument; /* BAD_VALUE: its name, and */
    struct error err;     /* what is wrong with it */
};

struct walk {
    struct arena *arena;
    const struct line *line;
    enum shell_role role;
    const char *words; /* shell_program.words */
    bool *secret;      /* for each word of the line: does it hold a secret? */
    struct thread *threads;
    size_t count;
    size_t capacity;
};

/* Starts with all entries that the role may use. */
void walk_start(struct walk *walk, struct arena *arena, const struct line *line,
                const struct grammar_mode *mode, enum shell_role role);

/* Forgets the threads, and has room for new ones. */
void walk_make_room(struct walk *walk, size_t least);

/* Adds the keywords, arguments and ends that `from` can reach from that step of its entry without a word. */
void walk_reach(struct walk *walk, struct thread from, uint16_t number);

/* Takes the words from *word up to `stop`, as far as they fit; what did not is in *match. */
enum match_result walk_words(struct walk *walk, size_t *word, size_t stop, struct match *match);

/* The way that can end here, or NULL. */
const struct thread *walk_end(const struct walk *walk);

/*
 * Understands the words [from, stop) of a line in a mode, or in one of the modes it stands in (EXEC apart):
 * match->mode says which. secret: line->count flags, set for the words that hold a secret.
 */
void match_command(struct match *match, struct arena *arena, const struct grammar *grammar,
                   const struct shell_mode *mode, enum shell_role role, const struct line *line, size_t stop,
                   bool *secret);

/* The same for one modifier: the words between two bars. */
void match_modifier(struct match *match, struct arena *arena, const struct grammar *grammar,
                    const struct line *line, size_t from, size_t stop);

/* True if the thread only carries the help of a word. */
bool thread_is_help(const struct thread *thread);

/* False for hidden commands, and for threads that only carry help. */
bool thread_is_visible(const struct thread *thread);

/*
 * The help of a keyword that may follow: of an entry made for it, or of its command's words; of the command
 * whose leading keywords it ends; of the argument it announces; of the one command it leads to; of the
 * program's words; else "".
 */
const char *walk_keyword_help(const struct walk *walk, const char *word);
