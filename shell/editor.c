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

static struct editor *editor_of(EditLine *edit)
{
    struct editor *editor = NULL;

    el_get(edit, EL_CLIENTDATA, &editor);
    return editor;
}

/* ---- what libedit asks ---- */

static int give_key(EditLine *edit, wchar_t *key)
{
    return editor_next_key(editor_of(edit), key) ? 1 : 0;
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

static void insert(struct editor *editor, const char *text, size_t length)
{
    char *copy;

    if (editor->line.length + length > EDITOR_LINE_MOST) {
        editor_screen_beep(&editor->screen);
        return;
    }
    copy = strndup(text, length);
    if (copy != NULL && length > 0)
        el_insertstr(editor->edit, copy);
    free(copy);
}

/* ---- TAB and `?` ---- */

/* Bytes that all the words begin with. */
static size_t common_length(const struct shell_words *words)
{
    const char *first = words->items[0].word;
    size_t same = strlen(first);

    for (size_t i = 1; i < words->count; i++) {
        size_t at = 0;

        while (at < same && words->items[i].word[at] == first[at])
            at++;
        same = at;
    }
    return text_cut_utf8(first, same);
}

/* The words in columns, each column from top to bottom. */
static char *in_columns(const struct shell_words *words, size_t width)
{
    struct text out = {0};
    size_t widest = 1, columns, rows;

    for (size_t i = 0; i < words->count; i++) {
        size_t cells = cells_of(words->items[i].word, strlen(words->items[i].word));

        widest = cells > widest ? cells : widest;
    }
    columns = (width > 80 ? 80 : width) / (widest + 2);
    columns = columns > 0 ? columns : 1;
    rows = (words->count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        size_t blanks = 0;

        for (size_t i = row; i < words->count; i += rows) {
            const char *word = words->items[i].word;

            text_format(&out, "%*s%s", (int)blanks, "", word);
            blanks = widest + 2 - cells_of(word, strlen(word));
        }
        text_add(&out, "\n", 1);
    }
    return text_take(&out);
}

static void list_candidates(struct editor *editor, const struct shell_words *words)
{
    char *list = in_columns(words, editor->screen.width);

    if (list != NULL)
        editor_screen_below(&editor->screen, list);
    free(list);
}

/* Puts `length` bytes of the word in the place of the `typed` bytes before the cursor. */
static void put_word(struct editor *editor, const char *word, size_t length, size_t cursor, size_t typed)
{
    const char *typed_word = editor->line.data + cursor - typed;

    if (length >= typed && memcmp(word, typed_word, typed) == 0) {
        insert(editor, word + typed, length - typed);
        return;
    }
    for (size_t i = 0; i < typed; i++) { /* el_deletestr() counts characters */
        if (((unsigned char)typed_word[i] & 0xc0) != 0x80)
            el_deletestr(editor->edit, 1);
    }
    editor_look(editor);
    insert(editor, word, length);
}

static unsigned char complete(EditLine *edit, int key)
{
    struct editor *editor = editor_of(edit);
    struct shell_words words = {0};
    size_t cursor = editor_look(editor);
    size_t typed = 0, same;

    (void)key;
    if (editor->hooks.complete != NULL)
        editor->hooks.complete(editor->hooks.arg, editor->line.data, cursor, &words, &typed);
    shell_words_sort(&words);
    typed = typed < cursor ? typed : cursor;
    same = words.count > 0 ? common_length(&words) : 0;
    if (words.count == 0) {
        editor_screen_beep(&editor->screen);
    } else if (words.count == 1) {
        bool blank_follows = editor->line.data[cursor] == ' ';

        put_word(editor, words.items[0].word, same, cursor, typed);
        editor_look(editor);
        if (!blank_follows)
            insert(editor, " ", 1);
    } else if (same > typed) {
        put_word(editor, words.items[0].word, same, cursor, typed);
    } else {
        list_candidates(editor, &words);
    }
    shell_words_free(&words);
    return CC_REFRESH;
}

static unsigned char show_help(EditLine *edit, int key)
{
    struct editor *editor = editor_of(edit);
    size_t cursor = editor_look(editor);
    char *help = NULL;

    (void)key;
    if (editor->hooks.help != NULL)
        help = editor->hooks.help(editor->hooks.arg, editor->line.data, cursor);
    if (help != NULL)
        editor_screen_below(&editor->screen, help);
    else
        editor_screen_beep(&editor->screen);
    free(help);
    return CC_REFRESH;
}

/* Ctrl-V. libedit's own would let go of what editor_next_key() refuses. */
static unsigned char take_literally(EditLine *edit, int key)
{
    struct editor *editor = editor_of(edit);
    wchar_t character[2] = {0};

    (void)key;
    editor->keys.literal = true;
    if (el_wgetc(edit, character) != 1)
        return CC_EOF;
    if (character[0] != KEY_NOTHING)
        el_winsertstr(edit, character);
    return CC_REFRESH;
}

static unsigned char draw_line_again(EditLine *edit, int key)
{
    (void)key;
    editor_screen_below(&editor_of(edit)->screen, "");
    return CC_REFRESH;
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
    el_wset(edit, EL_ADDFN, L"primesh-complete", L"", complete);
    el_wset(edit, EL_ADDFN, L"primesh-help", L"", show_help);
    el_wset(edit, EL_ADDFN, L"primesh-literal", L"", take_literally);
    el_wset(edit, EL_ADDFN, L"primesh-again", L"", draw_line_again);
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
    const char *term = getenv("TERM");

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
    editor->screen.can_move =
        term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0 && strcmp(term, "unknown") != 0;
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
    enum editor_end end;
    int count = 0;

    *line = NULL;
    terminal_commands(false);
    terminal_forget_interrupt();
    follow_window(&window_before, &mask_before);
    editor->screen.width = editor_width(editor);
    editor->keys.last_ms = clock_monotonic_ms();
    editor->keys.warned = false;
    editor->keys.literal = false;
    editor->end = EDITOR_GONE;
    editor_screen_start(&editor->screen, editor->hooks.prompt(editor->hooks.arg));
    end = end_of(editor, el_wgets(editor->edit, &count), line);
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    sigaction(SIGWINCH, &window_before, NULL);
    terminal_commands(true);
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
    editor->keys.idle_limit_ms = limit_ms;
}
