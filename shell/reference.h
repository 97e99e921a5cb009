/* How a reference is written: in Markdown, or for man(1). */
#pragma once

#include "shell/grammar.h"

#include "base/text.h"

struct reference_form {
    void (*start)(struct text *out);
    void (*mode)(struct text *out, const struct shell_mode *mode);
    void (*group)(struct text *out, const char *words, size_t length);
    void (*command)(struct text *out, const struct shell_command *command);
    void (*table)(struct text *out, const char *title, const char *left, const char *right);
    void (*row)(struct text *out, const char *left, const char *right);
};

extern const struct reference_form reference_markdown;
extern const struct reference_form reference_roff;

#define REFERENCE_READING                                                                       \
    "A word stands for itself and may be shortened while it is unique. <name> is an argument, " \
    "{a | b} is one of several, [a] may be left out, and neighbouring [..] may come in any order."
#define REFERENCE_QUOTING                                                                                  \
    "An argument with blanks or a bar is put in quotes: \"...\", in which \\\" and \\\\ stand for \" and " \
    "\\, or '...', in which nothing is special. Outside quotes a backslash is itself, unless a blank, a "  \
    "quote or a bar follows it. A quoted word is never taken for a keyword."
