#include "shell/tree.h"

#include "base/text.h"

#include <libcli.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A word at the top of a mode, and whether what follows it is registered. */
struct branch {
    const struct grammar_mode *mode;
    const char *word; /* not NUL-terminated */
    size_t length;
    struct cli_command *node;
    bool complete;
    struct branch *next;
};

struct tree {
    const struct grammar *grammar;
    struct arena arena;
    struct cli_def *cli;
    struct branch *branches;
    const struct grammar_mode *mode; /* libcli's at present */
    /* of the run under way */
    const char *path;
    void (*run)(void *arg);
    void *arg;
    bool ran;
    struct text said;
};

/* libcli reads its numbers of modes as: 0 EXEC, 1 configuration, further ones ours. */
static int mode_number(const struct tree *tree, const struct grammar_mode *mode)
{
    return (int)(mode - tree->grammar->modes);
}

static int on_command(struct cli_def *cli, const char *name, char **words, int count)
{
    struct tree *tree = cli_get_context(cli);

    (void)words;
    (void)count;
    if (strcmp(name, tree->path) != 0 || tree->ran)
        return CLI_ERROR;
    tree->ran = true;
    tree->run(tree->arg);
    return CLI_OK;
}

static int on_filter_start(struct cli_def *cli, int count, char **words, struct cli_filter *filter)
{
    (void)cli;
    (void)count;
    (void)words;
    filter->data = NULL;
    return CLI_OK;
}

static int on_filter_line(struct cli_def *cli, const char *line, void *data)
{
    (void)cli;
    (void)line;
    (void)data;
    return CLI_OK;
}

static void on_print(struct cli_def *cli, const char *line)
{
    struct tree *tree = cli_get_context(cli);

    text_add_string(&tree->said, tree->said.length > 0 ? "; " : "");
    text_add_string(&tree->said, line);
}

struct tree *tree_new(const struct grammar *grammar)
{
    struct tree *tree = calloc(1, sizeof(*tree));

    if (tree == NULL || (tree->cli = cli_init()) == NULL)
        abort();
    tree->grammar = grammar;
    tree->mode = &grammar->modes[0];
    cli_unregister_all_commands(tree->cli);
    cli_unregister_all_filters(tree->cli);
    cli_set_context(tree->cli, tree);
    cli_print_callback(tree->cli, on_print);
    for (size_t i = 0; i < grammar->modifiers.count; i++) {
        const struct entry *entry = grammar->modifiers.entries[i];
        cli_register_filter(tree->cli, entry->path, on_filter_start, on_filter_line, PRIVILEGE_UNPRIVILEGED,
                            MODE_ANY, entry->command->help);
    }
    return tree;
}

void tree_free(struct tree *tree)
{
    if (tree == NULL)
        return;
    cli_done(tree->cli);
    arena_free(&tree->arena);
    text_free(&tree->said);
    free(tree);
}

/* The bytes of the path's first word. */
static size_t head_length(const char *path)
{
    return strcspn(path, " ");
}

static bool is_head(const struct entry *entry, const char *word, size_t length)
{
    return strncmp(entry->path, word, length) == 0 && head_length(entry->path) == length;
}

static int by_path(const void *a, const void *b)
{
    const char *one = (*(const struct entry *const *)a)->path,
               *other = (*(const struct entry *const *)b)->path;
    int order = strcasecmp(one, other);

    return order != 0 ? order : strcmp(one, other);
}

static struct cli_command *add_node(struct tree *tree, struct cli_command *parent, const char *word,
                                    size_t length, const struct entry *entry, const struct grammar_mode *mode)
{
    const char *name = arena_keep(&tree->arena, word, length);
    struct cli_command *node = cli_register_command(
        tree->cli, parent, name, entry != NULL ? on_command : NULL, PRIVILEGE_UNPRIVILEGED,
        mode_number(tree, mode), entry != NULL ? entry->command->help : NULL);

    if (node == NULL)
        abort();
    return node;
}

/* The entries of a mode that can run, those of one head or (head NULL) one for each head; sorted, so that a
 * word that another starts with comes first: libcli takes the first sibling that fits, in either case. */
