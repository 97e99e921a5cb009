#include "shell/reference.h"

#include <string.h>

/* Text as it is, whatever letters Markdown makes something of. */
static void add_text(struct text *out, const char *string)
{
    for (; *string != '\0'; string++) {
        if (strchr("\\`*_{}[]<>#|", *string) != NULL)
            text_add_string(out, "\\");
        text_add(out, string, 1);
    }
}

/* Code; in a table the bar has to be escaped even there (GitHub Flavored Markdown, section 4.10). */
static void add_code(struct text *out, const char *string, bool in_table)
{
    text_add_string(out, "`");
    for (; *string != '\0'; string++) {
        if (in_table && *string == '|')
            text_add_string(out, "\\");
        text_add(out, string, 1);
    }
    text_add_string(out, "`");
}

static void start(struct text *out)
{
    text_add_string(out, "# Commands\n\nThis page is made from the command table; do not edit it.\n\n");
    add_text(out, REFERENCE_READING);
    text_add_string(out, "\n\n");
    add_text(out, REFERENCE_QUOTING);
    text_add_string(out, "\n");
}

static void mode_title(struct text *out, const struct shell_mode *mode)
{
    if (mode->parent == NULL)
        text_add_string(out, "\n## EXEC mode\n");
    else
        text_format(out, "\n## Mode `%s`\n", mode->prompt);
}

static void group(struct text *out, const char *words, size_t length)
{
    text_format(out, "\n### `%.*s`\n", (int)length, words);
}

static void command(struct text *out, const struct shell_command *what)
{
    text_add_string(out, "\n#### ");
    add_code(out, what->grammar, false);
    text_add_string(out, "\n\n");
    add_text(out, what->help);
    text_add_string(out, ".");
    if (what->role == SHELL_ROLE_ADMIN)
        text_add_string(out, " Role: admin.");
    if ((what->flags & SHELL_ANYWHERE) != 0)
        text_add_string(out, " In every mode.");
    text_add_string(out, "\n");
    if (what->manual != NULL) {
        text_add_string(out, "\n");
        add_text(out, what->manual);
        text_add_string(out, "\n");
    }
}

static void table(struct text *out, const char *title, const char *left, const char *right)
{
    text_format(out, "\n## %s\n\n| %s | %s |\n|---|---|\n", title, left, right);
}

static void row(struct text *out, const char *left, const char *right)
{
    text_add_string(out, "| ");
    add_code(out, left, true);
    text_add_string(out, " | ");
    add_text(out, right);
    text_add_string(out, " |\n");
}

const struct reference_form reference_markdown = {start, mode_title, group, command, table, row};
