#include "shell/complete.h"

#include "shell/cells.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUES_IN_HELP_MOST 24 /* more values than these are for TAB, not for `?` */

/* The line up to the cursor: the words that are finished have been walked, `prefix` is being typed. */
struct typing {
    struct arena arena;
    struct line line;
    struct walk walk;
    struct match match;
    enum match_result result;
    bool in_modifier;
    const char *prefix;
    bool quoted;
    size_t typed;  /* bytes of the prefix as it stands in the line */
    size_t nested; /* bytes of the line in front of a command line that is an argument (`do`) */
};

/* An argument that is itself a command line begins at the word to come. */
static const struct shell_type *line_type(const struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct step *step = walk->threads[i].step;
        if (step->kind == STEP_ARGUMENT && step->type->line)
            return step->type;
    }
    return NULL;
}

/* A value that may hold blanks, and is known, begins at the word to come. */
static const struct shell_type *blank_type(const struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct step *step = walk->threads[i].step;
        if (step->kind == STEP_ARGUMENT && step->type->rest && step->type->complete != NULL)
            return step->type;
    }
    return NULL;
}

static bool any_starts(const struct shell_type *type, void *context, const char *prefix)
{
    struct shell_words values = {0};
    bool found = false;

    type->complete(context, prefix, &values);
    for (size_t i = 0; i < values.count && !found; i++)
        found = strncmp(values.items[i].word, prefix, strlen(prefix)) == 0;
    shell_words_free(&values);
    return found;
}

/* If what was typed from word number `at` on is the start of such a value, it is all one prefix. */
static bool take_blanks(struct typing *typing, void *context, size_t at)
{
    const struct shell_type *type = blank_type(&typing->walk);
    const struct line_word *word = &typing->line.words[at];
    size_t length = typing->line.length - word->start, whole = typing->line.words[typing->line.count - 1].end;
    struct error err = {0};
    const char *value;

    if (type == NULL || word->quoted || line_bar(&typing->line, at) < typing->line.count)
        return false;
    value = arena_keep(&typing->arena, typing->line.text + word->start, whole - word->start);
    if (whole < typing->line.length && (type->check == NULL || type->check(value, &err) == 0))
        return false;
    value = arena_keep(&typing->arena, typing->line.text + word->start, length);
    if (!any_starts(type, context, value))
        return false;
    typing->prefix = value;
    typing->typed = length;
    typing->quoted = false;
    return true;
}

static void walk_mode(struct typing *typing, const struct complete_place *place,
                      const struct shell_mode *mode, size_t from, size_t stop)
{
    const struct grammar_mode *entries =
        typing->in_modifier ? &place->grammar->modifiers : grammar_mode_of(place->grammar, mode);
    size_t at = from;

    typing->nested = 0;
    typing->match = (struct match){.mode = mode};
    walk_start(&typing->walk, &typing->arena, &typing->line, entries, place->role);
    typing->walk.words = place->grammar->program->words;
    while (at < stop) {
        /* Word by word, so that a command line among the arguments is noticed before it is swallowed. */
        if (!typing->in_modifier && line_type(&typing->walk) != NULL) {
            typing->nested = typing->line.words[at].start;
            typing->result = MATCH_DONE;
            return;
        }
        if (take_blanks(typing, place->grammar->program->context, at))
            break;
        typing->result =
            walk_words(&typing->walk, &at, blank_type(&typing->walk) != NULL ? stop : at + 1, &typing->match);
        if (typing->result != MATCH_DONE)
            return;
    }
    typing->result = MATCH_DONE;
}

static bool offers(const struct typing *typing)
{
    size_t length = strlen(typing->prefix);

    if (typing->result != MATCH_DONE)
        return false;
    for (size_t i = 0; i < typing->walk.count; i++) {
        const struct step *step = typing->walk.threads[i].step;
        if (step->kind != STEP_KEYWORD || strncasecmp(step->word, typing->prefix, length) == 0)
            return true;
    }
    return typing->nested > 0;
}

