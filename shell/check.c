/* The check of a whole command table: a test's work, not a start-up's. */
#include "shell/match.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

/* A place in the tree: what may follow after some words. */
struct place {
    struct walk walk;
    const char *path; /* the words, for the message */
    struct place *next;
};

struct check {
    struct arena arena;
    struct grammar grammar;
    struct line line;     /* no words: a walk wants one */
    struct place *places; /* of this mode, all that were ever found: both list and queue */
    struct place *last;
    bool *helped; /* entries that only give help: was their word met? */
    struct error *err;
};

static int fault(struct check *check, const char *path, const char *what, const char *which)
{
    return error_set(check->err, ERROR_INTERNAL, "command table: behind \"%s\": %s \"%s\"", path, what,
                     which);
}

/* The options already used are left out of the comparison: the way that was found first has used the fewest,
 * and so may be followed by the most. */
static bool same(const struct walk *one, const struct walk *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (one->threads[i].entry != other->threads[i].entry ||
            one->threads[i].step != other->threads[i].step)
            return false;
    return true;
}

static void add_place(struct check *check, const struct walk *walk, const char *path)
{
    struct place *place;

    for (place = check->places; place != NULL; place = place->next)
        if (same(&place->walk, walk))
            return;
    place = arena_get(&check->arena, sizeof(*place));
    place->walk = *walk;
    place->path = path;
    if (check->last != NULL)
        check->last->next = place;
    else
        check->places = place;
    check->last = place;
}

static bool takes(const struct step *step, const char *keyword, const struct shell_type *type)
{
    if (keyword != NULL)
        return step->kind == STEP_KEYWORD && strcmp(step->word, keyword) == 0;
    return step->kind == STEP_ARGUMENT && step->type == type;
}

static void follow(struct check *check, const struct place *place, const char *keyword,
                   const struct shell_type *type)
{
    struct walk walk = place->walk;
    struct text path = {0};

    walk_make_room(&walk, place->walk.count);
    for (size_t i = 0; i < place->walk.count; i++)
        if (takes(place->walk.threads[i].step, keyword, type))
            walk_reach(&walk, place->walk.threads[i], place->walk.threads[i].step->next);
    text_format(&path, "%s%s", place->path, *place->path != '\0' ? " " : "");
    if (keyword != NULL)
        text_add_string(&path, keyword);
    else if (type != NULL)
        text_format(&path, "<%s>", type->name);
    add_place(check, &walk, arena_copy(&check->arena, path.data, path.length));
    text_free(&path);
}

#define KEYWORD_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/:"

static int check_keyword(struct check *check, const struct place *place, size_t number)
{
    const struct walk *walk = &place->walk;
    const struct thread *thread = &walk->threads[number];
    const char *word = thread->step->word;
    const char *help;

    for (size_t i = 0; i < number; i++)
        if (walk->threads[i].step->kind == STEP_KEYWORD && !thread_is_help(&walk->threads[i])) {
            if (strcmp(walk->threads[i].step->word, word) == 0)
                return 0; /* seen to already */
            if (strcasecmp(walk->threads[i].step->word, word) == 0)
                return fault(check, place->path, "ambiguous with another spelling:", word);
        }
    if (word[strspn(word, KEYWORD_LETTERS)] != '\0')
        return fault(check, place->path, "a keyword with a letter that cannot be typed plainly:", word);
    help = walk_keyword_help(walk, word);
    for (size_t i = 0; i < walk->count; i++)
        if (thread_is_visible(&walk->threads[i]) && takes(walk->threads[i].step, word, NULL) &&
            (help == NULL || *help == '\0'))
            return fault(check, place->path, "no help for", word);
    follow(check, place, word, NULL);
    return 0;
}

static int check_argument(struct check *check, const struct place *place, size_t number)
{
    const struct walk *walk = &place->walk;
    const struct shell_type *type = walk->threads[number].step->type;

    for (size_t i = 0; i < number; i++) {
        const struct step *step = walk->threads[i].step;
        if (step->kind != STEP_ARGUMENT || thread_is_help(&walk->threads[i]))
            continue;
        if (step->type == type)
            return 0;
        if (step->type->check == NULL || type->check == NULL || step->type->rest || type->rest)
            return fault(check, place->path, "two arguments that cannot be told apart, the second is",
                         type->name);
    }
    follow(check, place, NULL, type);
    return 0;
}

