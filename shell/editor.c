/*
 * libedit keeps the line, the cursor, what was cut, the walk through the history and the search in it. Keys
 * reach it through editor_next_key(), and what it draws is thrown away (see editor_screen.c). It is told that
 * the terminal is a dumb one and never sees the real one after its start.
 */
#include "shell/cells.h"
#include "shell/editor_private.h"
#include "shell/terminal.h"

#include "base/clock.h"

#include <errno.h>
#include <histedit.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#define WIDTH_WITHOUT_LIMIT 511 /* `terminal width 0` */
#define WIDTH_UNKNOWN 80        /* of a window that does not say */

struct editor *editor_of_edit(EditLine *edit)
{
    struct editor *editor = NULL;

    el_get(edit, EL_CLIENTDATA, &editor);
    return editor;
}

/* ---- what libedit asks ---- */

static int give_key(EditLine *edit, wchar_t *key)
{
    return editor_next_key(editor_of_edit(edit), key) ? 1 : 0;
}

static char *no_prompt(EditLine *edit)
{
    static char empty[] = "";

    (void)edit;
    return empty;
}

/* libedit's way through our history: the first is the newest. */
static int walk_history(void *arg, HistEventW *event, int operation, ...)
{
    struct editor_history *history = arg;
    size_t newest = history->count - 1;

    if (history->count == 0)
        return -1;
    if (operation == H_FIRST)
        history->position = newest;
    else if (operation == H_LAST)
        history->position = 0;
    else if (operation == H_NEXT && history->position > 0)
        history->position--;
    else if (operation == H_PREV && history->position < newest)
        history->position++;
    else if (operation != H_CURR)
        return -1;
    event->num = (int)history->position + 1;
    /* set with el_set(): libedit takes the text for a narrow string and decodes it */
    event->str = (const wchar_t *)(const void *)history->lines[history->position];
    return 0;
}

size_t editor_look(struct editor *editor)
{
    const LineInfoW *info = el_wline(editor->edit);
    size_t cursor = 0;
    char bytes[8];

    /* libedit itself relies on a cursor inside its line, and inserts anywhere in memory where one is not. Its
     * search through the history brings it there (ce_inc_search(), version 3.1-20221030): it keeps the
     * cursor's address and puts it back when nothing is found, though a line longer than the buffer has moved
     * the line meanwhile. Moving the cursor brings it back. All commands meet a cursor that passed here:
     * every key of theirs does (see ends_search()). */
    if (info->cursor < info->buffer || info->cursor > info->lastchar)
        el_cursor(editor->edit, 1);
    text_clear(&editor->line);
    for (const wchar_t *at = info->buffer; at < info->lastchar; at++) {
        mbstate_t state = {0};
        size_t length = wcrtomb(bytes, *at, &state);

        if (at == info->cursor)
            cursor = editor->line.length;
        if (length != (size_t)-1)
            text_add(&editor->line, bytes, length);
    }
    text_add(&editor->line, "", 0);
    return info->cursor >= info->lastchar ? editor->line.length : cursor;
}

/* ---- start and end ---- */

/* Of libedit's own commands only these can be reached: others run what is typed, or change the terminal. */
static void bind_keys(EditLine *edit)
{
    static const struct {
        wchar_t key;
        const wchar_t *command;
    } keys[] = {{'A' - '@', L"ed-move-to-beg"},
                {'B' - '@', L"ed-prev-char"},
                {'E' - '@', L"ed-move-to-end"},
                {'F' - '@', L"ed-next-char"},
                {'H' - '@', L"ed-delete-prev-char"},
                {0x7f, L"ed-delete-prev-char"},
                {'K' - '@', L"ed-kill-line"},
                {'N' - '@', L"ed-next-history"},
                {'P' - '@', L"ed-prev-history"},
                {'R' - '@', L"em-inc-search-prev"},
                {'T' - '@', L"ed-transpose-chars"},
                {'U' - '@', L"vi-kill-line-prev"},
                {'W' - '@', L"ed-delete-prev-word"},
                {'Y' - '@', L"em-yank"},
                {KEY_DELETE, L"ed-delete-next-char"},
                {KEY_WORD_LEFT, L"ed-prev-word"},
                {KEY_WORD_RIGHT, L"em-next-word"},
                {KEY_DELETE_WORD, L"em-delete-next-word"},
                {'\n', L"ed-newline"},
                {'\t', L"primesh-complete"},
                {'?', L"primesh-help"},
                {'V' - '@', L"primesh-literal"},
                {'L' - '@', L"primesh-again"}};

    el_wset(edit, EL_EDITOR, L"emacs");
    el_wset(edit, EL_ADDFN, L"primesh-complete", L"", editor_complete);
    el_wset(edit, EL_ADDFN, L"primesh-help", L"", editor_show_help);
    el_wset(edit, EL_ADDFN, L"primesh-literal", L"", editor_take_literally);
    el_wset(edit, EL_ADDFN, L"primesh-again", L"", editor_draw_again);
    for (wchar_t key = 1; key < 256; key++) {
        const wchar_t name[] = {key, L'\0'};
        bool printable = (key >= 0x20 && key < 0x7f) || key >= 0xa0;

        /* `^` and `\` start an escape in bind's own notation */
        if (key == L'^' || key == L'\\')
            el_wset(edit, EL_BIND, key == L'^' ? L"\\^" : L"\\\\", L"ed-insert", NULL);
        else
            el_wset(edit, EL_BIND, name, printable ? L"ed-insert" : L"ed-unassigned", NULL);
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const wchar_t name[] = {keys[i].key, L'\0'};

        el_wset(edit, EL_BIND, name, keys[i].command, NULL);
    }
}