/* Splits the line and walks it as far as it is finished. False: it cannot be split. */
static bool read_typing(struct typing *typing, const struct complete_place *place, const char *text,
                        size_t cursor)
{
    struct error err = {0};
    size_t bad, from = 0, stop;
    const struct shell_mode *mode = place->mode;

    *typing = (struct typing){.prefix = "", .result = MATCH_UNKNOWN};
    if (line_check(text, cursor, &err) != 0 ||
        line_split(&typing->line, &typing->arena, text, cursor, true, &bad, &err) != 0)
        return false;
    stop = typing->line.count;
    if (stop > 0 && typing->line.words[stop - 1].end == cursor && !typing->line.words[stop - 1].bar) {
        const struct line_word *word = &typing->line.words[--stop];
        typing->prefix = word->text;
        typing->quoted = word->quoted;
        typing->typed = word->end - word->start;
    }
    for (size_t bar = line_bar(&typing->line, 0); bar < stop; bar = line_bar(&typing->line, bar + 1)) {
        typing->in_modifier = true;
        from = bar + 1;
    }
    walk_mode(typing, place, mode, from, stop);
    /* What the mode itself does not know may be known around it. */
    while (!typing->in_modifier && !offers(typing) && mode->parent != NULL && mode->parent->parent != NULL) {
        struct typing before = *typing;
        mode = mode->parent;
        walk_mode(typing, place, mode, from, stop);
        if (!offers(typing) && typing->match.word <= before.match.word) {
            struct arena arena = typing->arena;
            *typing = before;
            typing->arena = arena;
            break;
        }
    }
    return true;
}

static void add_keywords(const struct typing *typing, struct shell_words *words)
{
    size_t length = strlen(typing->prefix);

    for (size_t i = 0; i < typing->walk.count && !typing->quoted; i++) {
        const struct thread *thread = &typing->walk.threads[i];
        if (thread_is_visible(thread) && thread->step->kind == STEP_KEYWORD &&
            strncasecmp(thread->step->word, typing->prefix, length) == 0)
            shell_words_add(words, thread->step->word, walk_keyword_help(&typing->walk, thread->step->word));
    }
}

/* A value as it has to be typed: in quotes if it would otherwise not be one word and has to be. */
static void add_value(struct shell_words *words, const struct shell_word *value, bool quoted, bool rest)
{
    struct text text = {0};
    const char *at = value->word;

    if (!quoted && *at != '\0' && *at != '"' && *at != '\'' && strpbrk(at, rest ? "|" : " \t|") == NULL) {
        shell_words_add(words, at, value->help);
        return;
    }
    text_add_string(&text, "\"");
    for (; *at != '\0'; at++) {
        if (*at == '"' || (*at == '\\' && (at[1] == '\\' || at[1] == '"' || at[1] == '\0')))
            text_add_string(&text, "\\");
        text_add(&text, at, 1);
    }
    text_add_string(&text, "\"");
    if (text.failed)
        abort();
    shell_words_add(words, text.data, value->help);
    text_free(&text);
}

/* The values that exist, of each argument that may stand here. */
static void add_values(const struct typing *typing, void *context, struct shell_words *words)
{
    size_t length = strlen(typing->prefix);
    const struct shell_type *done = NULL;

    for (size_t i = 0; i < typing->walk.count; i++) {
        const struct thread *thread = &typing->walk.threads[i];
        const struct shell_type *type = thread->step->type;
        struct shell_words values = {0};

        if (thread->step->kind != STEP_ARGUMENT || !thread_is_visible(thread) || type == done ||
            type->complete == NULL || type->secret)
            continue;
        done = type;
        type->complete(context, typing->prefix, &values);
        for (size_t v = 0; v < values.count; v++)
            if (strncmp(values.items[v].word, typing->prefix, length) == 0 &&
                text_is_printable(values.items[v].word, strlen(values.items[v].word)))
                add_value(words, &values.items[v], typing->quoted, type->rest);
        shell_words_free(&values);
    }
}

void complete_words(const struct complete_place *place, const char *text, size_t cursor,
                    struct shell_words *words, size_t *typed)
{
    struct typing typing;

    *typed = 0;
    if (!read_typing(&typing, place, text, cursor)) {
        arena_wipe(&typing.arena);
        return;
    }
    if (typing.nested > 0) {
        struct complete_place exec = {place->grammar, &shell_mode_exec, place->role};
        complete_words(&exec, text + typing.nested, cursor - typing.nested, words, typed);
    } else if (typing.result == MATCH_DONE) {
        *typed = typing.typed;
        if (line_type(&typing.walk) != NULL && !typing.in_modifier) {
            struct complete_place exec = {place->grammar, &shell_mode_exec, place->role};
            complete_words(&exec, text + cursor - typing.typed, typing.typed, words, typed);
        } else {
            add_keywords(&typing, words);
            add_values(&typing, place->grammar->program->context, words);
        }
        words->may_end = typing.typed == 0 && walk_end(&typing.walk) != NULL;
        shell_words_sort(words);
    }
    arena_wipe(&typing.arena);
}

