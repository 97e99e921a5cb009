#include "shell/grammar.h"

#include "shell/compile.h"
#include "shell/modifier.h"

#include <stdlib.h>
#include <string.h>

const struct shell_mode shell_mode_exec = {"", NULL};

#define MODIFIER_COUNT_MOST 1000000 /* lines of `| last` */

static int check_count(const char *word, struct error *err)
{
    char *end;
    long value = strtol(word, &end, 10);

    if (*word < '0' || *word > '9' || *end != '\0' || value < 1 || value > MODIFIER_COUNT_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a number from 1 to %d", word,
                         MODIFIER_COUNT_MOST);
    return 0;
}

/* The types of the modifiers' arguments. A program's own types of the same name come first, save for these
 * two. */
static const struct shell_type modifier_types[] = {
    {.name = "pattern", .help = "Regular expression (POSIX extended); quote it to keep a bar", .rest = true},
    {.name = "count", .help = "How many lines", .check = check_count},
    {.name = "new_file", .help = "Name of the file to write"},
    {.name = "repository", .help = "Name of the repository"},
};
#define MODIFIER_OWN_TYPES 2

static const struct shell_type *find_type(const struct shell_type *types, size_t count, const char *name,
                                          size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(types[i].name, name, length) == 0 && types[i].name[length] == '\0')
            return &types[i];
    return NULL;
}

static const struct shell_type *program_type(const struct shell_program *program, const char *name,
                                             size_t length)
{
    return find_type(program->types, program->type_count, name, length);
}

static const struct shell_type *modifier_type(const struct shell_program *program, const char *name,
                                              size_t length)
{
    const struct shell_type *type = find_type(modifier_types, MODIFIER_OWN_TYPES, name, length);

    if (type == NULL)
        type = program_type(program, name, length);
    if (type == NULL)
        type = find_type(modifier_types, sizeof(modifier_types) / sizeof(modifier_types[0]), name, length);
    return type;
}

static void mode_add(struct grammar_mode *mode, struct entry *entry, struct arena *arena)
{
    if (mode->count == mode->capacity) {
        size_t capacity = mode->capacity ? mode->capacity * 2 : 64;
        struct entry **entries = arena_get(arena, capacity * sizeof(struct entry *));
        if (mode->count > 0)
            memcpy(entries, mode->entries, mode->count * sizeof(struct entry *));
        mode->entries = entries;
        mode->capacity = capacity;
    }
    mode->entries[mode->count++] = entry;
}

const struct grammar_mode *grammar_mode_of(const struct grammar *grammar, const struct shell_mode *mode)
{
    if (mode == NULL)
        mode = &shell_mode_exec;
    for (size_t i = 0; i < grammar->mode_count; i++)
        if (grammar->modes[i].mode == mode)
            return &grammar->modes[i];
    return NULL;
}

#define MODE_MOST 64

static void make_room(struct grammar *grammar)
{
    const struct shell_program *program = grammar->program;
    size_t most = 1;

    for (size_t b = 0; b < program->branch_count; b++)
        most += 2 * program->branches[b].count; /* each may have a `no` form */
    grammar->entries = arena_get(&grammar->arena, most * sizeof(*grammar->entries));
    grammar->modes = arena_get(&grammar->arena, sizeof(*grammar->modes) * MODE_MOST);
    grammar->modes[grammar->mode_count++].mode = &shell_mode_exec;
}

static int mode_need(struct grammar *grammar, const struct shell_mode *mode, struct error *err)
{
    if (grammar_mode_of(grammar, mode) != NULL)
        return 0;
    if (grammar->mode_count == MODE_MOST)
        return error_set(err, ERROR_INTERNAL, "the command table has more than %d modes", MODE_MOST);
    grammar->modes[grammar->mode_count++].mode = mode;
    return 0;
}

static int compile_command(struct grammar *grammar, const struct shell_command *command, struct error *err)
{
    struct entry *entry = &grammar->entries[grammar->count];

    if (compile_entry(&grammar->arena, grammar->program, program_type, command, entry, err) != 0 ||
        mode_need(grammar, command->mode, err) != 0)
        return -1;
    grammar->count++;
    return 0;
}

#define NO_WORD "no "

static const struct shell_command *no_form(struct grammar *grammar, const struct shell_command *command)
{
    struct shell_command *form = arena_get(&grammar->arena, sizeof(*form));
    size_t length = strlen(command->no) + 1;
    char *text = arena_get(&grammar->arena, sizeof(NO_WORD) + length);

    memcpy(text, NO_WORD, sizeof(NO_WORD) - 1);
    memcpy(text + sizeof(NO_WORD) - 1, command->no, length);
    *form = *command;
    form->grammar = text;
    form->no = NULL;
    form->flags |= SHELL_NEGATED;
    return form;
}

