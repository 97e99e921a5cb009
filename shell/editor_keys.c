/* From the bytes of the terminal to the keys libedit knows. Bytes are read one by one: what is typed ahead of
 * a command's questions must stay with the terminal for them. */
#include "shell/editor_private.h"

#include "shell/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SEQUENCE_MOST 16     /* bytes of an escape sequence that means something */
#define SEARCH_MOST 40       /* bytes of what Ctrl-R looks for */
#define SEQUENCE_WAIT_MS 500 /* for the rest of a character or sequence: it may cross a slow line */

static bool finish(struct editor *editor, enum editor_end end)
{
    editor->end = end;
    return false;
}

/* The time of the warning, or of the end, has come. */
static bool idle_passed(struct editor *editor)
{
    char warning[IDLE_WARNING_SIZE];

    if (!idle_warn(&editor->keys.idle, warning, sizeof(warning)))
        return finish(editor, EDITOR_IDLE);
    editor_screen_above(&editor->screen, warning);
    return true;
}

static bool wait_for_byte(struct editor *editor)
{
    struct editor_keys *keys = &editor->keys;
    sigset_t during;

    pthread_sigmask(SIG_SETMASK, NULL, &during);
    sigdelset(&during, SIGWINCH);
    for (;;) {
        struct pollfd wait[2] = {{.fd = editor->in, .events = POLLIN}, {.fd = keys->watch, .events = POLLIN}};
        int64_t left = idle_left(&keys->idle);
        struct timespec limit = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        int ready = ppoll(wait, 2, left < 0 ? NULL : &limit, &during);

        if (ready < 0 && errno != EINTR)
            return finish(editor, EDITOR_GONE);
        if (ready < 0)
            editor_screen_resize(&editor->screen, editor_width(editor));
        else if (ready == 0 && !idle_passed(editor))
            return false;
        else if (ready > 0 && wait[0].revents != 0)
            return true;
        else if (ready > 0 && wait[1].revents != 0)
            keys->ready(keys->ready_arg);
    }
}

/* The next byte that a finger sent; -1: editor->end says why there is none. */
static int next_byte(struct editor *editor)
{
    unsigned char byte = 0;

    while (byte == 0) { /* a NUL is line noise, or somebody who wants to keep an idle session open */
        ssize_t got;

        if (!wait_for_byte(editor))
            return -1;
        got = read(editor->in, &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
            finish(editor, EDITOR_GONE);
            return -1;
        }
    }
    idle_touch(&editor->keys.idle);
    return byte;
}

/* The next byte of something that has begun; 0: none comes. */
static int following_byte(struct editor *editor)
{
    struct pollfd wait = {.fd = editor->in, .events = POLLIN};
    unsigned char byte;

    if (poll(&wait, 1, SEQUENCE_WAIT_MS) != 1 || read(editor->in, &byte, 1) != 1)
        return 0;
    return byte;
}

/* Puts the rest of a UTF-8 character together. 0: it is none. */
static wchar_t finish_character(struct editor *editor, int lead)
{
    char bytes[4] = {(char)lead};
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t codepoint = 0;

    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    for (size_t i = 1; i < need; i++) {
        int byte = following_byte(editor);

        if ((byte & 0xc0) != 0x80)
            return 0;
        bytes[i] = (char)byte;
    }
    return text_utf8_next(bytes, need, &codepoint) == need && codepoint >= 0xa0 ? (wchar_t)codepoint : 0;
}

/* `ESC [ parameters final`: xterm's keys, the Linux console's, rxvt's. 0: a key we have no use for. */
static wchar_t control_sequence(struct editor *editor)
{
    static const struct {
        const char *sequence;
        wchar_t key;
    } known[] = {{"A", 'P' - '@'},         {"B", 'N' - '@'},       {"C", 'F' - '@'},
                 {"D", 'B' - '@'},         {"H", 'A' - '@'},       {"F", 'E' - '@'},
                 {"1~", 'A' - '@'},        {"7~", 'A' - '@'},      {"4~", 'E' - '@'},
                 {"8~", 'E' - '@'},        {"3~", KEY_DELETE},     {"1;5C", KEY_WORD_RIGHT},
                 {"1;3C", KEY_WORD_RIGHT}, {"5C", KEY_WORD_RIGHT}, {"1;5D", KEY_WORD_LEFT},
                 {"1;3D", KEY_WORD_LEFT},  {"5D", KEY_WORD_LEFT},  {"3;5~", KEY_DELETE_WORD}};
    char sequence[SEQUENCE_MOST + 1] = {0};
    size_t used = 0;
    int byte;

    do {
        byte = following_byte(editor);
        if (byte >= 0x20 && used < SEQUENCE_MOST)
            sequence[used++] = (char)byte;
    } while (byte >= 0x20 && byte < 0x40);
    if (used == 1 && byte == '[') /* the Linux console's function keys: ESC [ [ A */
        following_byte(editor);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].sequence, sequence) == 0)
            return known[i].key;
    }
    return 0;
}