static void add_line(struct text *out, const char *word, size_t width, const char *help)
{
    size_t cells = cells_of(word, strlen(word));

    text_format(out, "  %s", word);
    if (help != NULL && *help != '\0')
        text_format(out, "%*s%s", (int)(width > cells ? width - cells + 2 : 2), "", help);
    text_add_string(out, "\n");
}

#define HELP_WORD_CELLS 16 /* at least so wide is the column of the words */
#define HELP_WORD_MOST 32  /* longer words do not make it wider */

static void widen(size_t *width, const char *word, size_t more)
{
    size_t cells = cells_of(word, strlen(word)) + more;

    if (cells > *width && cells <= HELP_WORD_MOST)
        *width = cells;
}

/* The arguments, each name once, with the values known if they are few. */
static void add_argument_lines(struct text *out, const struct typing *typing, void *context, size_t width)
{
    const char *before = NULL;

    for (size_t i = 0; i < typing->walk.count; i++) {
        const struct thread *thread = &typing->walk.threads[i];
        char name[64];

        if (thread->step->kind != STEP_ARGUMENT || !thread_is_visible(thread) ||
            (before != NULL && strcmp(before, thread->step->word) == 0))
            continue;
        before = thread->step->word;
        snprintf(name, sizeof(name), "<%s>", before);
        add_line(out, name, width, thread->step->type->help);
    }
    if (before != NULL) {
        struct shell_words values = {0};
        add_values(typing, context, &values);
        shell_words_sort(&values);
        for (size_t v = 0; values.count <= VALUES_IN_HELP_MOST && v < values.count; v++) {
            text_add_string(out, "  ");
            add_line(out, values.items[v].word, width > 2 ? width - 2 : 0, values.items[v].help);
        }
        shell_words_free(&values);
    }
}

static void help_of(struct text *out, const struct typing *typing, void *context)
{
    struct shell_words words = {0};
    size_t width = HELP_WORD_CELLS;

    add_keywords(typing, &words);
    shell_words_sort(&words);
    for (size_t i = 0; i < words.count; i++)
        widen(&width, words.items[i].word, 0);
    for (size_t i = 0; i < typing->walk.count; i++)
        if (typing->walk.threads[i].step->kind == STEP_ARGUMENT)
            widen(&width, typing->walk.threads[i].step->word, 2);
    for (size_t i = 0; i < words.count; i++)
        add_line(out, words.items[i].word, width, words.items[i].help);
    shell_words_free(&words);
    add_argument_lines(out, typing, context, width);
    if (typing->typed == 0 && walk_end(&typing->walk) != NULL) {
        add_line(out, "|", width, "Output modifiers");
        text_add_string(out, "  <cr>\n");
    }
}

char *complete_help(const struct complete_place *place, const char *text, size_t cursor, struct caret caret)
{
    struct typing typing;
    struct text out = {0};
    bool readable = read_typing(&typing, place, text, cursor);
    struct complete_place exec = {place->grammar, &shell_mode_exec, place->role};

    if (readable && typing.nested > 0) {
        text_free(&out);
        caret.indent += complain_cells(text, typing.nested, caret);
        out.data = complete_help(&exec, text + typing.nested, cursor - typing.nested, caret);
        arena_wipe(&typing.arena);
        return out.data;
    }
    if (readable && typing.result == MATCH_DONE) {
        if (line_type(&typing.walk) != NULL && !typing.in_modifier) {
            char *inner;

            caret.indent += complain_cells(text, cursor - typing.typed, caret);
            inner = complete_help(&exec, text + cursor - typing.typed, typing.typed, caret);
            text_add_string(&out, inner != NULL ? inner : "");
            free(inner);
        } else {
            help_of(&out, &typing, place->grammar->program->context);
        }
        if (out.length == 0)
            complain_at(&out, text, cursor - typing.typed, caret, "invalid command detected at '^' marker.");
    } else if (readable) {
        complain_match(&out, &typing.line, &typing.match, typing.result, caret);
    } else {
        text_add_string(&out, "% the line cannot be read\n");
    }
    arena_wipe(&typing.arena);
    return text_take(&out);
}