/* libedit reads TERM and complains where it knows it not; what the terminal can do is none of its business.
 */
static EditLine *start_libedit(struct editor *editor)
{
    const char *term = getenv("TERM");
    char *before = term != NULL ? strdup(term) : NULL;
    EditLine *edit;

    setenv("TERM", "dumb", 1);
    edit = el_init_fd("primesh", editor->no_input, editor->no_output, editor->no_output, editor->in,
                      editor->in, editor->in);
    if (before != NULL)
        setenv("TERM", before, 1);
    else
        unsetenv("TERM");
    free(before);
    return edit;
}

static ssize_t throw_away(void *cookie, const char *bytes, size_t length)
{
    (void)cookie, (void)bytes;
    return (ssize_t)length;
}

/* libedit starts on the terminal, or it would not edit; then the terminal is taken away from it. */
static int open_libedit(struct editor *editor, struct error *err)
{
    struct termios before;

    if (tcgetattr(editor->in, &before) != 0)
        return error_set_errno(err, errno, "cannot read the terminal's settings");
    editor->no_input = fopen("/dev/null", "re");
    editor->no_output = fopencookie(NULL, "w", (cookie_io_functions_t){.write = throw_away});
    if (editor->no_input == NULL || editor->no_output == NULL)
        return error_set_errno(err, errno, "cannot open /dev/null");
    cells_use_utf8();
    editor->edit = start_libedit(editor);
    if (editor->edit == NULL)
        return error_set(err, ERROR_INTERNAL, "cannot start the line editor");
    el_set(editor->edit, EL_PREP_TERM, 1); /* so that it never wants to change the terminal again */
    el_set(editor->edit, EL_SETFP, 0, editor->no_input);
    el_set(editor->edit, EL_SETFP, 1, editor->no_output);
    el_set(editor->edit, EL_SETFP, 2, editor->no_output);
    tcsetattr(editor->in, TCSANOW, &before);
    el_set(editor->edit, EL_CLIENTDATA, editor);
    el_set(editor->edit, EL_SIGNAL, 0);
    el_set(editor->edit, EL_PROMPT, no_prompt);
    bind_keys(editor->edit);
    el_wset(editor->edit, EL_GETCFN, give_key);
    el_set(editor->edit, EL_HIST, walk_history, &editor->history);
    return 0;
}

struct editor *editor_new(int in, int out, const struct editor_hooks *hooks, const char *history_file,
                          struct error *err)
{
    struct editor *editor = calloc(1, sizeof(*editor));