static const struct entry **collect(struct tree *tree, const struct grammar_mode *mode, const char *head,
                                    size_t length, size_t *count)
{
    const struct entry **found = arena_get(&tree->arena, (mode->count + 1) * sizeof(const struct entry *));

    *count = 0;
    for (size_t i = 0; i < mode->count; i++) {
        const struct entry *entry = mode->entries[i];
        size_t j = 0;

        if (entry->command->run == NULL || (head != NULL && !is_head(entry, head, length)))
            continue;
        while (head == NULL && j < *count && !is_head(found[j], entry->path, head_length(entry->path)))
            j++;
        if (head == NULL && j < *count)
            found[j] = entry->lead < found[j]->lead ? entry : found[j];
        else
            found[(*count)++] = entry;
    }
    if (*count > 1)
        qsort(found, *count, sizeof(const struct entry *), by_path);
    return found;
}

static void add_heads(struct tree *tree, const struct grammar_mode *mode)
{
    size_t count;
    const struct entry **heads = collect(tree, mode, NULL, 0, &count);

    for (size_t i = 0; i < count; i++) {
        struct branch *branch = arena_get(&tree->arena, sizeof(*branch));
        branch->mode = mode;
        branch->word = heads[i]->path;
        branch->length = head_length(heads[i]->path);
        branch->node =
            add_node(tree, NULL, branch->word, branch->length, heads[i]->lead == 1 ? heads[i] : NULL, mode);
        branch->next = tree->branches;
        tree->branches = branch;
    }
}

static struct branch *find_branch(struct tree *tree, const struct grammar_mode *mode, const char *path)
{
    struct branch *branch = tree->branches;

    while (branch != NULL && (branch->mode != mode || branch->length != head_length(path) ||
                              strncmp(branch->word, path, branch->length) != 0))
        branch = branch->next;
    return branch;
}

/* Bytes of the words that both paths start with, the blank behind them included. */
static size_t common_words(const char *one, const char *other)
{
    size_t common = 0;

    for (size_t i = 0;; i++) {
        bool ends = one[i] == ' ' || one[i] == '\0', other_ends = other[i] == ' ' || other[i] == '\0';
        if (ends && other_ends)
            common = i + 1;
        if (one[i] != other[i] || one[i] == '\0')
            return common;
    }
}

#define PATH_WORDS_MOST 128 /* as many words as libcli takes in a line */

static void complete_branch(struct tree *tree, struct branch *branch)
{
    size_t count;
    const struct entry **entries = collect(tree, branch->mode, branch->word, branch->length, &count);
    struct cli_command *nodes[PATH_WORDS_MOST] = {branch->node}; /* along the path before */
    const char *before = branch->word;
    size_t shared = branch->length + 1;

    for (size_t i = 0; i < count; i++) {
        const char *path = entries[i]->path;
        size_t depth = 1;

        if (i > 0)
            shared = common_words(path, before);
        for (size_t at = branch->length + 1; depth < entries[i]->lead && depth < PATH_WORDS_MOST; depth++) {
            size_t length = head_length(path + at);
            if (at + length + 1 > shared)
                nodes[depth] = add_node(tree, nodes[depth - 1], path + at, length,
                                        depth + 1 == entries[i]->lead ? entries[i] : NULL, branch->mode);
            at += length + 1;
        }
        before = path;
    }
    branch->complete = true;
}

static void prepare(struct tree *tree, const struct grammar_mode *mode, const struct entry *entry)
{
    struct branch *branch = find_branch(tree, mode, entry->path);

    if (branch == NULL) {
        add_heads(tree, mode);
        branch = find_branch(tree, mode, entry->path);
    }
    if (branch != NULL && !branch->complete)
        complete_branch(tree, branch);
    if (tree->mode != mode) {
        cli_set_configmode(tree->cli, mode_number(tree, mode), NULL);
        tree->mode = mode;
    }
}

int tree_run(struct tree *tree, const struct grammar_mode *mode, const struct entry *entry,
             const char *const *modifiers, size_t modifier_count, void (*run)(void *arg), void *arg,
             struct error *err)
{
    struct text line = {0};
    int result;

    prepare(tree, mode, entry);
    text_add_string(&line, entry->path);
    for (size_t i = 0; i < modifier_count; i++)
        text_format(&line, " | %s", modifiers[i]);
    if (line.failed)
        abort();
    tree->path = entry->path;
    tree->run = run;
    tree->arg = arg;
    tree->ran = false;
    text_clear(&tree->said);
    result = cli_run_command(tree->cli, line.data);
    text_free(&line);
    if (tree->ran)
        return 0;
    return error_set(err, ERROR_INTERNAL, "libcli did not run \"%s\" (%d): %s", entry->path, result,
                     tree->said.length > 0 ? tree->said.data : "it gave no reason");
}
