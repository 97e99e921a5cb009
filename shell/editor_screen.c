/*
 * What the person sees. libedit's own drawing pads with NULs, moves the cursor and clips long lines, in ways
 * that depend on TERM; programs that read their echo back need it literal. So the screen is drawn here: text
 * that was added behind the end goes out as it is, and only an edit elsewhere moves the cursor.
 */
#include "shell/editor_private.h"

#include "shell/cells.h"

#include "base/file.h"

#include <string.h>

struct place {
    size_t row;
    size_t column;
};

static size_t step_of(const char *bytes, size_t length, size_t *cells)
{
    uint32_t codepoint = 0;
    size_t step = text_utf8_next(bytes, length, &codepoint);

    *cells = step > 0 ? cells_of_character(codepoint) : 1;
    return step > 0 ? step : 1;
}

/* Where byte `upto` of the text stands, the text starting in the first column. */
static struct place place_of(const struct editor_screen *screen, const char *bytes, size_t upto)
{
    struct place place = {0};

    for (size_t at = 0; at < upto;) {
        size_t cells, step = step_of(bytes + at, upto - at, &cells);

        if (bytes[at] == '\n') {
            place.row++;
            place.column = 0;
        } else {
            if (place.column + cells > screen->width) {
                place.row++;
                place.column = 0;
            }
            place.column += cells;
        }
        at += step;
    }
    if (place.column >= screen->width)
        place = (struct place){.row = place.row + 1, .column = 0};
    return place;
}

static void put(struct editor_screen *screen, const char *bytes, size_t length)
{
    text_add(&screen->output, bytes, length);
}

static void put_times(struct editor_screen *screen, char byte, size_t times)
{
    while (times-- > 0)
        put(screen, &byte, 1);
}

/* Text of the line: its line breaks (of a search) become CR LF. */
static void put_text(struct editor_screen *screen, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            put(screen, "\r", 1);
        put(screen, bytes + i, 1);
    }
}

static void send_out(struct editor_screen *screen)
{
    if (screen->output.length > 0)
        (void)file_write_all(screen->out, screen->output.data, screen->output.length);
    text_clear(&screen->output);
    if (screen->output.capacity > 4096)
        text_free(&screen->output);
}

/* After text up to `end` of the line was written. */
static void note_margin(struct editor_screen *screen, const char *bytes, size_t end)
{
    struct place place = place_of(screen, bytes, end);

    screen->at_margin = place.row > 0 && place.column == 0 && end > 0 && bytes[end - 1] != '\n';
}

/* A terminal that waits at the margin takes the next line's first column. */
static void leave_margin(struct editor_screen *screen)
{
    if (screen->at_margin)
        put(screen, "\r\n", 2);
    screen->at_margin = false;
}

static void move(struct editor_screen *screen, const char *bytes, size_t from, size_t to)
{
    struct place old, new;

    if (from == to)
        return;
    old = place_of(screen, bytes, from);
    new = place_of(screen, bytes, to);
    leave_margin(screen);
    if (old.row != new.row && screen->can_move) {
        if (new.row < old.row)
            text_format(&screen->output, "\033[%zuA", old.row - new.row);
        put_times(screen, '\n', new.row > old.row ? new.row - old.row : 0);
        put(screen, "\r", 1);
        if (new.column > 0)
            text_format(&screen->output, "\033[%zuC", new.column);
    } else if (old.row == new.row &&new.column < old.column) {
        put_times(screen, '\b', old.column - new.column);
    } else if (old.row == new.row &&new.column > old.column) {
        put_text(screen, bytes + from, to - from);
    }
}

/* Erases what the longer text before has left behind the end of the new one. */
static void erase_rest(struct editor_screen *screen, struct place old, struct place new)
{
    if (old.row == new.row && old.column > new.column) {
        put_times(screen, ' ', old.column - new.column);
        put_times(screen, '\b', old.column - new.column);
    } else if (old.row > new.row) {
        leave_margin(screen);
        put(screen, "\033[J", 3);
    }
}

static void replace_shown(struct editor_screen *screen, struct text *text, size_t cursor)
{
    text_free(&screen->shown);
    screen->shown = *text;
    screen->cursor = cursor;
}

static size_t common_start(const struct text *a, const struct text *b)
{
    size_t most = a->length < b->length ? a->length : b->length;
    size_t same = 0;

    while (same < most && a->data[same] == b->data[same])
        same++;
    while (same > 0 && same < b->length && ((unsigned char)b->data[same] & 0xc0) == 0x80)
        same--;
    while (same > 0 && same < a->length && ((unsigned char)a->data[same] & 0xc0) == 0x80)
        same--;
    return same;
}

static void draw(struct editor_screen *screen, struct text *text, size_t cursor)
{
    const struct text *old = &screen->shown;
    size_t same = common_start(old, text);
    struct place old_end = place_of(screen, old->data, old->length);
    struct place new_end = place_of(screen, text->data, text->length);

    if (!screen->can_move && (old_end.row > 0 || new_end.row > 0) &&
        (same < old->length || cursor < text->length || screen->cursor < old->length)) {
        /* A terminal that cannot move up gets the whole line again, below. */
        put(screen, "\r\n", 2);
        put_text(screen, text->data, text->length);
        cursor = text->length;
    } else {
        move(screen, old->data, screen->cursor, same);
        put_text(screen, text->data + same, text->length - same);
        if (text->length > same)
            note_margin(screen, text->data, text->length);
        erase_rest(screen, old_end, new_end);
        move(screen, text->data, text->length, cursor);
    }
    replace_shown(screen, text, cursor);
    send_out(screen);
}

