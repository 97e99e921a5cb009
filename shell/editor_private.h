/* Inside of the editor: editor.c (the door, libedit), editor_commands.c (TAB, `?`), editor_keys.c (bytes to
 * keys), editor_screen.c (what the person sees), editor_history.c. */
#pragma once

#include "shell/editor.h"
#include "shell/idle.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

/* ---- the lines typed before ---- */

struct editor_history {
    char **lines; /* the oldest first */
    size_t count;
    size_t capacity;
    size_t position; /* libedit's walk */
    char *file;      /* NULL: none */
    size_t in_file;  /* lines it holds, as far as this session knows */
};

void editor_history_open(struct editor_history *history, const char *file);
void editor_history_close(struct editor_history *history);
void editor_history_add(struct editor_history *history, const char *line);

/* ---- the screen ---- */

struct editor_screen {
    int out;
    bool can_move;      /* the terminal understands cursor movement (ECMA-48 CUU, CUF, ED) */
    size_t width;       /* cells */
    struct text shown;  /* prompt and line as they stand there */
    size_t prompt;      /* bytes of the prompt in it */
    size_t cursor;      /* byte of it the cursor stands on */
    bool at_margin;     /* the last column was written: the terminal wraps with the next character only */
    struct text output; /* of the drawing under way */
};

/* A fresh line with the prompt. */
void editor_screen_start(struct editor_screen *screen, const char *prompt);
/* Makes the screen show `line`, the cursor on byte `cursor` of it. */
void editor_screen_update(struct editor_screen *screen, const char *line, size_t length, size_t cursor);
/* Puts the cursor behind the line and starts a new one; `mark` (e.g. "^C") stands behind the line. */
void editor_screen_leave(struct editor_screen *screen, const char *mark);
/* Prints text (lines ended by \n) from the start of a fresh line; then prompt and line again. */
void editor_screen_below(struct editor_screen *screen, const char *text);
/* Prints text in the place of the line, then the line again. */
void editor_screen_above(struct editor_screen *screen, const char *text);
void editor_screen_resize(struct editor_screen *screen, size_t width);
void editor_screen_beep(struct editor_screen *screen);

/* ---- keys ---- */

/* Control codes nobody can type here stand for keys that send escape sequences. */
enum editor_key {
    KEY_ESCAPE = 0x1b,
    KEY_WORD_LEFT = 0x1c,
    KEY_WORD_RIGHT = 0x1d,
    KEY_DELETE_WORD = 0x1e,
    KEY_DELETE = 0x1f,
    KEY_NOTHING = 0x7f /* after Ctrl-V: the key cannot stand in a line */
};

struct editor_keys {
    struct idle idle;
    bool after_return; /* the last byte was CR: an LF that follows belongs to it */
    bool literal;      /* Ctrl-V: the next key is taken as it is */
    wchar_t kept;      /* the next key, before any byte is read; 0: none */
    int watch;         /* -1: none */
    void (*ready)(void *arg);
    void *ready_arg;
};

struct editor {
    int in;
    int out;
    struct editor_hooks hooks;
    struct editline *edit;
    FILE *no_input;  /* libedit gets its keys from us, */
    FILE *no_output; /* and what it draws is thrown away: we draw */
    struct editor_history history;
    struct editor_screen screen;
    struct editor_keys keys;
    int width;           /* as set: 0, -1 or columns */
    enum editor_end end; /* why no line came */
    struct text line;    /* the line as UTF-8, while it is looked at */
};

/* The next key for libedit: a character, a control code, or an enum editor_key. False: editor->end says why.
 */
bool editor_next_key(struct editor *editor, wchar_t *key);

/* Looks at libedit's line: editor->line is its text; returns the cursor's byte in it. */
size_t editor_look(struct editor *editor);

/* Cells of the terminal, by setting or by window. */
size_t editor_width(const struct editor *editor);

/* Commands added to libedit's own: TAB, `?`, Ctrl-V, Ctrl-L. They return its CC_ codes. */
unsigned char editor_complete(struct editline *edit, int key);
unsigned char editor_show_help(struct editline *edit, int key);
unsigned char editor_take_literally(struct editline *edit, int key);
unsigned char editor_draw_again(struct editline *edit, int key);

/* The editor that libedit's object works for. */
struct editor *editor_of_edit(struct editline *edit);

/* For tests: the idle limit in milliseconds. */
void editor_set_idle_limit_ms(struct editor *editor, int64_t limit_ms);
