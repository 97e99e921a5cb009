#include "shell/line.h"

#include "base/text.h"

#include <string.h>

int line_check(const char *text, size_t length, struct error *err)
{
    if (length > LINE_MOST)
        return error_set(err, ERROR_INVALID_ARGUMENT, "the line is longer than %d bytes", LINE_MOST);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return error_set(err, ERROR_INVALID_ARGUMENT, "the line holds a control character (0x%02x)",
                             byte);
    }
    if (!text_is_utf8(text, length))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the line is not valid UTF-8");
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How a bar at `at` is to be read: words of a modifier keep one that stands between letters. */
static bool bar_parts(const struct line *line, size_t at, bool in_modifier)
{
    return !in_modifier || at == 0 || is_blank(line->text[at - 1]) || at + 1 == line->length ||
           is_blank(line->text[at + 1]);
}

/* Reads the quoted word at `at` into out; returns the byte behind it. */
static size_t read_quoted(struct line *line, size_t at, char *out, size_t *filled)
{
    char quote = line->text[at++];

    line->open = true;
    while (at < line->length) {
        char c = line->text[at++];
        if (c == quote) {
            line->open = false;
            break;
        }
        if (c == '\\' && quote == '"' && at < line->length &&
            (line->text[at] == '"' || line->text[at] == '\\'))
            c = line->text[at++];
        out[(*filled)++] = c;
    }
    return at;
}

static size_t read_plain(struct line *line, size_t at, bool in_modifier, char *out, size_t *filled)
{
    while (at < line->length) {
        char c = line->text[at];
        if (is_blank(c) || (c == '|' && bar_parts(line, at, in_modifier)))
            break;
        if (c == '\\' && at + 1 < line->length && strchr(" \t\"'|", line->text[at + 1]) != NULL)
            c = line->text[++at];
        out[(*filled)++] = c;
        at++;
    }
    return at;
}

int line_split(struct line *line, struct arena *arena, const char *text, size_t length, bool typing,
               size_t *bad, struct error *err)
{
    /* No more words than every other byte, and never more text than the line has. */
    char *room = arena_get(arena, length * 2 + 2);
    size_t since_bar = 0;
    bool barred = false;
    size_t at = 0;

    *line = (struct line){.text = text, .length = length};
    line->words = arena_get(arena, (length + 1) * sizeof(*line->words));
    for (;;) {
        struct line_word *word = &line->words[line->count];
        size_t filled = 0;

        while (at < length && is_blank(text[at]))
            at++;
        if (at == length)
            return 0;
        word->start = at;
        word->text = room;
        if (text[at] == '|') {
            word->bar = true;
            at++;
            room[filled++] = '|';
            barred = true;
            since_bar = 0;
        } else if (text[at] == '"' || text[at] == '\'') {
            word->quoted = true;
            at = read_quoted(line, at, room, &filled);
        } else {
            at = read_plain(line, at, barred && since_bar > 0, room, &filled);
        }
        word->end = at;
        room += filled + 1;
        line->count++;
        since_bar += !word->bar;
        if (line->open && !typing) {
            *bad = word->start;
            return error_set(err, ERROR_INVALID_ARGUMENT, "quote without its end detected at '^' marker.");
        }
        if (word->quoted && at < length && !is_blank(text[at]) && text[at] != '|') {
            *bad = at;
            return error_set(err, ERROR_INVALID_ARGUMENT, "invalid command detected at '^' marker.");
        }
    }
}

size_t line_bar(const struct line *line, size_t from)
{
    while (from < line->count && !line->words[from].bar)
        from++;
    return from;
}
