#include "shell/filter.h"
#include "shell/modifier_private.h"
#include "shell/pattern.h"

#include <string.h>

#define SECTION_UNDECIDED_MOST 65536U /* bytes kept while it is open what kind of listing it is */

struct section_filter {
    struct filter filter;
    struct pattern *pattern;
    enum { SECTION_UNKNOWN, SECTION_INDENTED, SECTION_PARAGRAPHS } kind;
    bool inside;           /* a line has matched, and its section goes on */
    size_t indentation;    /* of that line */
    struct text undecided; /* while the kind is unknown: the lines since the first match */
};

static size_t indentation_of(const char *line, size_t length)
{
    size_t blanks = 0;

    while (blanks < length && (line[blanks] == ' ' || line[blanks] == '\t'))
        blanks++;
    return blanks;
}

static void section_decided_line(struct section_filter *section, const char *line, size_t length)
{
    size_t indentation = indentation_of(line, length);
    bool empty = indentation + 1 == length;
    bool match = pattern_matches(section->pattern, line, length - 1);

    if (section->kind == SECTION_PARAGRAPHS)
        section->inside = section->inside && !empty;
    else
        section->inside = section->inside && !empty && indentation > section->indentation;
    if (match && !section->inside) {
        section->inside = true;
        section->indentation = indentation;
    }
    if (section->inside)
        filter_pass(&section->filter, line, length);
}

static void section_decide(struct section_filter *section, bool indented)
{
    const char *at = section->undecided.data;
    size_t left = section->undecided.length;

    section->kind = indented ? SECTION_INDENTED : SECTION_PARAGRAPHS;
    while (left > 0) {
        size_t length = (size_t)((const char *)memchr(at, '\n', left) - at) + 1;

        section_decided_line(section, at, length);
        at += length;
        left -= length;
    }
    text_free(&section->undecided);
}

/* The first indented or empty line tells a configuration from a listing of paragraphs. */
static void section_line(struct filter *filter, const char *line, size_t length)
{
    struct section_filter *section = (struct section_filter *)filter;
    size_t indentation = indentation_of(line, length);
    bool empty = indentation + 1 == length;

    if (section->kind == SECTION_UNKNOWN && indentation > 0 && !empty)
        section_decide(section, true);
    if (section->kind != SECTION_UNKNOWN) {
        section_decided_line(section, line, length);
        return;
    }
    if (section->undecided.length > 0 || pattern_matches(section->pattern, line, length - 1))
        text_add(&section->undecided, line, length);
    if (empty)
        section_decide(section, false);
    else if (section->undecided.length > SECTION_UNDECIDED_MOST)
        section_decide(section, true);
}

static void section_end(struct filter *filter)
{
    struct section_filter *section = (struct section_filter *)filter;

    if (section->kind == SECTION_UNKNOWN)
        section_decide(section, true);
}

static void section_clear(struct filter *filter)
{
    struct section_filter *section = (struct section_filter *)filter;

    pattern_free(section->pattern);
    text_free(&section->undecided);
}

struct sink *modifier_section(const char *const *arguments, size_t count, struct sink *next,
                              struct error *err)
{
    static const struct filter_kind kind = {section_line, section_end, section_clear};
    struct pattern *pattern = pattern_new(arguments, count, err);
    struct section_filter *section;

    if (pattern == NULL)
        return NULL;
    section = filter_new(sizeof(*section), &kind, next, err);
    if (section == NULL) {
        pattern_free(pattern);
        return NULL;
    }
    section->pattern = pattern;
    return &section->filter.sink;
}