static int compile_commands(struct grammar *grammar, struct error *err)
{
    const struct shell_program *program = grammar->program;

    for (size_t b = 0; b < program->branch_count; b++) {
        for (size_t i = 0; i < program->branches[b].count; i++) {
            const struct shell_command *command = &program->branches[b].commands[i];

            if (compile_command(grammar, command, err) != 0 ||
                (command->no != NULL && compile_command(grammar, no_form(grammar, command), err) != 0))
                return -1;
        }
    }
    for (size_t i = 0; i < grammar->count; i++) {
        const struct shell_command *command = grammar->entries[i].command;
        for (size_t m = 0; m < grammar->mode_count; m++)
            if ((command->flags & SHELL_ANYWHERE) != 0 ||
                &grammar->modes[m] == grammar_mode_of(grammar, command->mode))
                mode_add(&grammar->modes[m], &grammar->entries[i], &grammar->arena);
    }
    return 0;
}

static int no_handler(struct shell_call *call, struct error *err)
{
    (void)call;
    return error_set(err, ERROR_INTERNAL, "a modifier is not a command");
}

static int add_modifier(struct grammar *grammar, const char *name, const char *arguments, const char *help,
                        enum shell_role role, struct error *err)
{
    struct shell_command *command = arena_get(&grammar->arena, sizeof(*command));
    struct entry *entry = arena_get(&grammar->arena, sizeof(*entry));
    size_t size = strlen(name) + strlen(arguments) + 2;
    char *text = arena_get(&grammar->arena, size);

    memcpy(text, name, strlen(name));
    if (*arguments != '\0') {
        text[strlen(name)] = ' ';
        memcpy(text + strlen(name) + 1, arguments, strlen(arguments));
    }
    *command = (struct shell_command){.grammar = text, .help = help, .run = no_handler, .role = role};
    if (compile_entry(&grammar->arena, grammar->program, modifier_type, command, entry, err) != 0)
        return -1;
    mode_add(&grammar->modifiers, entry, &grammar->arena);
    return 0;
}

static int compile_modifiers(struct grammar *grammar, struct error *err)
{
    for (size_t i = 0; i < modifier_kind_count; i++) {
        const struct modifier_kind *kind = &modifier_kinds[i];
        if (add_modifier(grammar, kind->name, kind->grammar, kind->help, SHELL_ROLE_USER, err) != 0)
            return -1;
    }
    if (add_modifier(grammar, MODIFIER_JSON, "", "One JSON document instead of text", SHELL_ROLE_USER, err) !=
            0 ||
        add_modifier(grammar, MODIFIER_MORE, "", "Page by page, whatever the terminal's length",
                     SHELL_ROLE_USER, err) != 0)
        return -1;
    if (grammar->program->save_open == NULL)
        return 0;
    /* offered to administrators; whoever else types it hears from the program that it is refused */
    return add_modifier(grammar, MODIFIER_SAVE, "<file:new_file> repository <repository>",
                        "Into a file of a repository", SHELL_ROLE_ADMIN, err);
}

static int compare(const void *a, const void *b)
{
    const struct shell_command *one = (*(struct entry *const *)a)->command;
    const struct shell_command *other = (*(struct entry *const *)b)->command;

    return strcmp(one->grammar, other->grammar);
}

/* The same grammar twice in one mode. What else can be wrong with a table is for shell_check_table(). */
static int refuse_doubles(struct grammar *grammar, struct error *err)
{
    for (size_t m = 0; m < grammar->mode_count; m++) {
        struct grammar_mode *mode = &grammar->modes[m];
        struct entry **sorted = arena_get(&grammar->arena, (mode->count + 1) * sizeof(struct entry *));

        if (mode->count == 0)
            continue;
        memcpy(sorted, mode->entries, mode->count * sizeof(struct entry *));
        qsort(sorted, mode->count, sizeof(struct entry *), compare);
        for (size_t i = 1; i < mode->count; i++)
            if (compare(&sorted[i - 1], &sorted[i]) == 0)
                return error_set(err, ERROR_INTERNAL, "command \"%s\" is in the table twice",
                                 sorted[i]->command->grammar);
    }
    return 0;
}

int grammar_compile(struct grammar *grammar, const struct shell_program *program, struct error *err)
{
    *grammar = (struct grammar){.program = program};
    make_room(grammar);
    if (compile_commands(grammar, err) == 0 && compile_modifiers(grammar, err) == 0 &&
        refuse_doubles(grammar, err) == 0)
        return 0;
    grammar_free(grammar);
    return -1;
}

void grammar_free(struct grammar *grammar)
{
    arena_free(&grammar->arena);
    *grammar = (struct grammar){0};
}
