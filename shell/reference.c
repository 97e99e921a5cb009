/* The reference of all commands, made from the table: one walk, two forms. */
#include "shell/reference.h"
#include "shell/modifier.h"

#include <stdlib.h>
#include <string.h>

static int by_path(const void *a, const void *b)
{
    const struct entry *one = *(const struct entry *const *)a, *other = *(const struct entry *const *)b;
    int order = strcmp(one->path, other->path);

    return order != 0 ? order : strcmp(one->command->grammar, other->command->grammar);
}

static bool is_shown(const struct entry *entry)
{
    return entry->command->run != NULL && (entry->command->flags & SHELL_HIDDEN) == 0;
}

#define GROUP_MOST 12 /* commands of one first word; more are grouped by two words */

static size_t words_length(const char *path, unsigned words)
{
    size_t length = 0;

    while (words-- > 0 && path[length] != '\0') {
        length += path[length] == ' ';
        length += strcspn(path + length, " ");
    }
    return length;
}

/* Bytes of the path that name its group. */
static size_t group_length(const struct entry *const *entries, size_t count, size_t at)
{
    size_t first = words_length(entries[at]->path, 1), same = 0;

    for (size_t i = 0; i < count; i++)
        same += words_length(entries[i]->path, 1) == first &&
                strncmp(entries[i]->path, entries[at]->path, first) == 0;
    return same > GROUP_MOST ? words_length(entries[at]->path, 2) : first;
}

static void write_mode(const struct reference_form *form, struct text *out, const struct grammar *grammar,
                       const struct grammar_mode *mode)
{
    const struct entry **entries = calloc(mode->count + 1, sizeof(const struct entry *));
    const char *group = "";
    size_t count = 0, length = 0;

    if (entries == NULL)
        abort();
    for (size_t i = 0; i < mode->count; i++) {
        /* What is accepted anywhere is described once, with EXEC. */
        bool anywhere = (mode->entries[i]->command->flags & SHELL_ANYWHERE) != 0;
        if (is_shown(mode->entries[i]) && (!anywhere || mode == &grammar->modes[0]))
            entries[count++] = mode->entries[i];
    }
    if (count > 0) {
        qsort(entries, count, sizeof(const struct entry *), by_path);
        form->mode(out, mode->mode);
    }
    for (size_t i = 0; i < count; i++) {
        size_t now = group_length(entries, count, i);
        if (now != length || strncmp(group, entries[i]->path, now) != 0)
            form->group(out, entries[i]->path, now);
        group = entries[i]->path;
        length = now;
        form->command(out, entries[i]->command);
    }
    free(entries);
}

static void write_rest(const struct reference_form *form, struct text *out, const struct grammar *grammar)
{
    static const char *const statuses[][2] = {
        {"0", "All commands succeeded"},
        {"1", "A command failed"},
        {"2", "A command was not understood"},
        {"3", "The appliance could not be reached"},
    };
    const struct shell_program *program = grammar->program;

    form->table(out, "Arguments", "Argument", "What it is");
    for (size_t i = 0; i < program->type_count; i++) {
        struct text name = {0};
        text_format(&name, "<%s>", program->types[i].name);
        form->row(out, name.data, program->types[i].help);
        text_free(&name);
    }
    form->table(out, "Output modifiers", "Modifier", "What it does");
    for (size_t i = 0; i < grammar->modifiers.count; i++)
        form->row(out, grammar->modifiers.entries[i]->command->grammar,
                  grammar->modifiers.entries[i]->command->help);
    form->table(out, "Exit status", "Status", "Meaning");
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        form->row(out, statuses[i][0], statuses[i][1]);
}

static char *write_reference(const struct reference_form *form, const struct shell_program *program)
{
    struct grammar grammar;
    struct error err = {0};
    struct text out = {0};

    if (grammar_compile(&grammar, program, &err) != 0)
        return NULL;
    form->start(&out);
    for (size_t m = 0; m < grammar.mode_count; m++)
        write_mode(form, &out, &grammar, &grammar.modes[m]);
    write_rest(form, &out, &grammar);
    grammar_free(&grammar);
    return text_take(&out);
}

char *shell_reference_markdown(const struct shell_program *program)
{
    return write_reference(&reference_markdown, program);
}

char *shell_reference_roff(const struct shell_program *program)
{
    return write_reference(&reference_roff, program);
}
