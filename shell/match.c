#include "shell/match.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define THREADS_MOST 65536 /* a table that needs more is no grammar; keeps a walk's memory bounded */

bool thread_is_help(const struct thread *thread)
{
    return thread->entry->command->run == NULL;
}

static bool is_hidden(const struct thread *thread)
{
    return (thread->entry->command->flags & SHELL_HIDDEN) != 0;
}

static bool known(const struct thread *threads, size_t count, const struct thread *thread)
{
    for (size_t i = count; i > 0 && threads[i - 1].entry == thread->entry; i--)
        if (threads[i - 1].step == thread->step && threads[i - 1].used == thread->used)
            return true;
    return false;
}

void walk_reach(struct walk *walk, struct thread from, uint16_t number)
{
    const struct step *step = &from.entry->steps[number];

    switch ((enum step_kind)step->kind) {
    case STEP_SPLIT:
        walk_reach(walk, from, step->next);
        if (step->other != UINT16_MAX)
            walk_reach(walk, from, step->other);
        return;
    case STEP_OPTION:
        if ((from.used & (uint64_t)1 << step->option) == 0) {
            struct thread inside = from;
            inside.used |= (uint64_t)1 << step->option;
            walk_reach(walk, inside, step->next);
        }
        walk_reach(walk, from, step->other);
        return;
    case STEP_KEYWORD:
    case STEP_ARGUMENT:
    case STEP_END:
        break;
    }
    from.step = step;
    if (walk->count == THREADS_MOST || known(walk->threads, walk->count, &from))
        return;
    if (walk->count == walk->capacity) {
        struct thread *more = arena_get(walk->arena, walk->capacity * 2 * sizeof(*more));
        memcpy(more, walk->threads, walk->count * sizeof(*more));
        walk->threads = more;
        walk->capacity *= 2;
    }
    walk->threads[walk->count++] = from;
}

#define THREADS_ROOM 64

void walk_make_room(struct walk *walk, size_t least)
{
    walk->capacity = least > THREADS_ROOM ? least : THREADS_ROOM;
    walk->threads = arena_get(walk->arena, walk->capacity * sizeof(*walk->threads));
    walk->count = 0;
}

void walk_start(struct walk *walk, struct arena *arena, const struct line *line,
                const struct grammar_mode *mode, enum shell_role role)
{
    *walk = (struct walk){.arena = arena, .line = line, .role = role};
    walk->secret = arena_get(arena, line->count + 1);
    walk_make_room(walk, mode != NULL ? mode->count : 0);
    for (size_t i = 0; mode != NULL && i < mode->count; i++) {
        const struct entry *entry = mode->entries[i];
        if (entry->command->role <= role)
            walk_reach(walk, (struct thread){.entry = entry}, entry->start);
    }
}

const struct thread *walk_end(const struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        if (walk->threads[i].step->kind == STEP_END && !thread_is_help(&walk->threads[i]))
            return &walk->threads[i];
    return NULL;
}

enum grade { GRADE_NONE, GRADE_START, GRADE_FOLDED, GRADE_EXACT };

static enum grade grade_of(const char *typed, size_t length, const char *keyword)
{
    if (length == 0 || strncasecmp(typed, keyword, length) != 0)
        return GRADE_NONE;
    if (keyword[length] != '\0')
        return GRADE_START;
    return strcmp(typed, keyword) == 0 ? GRADE_EXACT : GRADE_FOLDED;
}