    if (editor == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    editor->in = in;
    editor->out = out;
    editor->hooks = *hooks;
    editor->width = -1;
    editor->keys.watch = -1;
    editor->screen.out = out;
    editor->screen.can_move = terminal_can_move();
    if (open_libedit(editor, err) != 0 || terminal_raw(in, err) != 0) {
        editor_free(editor);
        return NULL;
    }
    editor_history_open(&editor->history, history_file);
    return editor;
}

void editor_free(struct editor *editor)
{
    if (editor == NULL)
        return;
    if (editor->edit != NULL)
        el_end(editor->edit);
    if (editor->no_input != NULL)
        fclose(editor->no_input);
    if (editor->no_output != NULL)
        fclose(editor->no_output);
    terminal_restore(editor->in);
    editor_history_close(&editor->history);
    text_free(&editor->screen.shown);
    text_free(&editor->screen.output);
    text_free(&editor->line);
    free(editor);
}

/* ---- reading ---- */

size_t editor_width(const struct editor *editor)
{
    int columns, lines;

    if (editor->width == 0)
        return WIDTH_WITHOUT_LIMIT;
    if (editor->width > 0)
        return (size_t)editor->width;
    return terminal_size(editor->out, &columns, &lines) ? (size_t)columns : WIDTH_UNKNOWN;
}

static void ignore_signal(int number)
{
    (void)number;
}

/* The window's changes are let in only while waiting for a key: none is lost, none disturbs. */
static void follow_window(struct sigaction *before, sigset_t *mask_before)
{
    struct sigaction action = {.sa_handler = ignore_signal};
    sigset_t window;

    sigemptyset(&action.sa_mask);
    sigemptyset(&window);
    sigaddset(&window, SIGWINCH);
    sigaction(SIGWINCH, &action, before);
    pthread_sigmask(SIG_BLOCK, &window, mask_before);
}

static enum editor_end end_of(struct editor *editor, const wchar_t *typed, char **line)
{
    static const char *const marks[] = {[EDITOR_LINE] = "",       [EDITOR_EMPTY] = "^C", [EDITOR_EXIT] = "",
                                        [EDITOR_MODE_END] = "^Z", [EDITOR_IDLE] = "",    [EDITOR_GONE] = ""};

    if (typed == NULL) {
        if (editor->end != EDITOR_GONE)
            editor_screen_leave(&editor->screen, marks[editor->end]);
        return editor->end;
    }
    editor_look(editor);
    while (editor->line.length > 0 && editor->line.data[editor->line.length - 1] == '\n')
        editor->line.data[--editor->line.length] = '\0';
    editor_screen_update(&editor->screen, editor->line.data, editor->line.length, editor->line.length);
    editor_screen_leave(&editor->screen, "");
    if (editor->line.length == 0)
        return EDITOR_EMPTY;
    *line = text_take(&editor->line);
    return *line != NULL ? EDITOR_LINE : EDITOR_EMPTY;
}

enum editor_end editor_read(struct editor *editor, char **line)
{
    struct sigaction window_before;
    sigset_t mask_before;
    const wchar_t *typed;
    enum editor_end end;
    int count = 0;

    *line = NULL;
    terminal_commands(false);
    terminal_forget_interrupt();
    follow_window(&window_before, &mask_before);
    editor->screen.width = editor_width(editor);
    idle_touch(&editor->keys.idle);
    editor->keys.literal = false;
    editor->keys.kept = 0;
    editor->end = EDITOR_GONE;
    editor_screen_start(&editor->screen, editor->hooks.prompt(editor->hooks.arg));
    typed = el_wgets(editor->edit, &count);
    terminal_commands(true); /* before the line's end is seen: a Ctrl-C after that is for the command */
    end = end_of(editor, typed, line);
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    sigaction(SIGWINCH, &window_before, NULL);
    return end;
}

void editor_notice(struct editor *editor, const char *text)
{
    editor_screen_above(&editor->screen, text);
}

void editor_watch(struct editor *editor, int fd, void (*ready)(void *arg), void *arg)
{
    editor->keys.watch = fd;
    editor->keys.ready = ready;
    editor->keys.ready_arg = arg;
}

void editor_remember(struct editor *editor, const char *line)
{
    editor_history_add(&editor->history, line);
}

size_t editor_history_count(const struct editor *editor)
{
    return editor->history.count;
}

const char *editor_history_line(const struct editor *editor, size_t index)
{
    return index < editor->history.count ? editor->history.lines[index] : NULL;
}

void editor_set_width(struct editor *editor, int columns)
{
    editor->width = columns;
}

void editor_set_idle_limit(struct editor *editor, int minutes)
{
    editor_set_idle_limit_ms(editor, minutes > 0 ? (int64_t)minutes * 60000 : 0);
}

void editor_set_idle_limit_ms(struct editor *editor, int64_t limit_ms)
{
    editor->keys.idle.limit_ms = limit_ms;
    terminal_set_idle_limit(limit_ms);
}
