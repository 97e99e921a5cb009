#include "shell/modifier.h"

#include "shell/filter.h"
#include "shell/modifier_private.h"
#include "shell/pattern.h"

/* include, exclude, begin, end: a pattern decides. */

struct match_filter {
    struct filter filter;
    struct pattern *pattern;
    bool found;
};

static bool matches(const struct match_filter *match, const char *line, size_t length)
{
    return pattern_matches(match->pattern, line, length - 1);
}

static void include_line(struct filter *filter, const char *line, size_t length)
{
    if (matches((struct match_filter *)filter, line, length))
        filter_pass(filter, line, length);
}

static void exclude_line(struct filter *filter, const char *line, size_t length)
{
    if (!matches((struct match_filter *)filter, line, length))
        filter_pass(filter, line, length);
}

static void begin_line(struct filter *filter, const char *line, size_t length)
{
    struct match_filter *match = (struct match_filter *)filter;

    match->found = match->found || matches(match, line, length);
    if (match->found)
        filter_pass(filter, line, length);
}

static void end_line(struct filter *filter, const char *line, size_t length)
{
    filter_pass(filter, line, length);
    if (matches((struct match_filter *)filter, line, length))
        filter->sink.stopped = true;
}

static void match_clear(struct filter *filter)
{
    pattern_free(((struct match_filter *)filter)->pattern);
}

static struct sink *make_match(const struct filter_kind *kind, const char *const *arguments, size_t count,
                               struct sink *next, struct error *err)
{
    struct pattern *pattern = pattern_new(arguments, count, err);
    struct match_filter *match;

    if (pattern == NULL)
        return NULL;
    match = filter_new(sizeof(*match), kind, next, err);
    if (match == NULL) {
        pattern_free(pattern);
        return NULL;
    }
    match->pattern = pattern;
    return &match->filter.sink;
}

static struct sink *make_include(const char *const *arguments, size_t count, struct sink *next,
                                 struct error *err)
{
    static const struct filter_kind kind = {include_line, NULL, match_clear};

    return make_match(&kind, arguments, count, next, err);
}

static struct sink *make_exclude(const char *const *arguments, size_t count, struct sink *next,
                                 struct error *err)
{
    static const struct filter_kind kind = {exclude_line, NULL, match_clear};

    return make_match(&kind, arguments, count, next, err);
}

static struct sink *make_begin(const char *const *arguments, size_t count, struct sink *next,
                               struct error *err)
{
    static const struct filter_kind kind = {begin_line, NULL, match_clear};

    return make_match(&kind, arguments, count, next, err);
}

static struct sink *make_end(const char *const *arguments, size_t count, struct sink *next, struct error *err)
{
    static const struct filter_kind kind = {end_line, NULL, match_clear};

    return make_match(&kind, arguments, count, next, err);
}

const struct modifier_kind modifier_kinds[] = {
    {"include", "<pattern>", "Only the lines that match a regular expression", make_include},
    {"exclude", "<pattern>", "Only the lines that do not match a regular expression", make_exclude},
    {"begin", "<pattern>", "From the first line that matches on", make_begin},
    {"end", "<pattern>", "Up to the first line that matches", make_end},
    {"section", "<pattern>", "The sections whose first line matches", modifier_section},
    {"count", "", "How many lines there are", modifier_count},
    {"last", "[<count>]", "The last lines, 10 unless said otherwise", modifier_last},
};
const size_t modifier_kind_count = sizeof(modifier_kinds) / sizeof(modifier_kinds[0]);
