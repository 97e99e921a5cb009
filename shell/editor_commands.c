/* What TAB, `?`, Ctrl-V and Ctrl-L do: commands added to libedit's own. */
#include "shell/cells.h"
#include "shell/editor_private.h"

#include <histedit.h>
#include <stdlib.h>
#include <string.h>

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

unsigned char editor_complete(EditLine *edit, int key)
{
    struct editor *editor = editor_of_edit(edit);
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

unsigned char editor_show_help(EditLine *edit, int key)
{
    struct editor *editor = editor_of_edit(edit);
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
unsigned char editor_take_literally(EditLine *edit, int key)
{
    struct editor *editor = editor_of_edit(edit);
    wchar_t character[2] = {0};

    (void)key;
    editor->keys.literal = true;
    if (el_wgetc(edit, character) != 1)
        return CC_EOF;
    if (character[0] != KEY_NOTHING)
        el_winsertstr(edit, character);
    return CC_REFRESH;
}

unsigned char editor_draw_again(EditLine *edit, int key)
{
    (void)key;
    editor_screen_below(&editor_of_edit(edit)->screen, "");
    return CC_REFRESH;
}