/* The keywords that a word may stand for: those of the best grade, visible ones first. */
struct choice {
    enum grade grade;
    bool hidden;
    const char **words;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void choice_add(struct choice *choice, const char *word)
{
    for (size_t i = 0; i < choice->count; i++)
        if (strcmp(choice->words[i], word) == 0)
            return;
    choice->words[choice->count++] = word;
}

static void choose_keywords(const struct walk *walk, const struct line_word *word, struct choice *choice)
{
    size_t length = strlen(word->text);

    *choice = (struct choice){.grade = GRADE_NONE};
    if (word->quoted)
        return;
    for (size_t i = 0; i < walk->count; i++) {
        const struct thread *thread = &walk->threads[i];
        enum grade grade;

        if (thread->step->kind != STEP_KEYWORD || thread_is_help(thread))
            continue;
        grade = grade_of(word->text, length, thread->step->word);
        if (grade == GRADE_NONE || grade < choice->grade)
            continue;
        if (choice->words == NULL)
            choice->words = arena_get(walk->arena, walk->count * sizeof(*choice->words));
        if (grade > choice->grade || (choice->hidden && !is_hidden(thread))) {
            choice->count = 0;
            choice->hidden = is_hidden(thread);
        }
        choice->grade = grade;
        if (choice->hidden == is_hidden(thread) || grade == GRADE_EXACT)
            choice_add(choice, thread->step->word);
    }
    if (choice->count > 1)
        qsort(choice->words, choice->count, sizeof(*choice->words), by_name);
}

/* The words [at, stop) as one value, as typed. */
static const char *rest_of(const struct walk *walk, size_t at, size_t stop)
{
    const struct line_word *first = &walk->line->words[at], *last = &walk->line->words[stop - 1];

    if (stop - at == 1)
        return first->text;
    return arena_keep(walk->arena, walk->line->text + first->start, last->end - first->start);
}

/* Checks the word as a value, each type once; the first fault is kept. */
struct verdicts {
    const struct shell_type *types[32];
    bool good[32];
    size_t count;
    bool rest;
};

static bool verdict(const struct verdicts *verdicts, const struct shell_type *type)
{
    for (size_t i = 0; i < verdicts->count; i++)
        if (verdicts->types[i] == type)
            return verdicts->good[i] && type->rest == verdicts->rest;
    return false;
}

/* The sentence must not tell what the session masks everywhere else. */
static void hide_value(struct match *match, const struct shell_type *type, const char *value)
{
    if (type->secret && *value != '\0' &&
        (strstr(match->err.message, value) != NULL || strstr(match->err.hint, value) != NULL))
        error_set(&match->err, ERROR_INVALID_ARGUMENT, "it cannot be taken");
}

static bool check_values(const struct walk *walk, size_t at, size_t stop, struct verdicts *verdicts,
                         struct match *match)
{
    bool any = false;

    verdicts->count = 0;
    verdicts->rest = true;
    match->argument = NULL;
    for (size_t i = 0; i < walk->count; i++) {
        const struct step *step = walk->threads[i].step;
        const char *value;
        struct error err = {0};
        size_t number;

        if (step->kind != STEP_ARGUMENT || thread_is_help(&walk->threads[i]))
            continue;
        for (number = 0; number < verdicts->count && verdicts->types[number] != step->type; number++)
            ;
        if (number < verdicts->count || number == sizeof(verdicts->good))
            continue;
        value = step->type->rest ? rest_of(walk, at, stop) : walk->line->words[at].text;
        verdicts->types[number] = step->type;
        verdicts->good[number] = step->type->check == NULL || step->type->check(value, &err) == 0;
        verdicts->count++;
        any = any || verdicts->good[number];
        if (verdicts->good[number] && !step->type->rest)
            verdicts->rest = false;
        if (!verdicts->good[number] && match->argument == NULL) {
            match->argument = step->word;
            match->err = err;
            hide_value(match, step->type, value);
        }
        if (step->type->secret)
            memset(walk->secret + at, 1, (step->type->rest ? stop : at + 1) - at);
    }
    return any;
}

/* Moves on every thread that waits for what the word was found to be. */
static void advance(struct walk *walk, size_t at, const char *keyword, const struct verdicts *verdicts,
                    size_t stop)
{
    struct thread *before = walk->threads;
    size_t count = walk->count;

    walk_make_room(walk, count);
    for (size_t i = 0; i < count; i++) {
        const struct step *step = before[i].step;
        struct thread next = before[i];
        struct taken *taken;
        const char *value = walk->line->words[at].text;

        if (keyword != NULL) {
            if (step->kind != STEP_KEYWORD || strcmp(step->word, keyword) != 0)
                continue;
        } else {
            if (step->kind != STEP_ARGUMENT || !verdict(verdicts, step->type))
                continue;
            if (step->type->rest)
                value = rest_of(walk, at, stop);
        }
        taken = arena_get(walk->arena, sizeof(*taken));
        *taken = (struct taken){before[i].taken, step, value, at};
        next.taken = taken;
        walk_reach(walk, next, step->next);
    }
}

static enum match_result take_word(struct walk *walk, size_t *at, size_t stop, struct match *match)
{
    struct choice choice;
    struct verdicts verdicts = {.rest = false};