static int check_end(struct check *check, const struct place *place, size_t number)
{
    const struct walk *walk = &place->walk;
    const struct entry *entry = walk->threads[number].entry;

    for (size_t i = 0; i < number; i++)
        if (walk->threads[i].step->kind == STEP_END && !thread_is_help(&walk->threads[i]) &&
            walk->threads[i].entry != entry)
            return fault(check, place->path, "two commands can be typed alike, the second is",
                         entry->command->grammar);
    return 0;
}

static int check_place(struct check *check, const struct place *place)
{
    for (size_t i = 0; i < place->walk.count; i++) {
        const struct thread *thread = &place->walk.threads[i];
        int result = 0;

        if (thread_is_help(thread)) {
            if (thread->step->kind == STEP_END)
                check->helped[thread->entry - check->grammar.entries] = true;
            continue;
        }
        if (thread->step->kind == STEP_KEYWORD)
            result = check_keyword(check, place, i);
        else if (thread->step->kind == STEP_ARGUMENT)
            result = check_argument(check, place, i);
        else
            result = check_end(check, place, i);
        if (result != 0)
            return -1;
    }
    return 0;
}

static int check_mode(struct check *check, const struct grammar_mode *mode)
{
    struct walk walk;

    check->places = check->last = NULL;
    walk_start(&walk, &check->arena, &check->line, mode, SHELL_ROLE_ADMIN);
    walk.words = check->grammar.program->words;
    add_place(check, &walk, "");
    for (const struct place *place = check->places; place != NULL; place = place->next)
        if (check_place(check, place) != 0)
            return -1;
    return 0;
}

static int check_types(struct check *check, const struct shell_program *program)
{
    for (size_t i = 0; i < program->type_count; i++) {
        const struct shell_type *type = &program->types[i];
        for (size_t j = 0; j < i; j++)
            if (strcmp(program->types[j].name, type->name) == 0)
                return fault(check, "", "the type is there twice:", type->name);
        if (type->help == NULL || *type->help == '\0')
            return fault(check, "", "no help for the type", type->name);
        if (type->line && !type->rest)
            return fault(check, "", "a line that is not the rest of the line: the type", type->name);
        if (type->check == NULL && type->complete == NULL && !type->rest && !type->secret)
            return fault(check, "", "neither check nor completion for the type", type->name);
    }
    return 0;
}

static int check_entries(struct check *check)
{
    for (size_t i = 0; i < check->grammar.count; i++) {
        const struct entry *entry = &check->grammar.entries[i];
        const char *help = entry->command->help;

        if (help == NULL || *help == '\0')
            return fault(check, entry->path, "no help for", entry->command->grammar);
        if (strchr(help, '\n') != NULL || help[strlen(help) - 1] == '.')
            return fault(check, entry->path, "help that is not one line without a full stop:", help);
        if (entry->command->run == NULL && strpbrk(entry->command->grammar, "[]{}|") != NULL)
            return fault(check, entry->path,
                         "an entry that only gives help, with brackets:", entry->command->grammar);
    }
    return 0;
}

int shell_check_table(const struct shell_program *program, struct error *err)
{
    struct check check = {.err = err};
    int result = -1;

    if (grammar_compile(&check.grammar, program, err) != 0)
        return -1;
    check.helped = arena_get(&check.arena, check.grammar.count + 1);
    if (check_types(&check, program) != 0 || check_entries(&check) != 0)
        goto out;
    for (size_t m = 0; m < check.grammar.mode_count; m++)
        if (check_mode(&check, &check.grammar.modes[m]) != 0)
            goto out;
    for (size_t i = 0; i < check.grammar.count; i++)
        if (check.grammar.entries[i].command->run == NULL && !check.helped[i]) {
            fault(&check, "",
                  "help for a word that no command has:", check.grammar.entries[i].command->grammar);
            goto out;
        }
    result = 0;
out:
    grammar_free(&check.grammar);
    arena_free(&check.arena);
    return result;
}
