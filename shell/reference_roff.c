#include "shell/reference.h"

#include <ctype.h>

/* man(7): a backslash is \e, a hyphen that is typed is \-, and no line may start with a dot or an apostrophe.
 */
static void add_text(struct text *out, const char *string)
{
    bool fresh = true;

    for (; *string != '\0'; string++) {
        if (fresh && (*string == '.' || *string == '\''))
            text_add_string(out, "\\&");
        if (*string == '\\')
            text_add_string(out, "\\e");
        else if (*string == '-')
            text_add_string(out, "\\-");
        else
            text_add(out, string, 1);
        fresh = *string == '\n';
    }
}

static void start(struct text *out)
{
    text_add_string(out, ".SH COMMANDS\n");
    add_text(out, REFERENCE_READING);
    text_add_string(out, "\n.PP\n");
    add_text(out, REFERENCE_QUOTING);
    text_add_string(out, "\n");
}

static void mode_title(struct text *out, const struct shell_mode *mode)
{
    text_add_string(out, ".PP\n");
    if (mode->parent == NULL)
        text_add_string(out, "These are the commands of EXEC mode.\n");
    else
        text_format(out, "These are the commands of the mode %s.\n", mode->prompt);
}

static void group(struct text *out, const char *words, size_t length)
{
    text_format(out, ".SS \"%.*s\"\n", (int)length, words);
}

static void command(struct text *out, const struct shell_command *what)
{
    text_add_string(out, ".TP\n\\fB");
    add_text(out, what->grammar);
    text_add_string(out, "\\fR\n");
    add_text(out, what->help);
    text_add_string(out, ".");
    if (what->role == SHELL_ROLE_ADMIN)
        text_add_string(out, " Role: admin.");
    if ((what->flags & SHELL_ANYWHERE) != 0)
        text_add_string(out, " In every mode.");
    text_add_string(out, "\n");
    if (what->manual != NULL) {
        text_add_string(out, ".IP\n");
        add_text(out, what->manual);
        text_add_string(out, "\n");
    }
}

static void table(struct text *out, const char *title, const char *left, const char *right)
{
    (void)left;
    (void)right;
    text_add_string(out, ".SH \"");
    for (; *title != '\0'; title++) {
        char upper = (char)toupper((unsigned char)*title);
        text_add(out, &upper, 1);
    }
    text_add_string(out, "\"\n");
}

static void row(struct text *out, const char *left, const char *right)
{
    text_add_string(out, ".TP\n\\fB");
    add_text(out, left);
    text_add_string(out, "\\fR\n");
    add_text(out, right);
    text_add_string(out, "\n");
}

const struct reference_form reference_roff = {start, mode_title, group, command, table, row};
