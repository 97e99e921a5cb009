/* The line editor of a terminal session: libedit behind a small door. Knows no command. */
#pragma once

#include "base/error.h"
#include "shell/words.h"

#include <stdio.h>

struct editor;

/* What the editor asks of the session; `line` is not NUL-terminated at the cursor. */
struct editor_hooks {
    const char *(*prompt)(void *arg);
    /* TAB: candidates for the word that ends at `cursor`, and the length of that word's typed part. */
    void (*complete)(void *arg, const char *line, size_t cursor, struct shell_words *words, size_t *typed);
    /* `?`: the help to print above the redrawn line, lines ended by \n. The caller frees. */
    char *(*help)(void *arg, const char *line, size_t cursor);
    void *arg;
};

enum editor_end {
    EDITOR_LINE,     /* *line is a line, without its end; the caller frees */
    EDITOR_EMPTY,    /* nothing typed, or Ctrl-C */
    EDITOR_EXIT,     /* Ctrl-D on an empty line */
    EDITOR_MODE_END, /* Ctrl-Z */
    EDITOR_IDLE,     /* no keystroke for the time set */
    EDITOR_GONE      /* the terminal is gone */
};

/* in, out: the terminal's descriptors. history_file: NULL, or where lines are kept (0600, 1,000 lines). */
struct editor *editor_new(int in, int out, const struct editor_hooks *hooks, const char *history_file,
                          struct error *err);
void editor_free(struct editor *editor); /* restores the terminal */

enum editor_end editor_read(struct editor *editor, char **line);

/* Keeps a line (secrets already masked) for this session and the next. */
void editor_remember(struct editor *editor, const char *line);
size_t editor_history_count(const struct editor *editor);
const char *editor_history_line(const struct editor *editor, size_t index);

void editor_set_width(struct editor *editor, int columns);      /* 0: 511 */
void editor_set_idle_limit(struct editor *editor, int minutes); /* 0: never */