    choose_keywords(walk, &walk->line->words[*at], &choice);
    match->word = *at;
    if (choice.count == 1) {
        advance(walk, *at, choice.words[0], &verdicts, stop);
        (*at)++;
        return MATCH_DONE;
    }
    if (check_values(walk, *at, stop, &verdicts, match)) {
        advance(walk, *at, NULL, &verdicts, stop);
        *at = verdicts.rest ? stop : *at + 1;
        return MATCH_DONE;
    }
    if (choice.count > 1) {
        match->candidates = choice.words;
        match->candidate_count = choice.count;
        return MATCH_AMBIGUOUS;
    }
    return match->argument != NULL ? MATCH_BAD_VALUE : MATCH_UNKNOWN;
}

enum match_result walk_words(struct walk *walk, size_t *word, size_t stop, struct match *match)
{
    while (*word < stop) {
        enum match_result result = take_word(walk, word, stop, match);
        if (result != MATCH_DONE)
            return result;
    }
    match->word = stop;
    return MATCH_DONE;
}

static void match_in(struct match *match, struct walk *walk, size_t from, size_t stop)
{
    const struct thread *end;

    match->result = walk_words(walk, &from, stop, match);
    if (match->result != MATCH_DONE)
        return;
    end = walk_end(walk);
    if (end == NULL) {
        match->result = MATCH_INCOMPLETE;
        return;
    }
    match->entry = end->entry;
    match->taken = end->taken;
}

/* In the mode itself, then in those around it. EXEC is not one of them: that is what `do` is for. */
static void match_upwards(struct match *match, struct arena *arena, const struct grammar *grammar,
                          const struct shell_mode *mode, enum shell_role role, const struct line *line,
                          size_t stop, bool *secret)
{
    for (const struct shell_mode *at = mode; at == mode || (at != NULL && at->parent != NULL);
         at = at->parent) {
        struct walk walk;
        struct match one = {.mode = at};

        walk_start(&walk, arena, line, grammar_mode_of(grammar, at), role);
        match_in(&one, &walk, 0, stop);
        for (size_t i = 0; i < line->count; i++)
            secret[i] = secret[i] || walk.secret[i];
        if (at == mode || one.result == MATCH_DONE || one.word > match->word)
            *match = one;
        if (one.result == MATCH_DONE || one.result == MATCH_AMBIGUOUS)
            return;
    }
}

void match_command(struct match *match, struct arena *arena, const struct grammar *grammar,
                   const struct shell_mode *mode, enum shell_role role, const struct line *line, size_t stop,
                   bool *secret)
{
    match_upwards(match, arena, grammar, mode, role, line, stop, secret);
    if (match->result != MATCH_DONE && role != SHELL_ROLE_ADMIN) {
        struct match other;
        match_upwards(&other, arena, grammar, mode, SHELL_ROLE_ADMIN, line, stop, secret);
        if (other.result == MATCH_DONE) {
            *match = other;
            match->result = MATCH_DENIED;
        }
    }
}

void match_modifier(struct match *match, struct arena *arena, const struct grammar *grammar,
                    const struct line *line, size_t from, size_t stop)
{
    struct walk walk;

    *match = (struct match){.mode = NULL};
    walk_start(&walk, arena, line, &grammar->modifiers, SHELL_ROLE_ADMIN);
    match_in(match, &walk, from, stop);
}