/* What Escape starts. `ESC O letter` are the arrows in application mode; Escape and a letter is Alt. */
static wchar_t escape_key(struct editor *editor)
{
    static const char from[] = "ABCDHF", to[] = "PNFBAE";
    int byte = following_byte(editor);
    const char *found;

    switch (byte) {
    case '[':
        return control_sequence(editor);
    case 'O':
        byte = following_byte(editor);
        found = byte != 0 ? strchr(from, byte) : NULL;
        return found != NULL ? to[found - from] - '@' : 0;
    case 'b':
        return KEY_WORD_LEFT;
    case 'f':
        return KEY_WORD_RIGHT;
    case 'd':
        return KEY_DELETE_WORD;
    case 0x7f:
    case '\b':
        return 'W' - '@';
    default:
        return 0;
    }
}

/* Keys that end the reading of this line. False: `byte` is no such key, or the line is not empty. */
static bool ends_line(struct editor *editor, int byte)
{
    if (byte == 'C' - '@')
        editor->end = EDITOR_EMPTY;
    else if (byte == 'Z' - '@')
        editor->end = EDITOR_MODE_END;
    else if (byte == 'D' - '@' && editor->line.length == 0)
        editor->end = EDITOR_EXIT;
    else
        return false;
    return true;
}

/* Has the next byte come already? Whoever sends CR LF sends them together. */
static bool has_more(const struct editor *editor)
{
    int waiting = 0;

    return ioctl(editor->in, FIONREAD, &waiting) == 0 && waiting > 0;
}

/* 0: no key for libedit. */
static wchar_t key_of(struct editor *editor, int byte)
{
    bool after_return = editor->keys.after_return;
    wchar_t key;

    editor->keys.after_return = byte == '\r' && has_more(editor);
    if (byte == '\n' && after_return)
        return 0;
    if (byte == '\r')
        return '\n';
    if (byte == 0x1b)
        return escape_key(editor);
    if (byte == 'D' - '@')
        return KEY_DELETE;
    if (byte >= KEY_WORD_LEFT && byte <= KEY_DELETE)
        return 0;
    if (byte < 0x80)
        return byte;
    key = finish_character(editor, byte);
    if (key == 0)
        editor_screen_beep(&editor->screen);
    return key;
}

static size_t utf8_length(wchar_t key)
{
    return key < 0x80 ? 1 : key < 0x800 ? 2 : key < 0x10000 ? 3 : 4;
}

/* Ctrl-R shows what it looks for behind the line, after a line break, which no line can hold itself. */
static bool is_searching(const struct editor *editor)
{
    return editor->line.length > 0 && memchr(editor->line.data, '\n', editor->line.length) != NULL;
}

/*
 * A key that is not for the search. libedit would end the search and run the key's command without asking for
 * a key again; so it gets an Escape, which ends the search, and then the key, with a look at the cursor in
 * between (editor_look()). libedit goes by a character's last byte here, whatever the rest of it is.
 */
static bool ends_search(wchar_t key)
{
    unsigned char byte = (unsigned char)key;
    bool printable = (byte >= 0x20 && byte < 0x7f && byte != '?') || byte >= 0xa0;

    return !printable && key != 'R' - '@' && key != 'H' - '@' && key != 0x7f && key != 'W' - '@' &&
           key != 'G' - '@';
}

/* Does Ctrl-R look for as much as it may? libedit shows that below the line, and tries each line of the
 * history with a regular expression for every key: a long paste would keep it busy for minutes. */
static bool is_search_full(const struct editor *editor)
{
    const char *shown = editor->line.length > 0 ? memchr(editor->line.data, '\n', editor->line.length) : NULL;

    return shown != NULL && strlen(shown) > strlen("\nbck:") + SEARCH_MOST;
}

/* Would the line be longer than it may be? */
static bool is_too_much(const struct editor *editor, wchar_t key)
{
    if (key >= 0x20 && key != 0x7f && is_search_full(editor))
        return true;
    if (key == '\n')
        return editor->line.length > EDITOR_LINE_MOST;
    return key >= 0x20 && key != 0x7f && editor->line.length + utf8_length(key) > EDITOR_LINE_MOST;
}

/* The key after Ctrl-V, as it is. What cannot stand in a line is refused. */
static wchar_t literal_key(struct editor *editor, int byte)
{
    wchar_t key = byte < 0x80 ? byte : finish_character(editor, byte);

    editor->keys.literal = false;
    if (key == '\r' || key == '\n' || key == 0) {
        editor_screen_beep(&editor->screen);
        key = KEY_NOTHING;
    }
    return key;
}

bool editor_next_key(struct editor *editor, wchar_t *key)
{
    size_t cursor = editor_look(editor);
    bool literal = editor->keys.literal;

    editor_screen_update(&editor->screen, editor->line.data, editor->line.length, cursor);
    if (editor->keys.kept != 0) {
        *key = editor->keys.kept;
        editor->keys.kept = 0;
        return true;
    }
    for (;;) {
        int byte = next_byte(editor);

        if (byte < 0)
            return false;
        if (!literal && ends_line(editor, byte))
            return false;
        *key = literal ? literal_key(editor, byte) : key_of(editor, byte);
        if (*key == 0)
            continue;
        if (is_searching(editor) && ends_search(*key)) {
            editor->keys.kept = *key;
            *key = KEY_ESCAPE;
            return true;
        }
        if (!is_too_much(editor, *key))
            return true;
        editor_screen_beep(&editor->screen);
        if (literal) {
            *key = KEY_NOTHING;
            return true;
        }
    }
}