/* What libedit puts in front of what Ctrl-R looks for, in words. Gives its bytes, 0: it is none of these. */
static size_t add_search(struct text *text, const char *line, size_t length)
{
    static const char *const marks[][2] = {{"\nbck:", "\nSearch: "}, {"\nbck?", "\nNot found: "}};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t mark = strlen(marks[i][0]);

        if (length < mark || memcmp(line, marks[i][0], mark) != 0)
            continue;
        text_add_string(text, marks[i][1]);
        return mark;
    }
    return 0;
}

/* Control characters stand as ^X. */
static void add_visible(struct text *text, const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)line[i];
        size_t mark = byte == '\n' ? add_search(text, line + i, length - i) : 0;

        if (mark > 0)
            i += mark - 1;
        else if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
            text_add(text, (const char[]){'^', (char)(byte ^ 0x40)}, 2);
        else
            text_add(text, line + i, 1);
    }
}

void editor_screen_start(struct editor_screen *screen, const char *prompt)
{
    text_clear(&screen->shown);
    text_add_string(&screen->shown, prompt);
    screen->prompt = screen->shown.length;
    screen->cursor = screen->prompt;
    put(screen, prompt, screen->prompt);
    note_margin(screen, screen->shown.data, screen->prompt);
    send_out(screen);
}

void editor_screen_update(struct editor_screen *screen, const char *line, size_t length, size_t cursor)
{
    struct text text = {0};
    size_t visible_cursor;

    text_add(&text, screen->shown.data, screen->prompt);
    add_visible(&text, line, cursor);
    visible_cursor = text.length;
    add_visible(&text, line + cursor, length - cursor);
    if (text.failed || (text.length == screen->shown.length && visible_cursor == screen->cursor &&
                        memcmp(text.data, screen->shown.data, text.length) == 0))
        text_free(&text);
    else
        draw(screen, &text, visible_cursor);
}

void editor_screen_leave(struct editor_screen *screen, const char *mark)
{
    move(screen, screen->shown.data, screen->cursor, screen->shown.length);
    put(screen, mark, strlen(mark));
    put(screen, "\r\n", 2);
    screen->at_margin = false;
    screen->cursor = screen->shown.length;
    send_out(screen);
}

static void put_lines(struct editor_screen *screen, const char *text)
{
    size_t length = strlen(text);

    put_text(screen, text, length);
    if (length > 0 && text[length - 1] != '\n')
        put(screen, "\r\n", 2);
}

/* Prompt and line anew from the start of a fresh line. */
static void draw_again(struct editor_screen *screen)
{
    screen->at_margin = false;
    put_text(screen, screen->shown.data, screen->shown.length);
    note_margin(screen, screen->shown.data, screen->shown.length);
    move(screen, screen->shown.data, screen->shown.length, screen->cursor);
    send_out(screen);
}

void editor_screen_below(struct editor_screen *screen, const char *text)
{
    move(screen, screen->shown.data, screen->cursor, screen->shown.length);
    put(screen, "\r\n", 2);
    put_lines(screen, text);
    draw_again(screen);
}

void editor_screen_above(struct editor_screen *screen, const char *text)
{
    struct place end = place_of(screen, screen->shown.data, screen->shown.length);
    const char *line_end = strchrnul(text, '\n');
    size_t cells = cells_of(text, (size_t)(line_end - text));

    if (end.row == 0) {
        /* Blanks behind the text's first line cover what was typed: no escape sequence needed. */
        put(screen, "\r", 1);
        put_text(screen, text, (size_t)(line_end - text));
        put_times(screen, ' ', end.column > cells ? end.column - cells : 0);
        put(screen, "\r\n", 2);
        put_lines(screen, *line_end != '\0' ? line_end + 1 : "");
    } else if (screen->can_move) {
        move(screen, screen->shown.data, screen->cursor, 0);
        put(screen, "\033[J", 3);
        put_lines(screen, text);
    } else {
        put(screen, "\r\n", 2);
        put_lines(screen, text);
    }
    draw_again(screen);
}

void editor_screen_resize(struct editor_screen *screen, size_t width)
{
    struct place before, after;

    if (width == screen->width)
        return;
    before = place_of(screen, screen->shown.data, screen->shown.length);
    screen->width = width;
    after = place_of(screen, screen->shown.data, screen->shown.length);
    screen->at_margin = screen->at_margin && after.column == 0;
    if ((before.row > 0 || after.row > 0) && screen->can_move) {
        move(screen, screen->shown.data, screen->cursor, 0);
        put(screen, "\r\033[J", 4);
        draw_again(screen);
    }
}

void editor_screen_beep(struct editor_screen *screen)
{
    put(screen, "\a", 1);
    send_out(screen);
}
