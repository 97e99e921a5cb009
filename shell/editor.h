/* The line editor of a terminal session: libedit behind a small door. Knows no command. */
#pragma once

#include "base/error.h"
#include "shell/words.h"

#include <stdio.h>

#define EDITOR_LINE_MOST 4000    /* bytes of a line; what is typed beyond is refused with a beep */
#define EDITOR_HISTORY_MOST 1000 /* lines */

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

/*
 * in, out: the terminal's descriptors; the terminal is raw from here on (terminal_raw()). history_file: NULL,
 * or where lines are kept (0600, EDITOR_HISTORY_MOST lines; one that cannot be read or written is done
 * without). ERROR_INTERNAL: no terminal, no memory.
 */
struct editor *editor_new(int in, int out, const struct editor_hooks *hooks, const char *history_file,
                          struct error *err);
void editor_free(struct editor *editor); /* restores the terminal; NULL is fine */

/*
 * Reads a line. What is only typed and sent goes out as it came, whatever its length: no escape sequence, no
 * NUL. *line is NULL unless EDITOR_LINE is returned. The cursor then stands at the start of a fresh line.
 */
enum editor_end editor_read(struct editor *editor, char **line);

/* Prints lines (each ended by \n, the last one may not be) above the line being typed; from the ready hook.
 */
void editor_notice(struct editor *editor, const char *text);

/* While a line is read, calls ready(arg) whenever fd can be read. fd -1: no more. */
void editor_watch(struct editor *editor, int fd, void (*ready)(void *arg), void *arg);

/* Keeps a line (secrets already masked) for this session and the next. Empty lines, repetitions of the last
 * line and lines with control characters are not kept. */
void editor_remember(struct editor *editor, const char *line);
size_t editor_history_count(const struct editor *editor);
const char *editor_history_line(const struct editor *editor, size_t index); /* 0: the oldest */

void editor_set_width(struct editor *editor, int columns);      /* 0: 511; -1 (at first): the window's */
void editor_set_idle_limit(struct editor *editor, int minutes); /* 0: never */
