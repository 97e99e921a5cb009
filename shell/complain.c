#include "shell/complain.h"

#include "shell/cells.h"

#include <string.h>

size_t complain_cells(const char *line, size_t at, struct caret caret)
{
    size_t cells = cells_of(line, at);

    for (size_t i = 0; i < at && caret.width > 0; i++)
        cells += line[i] == '\t';
    return cells;
}

void complain_at(struct text *out, const char *line, size_t at, struct caret caret, const char *message)
{
    size_t cells = caret.indent + complain_cells(line, at, caret);

    text_format(out, "%*s^\n%% %s\n", (int)(caret.width > 0 ? cells % caret.width : cells), "", message);
}

/* The byte where the fault is: of the bad word, or the one behind the last word. */
static size_t place_of(const struct line *line, size_t word)
{
    if (word < line->count && !line->words[word].bar)
        return line->words[word].start;
    return word > 0 ? line->words[word - 1].end : 0;
}

void complain_match(struct text *out, const struct line *line, const struct match *match,
                    enum match_result result, struct caret caret)
{
    struct text message = {0};

    switch (result) {
    case MATCH_AMBIGUOUS: {
        const struct line_word *word = &line->words[match->word];
        text_add_string(out, "% ambiguous command: \"");
        text_add(out, line->text + line->words[0].start, word->end - line->words[0].start);
        text_add_string(out, "\" matches:");
        for (size_t i = 0; i < match->candidate_count; i++)
            text_format(out, " %s", match->candidates[i]);
        text_add_string(out, "\n");
        return;
    }
    case MATCH_INCOMPLETE:
        complain_at(out, line->text, place_of(line, match->word), caret,
                    "incomplete command detected at '^' marker.");
        return;
    case MATCH_BAD_VALUE:
        text_format(&message, "invalid value for <%s>: %s", match->argument, match->err.message);
        complain_at(out, line->text, place_of(line, match->word), caret,
                    message.data != NULL ? message.data : "");
        if (match->err.hint[0] != '\0')
            text_format(out, "%s\n", match->err.hint);
        text_free(&message);
        return;
    case MATCH_UNKNOWN:
    case MATCH_DENIED:
    case MATCH_DONE:
        break;
    }
    complain_at(out, line->text, place_of(line, match->word), caret,
                "invalid command detected at '^' marker.");
}
