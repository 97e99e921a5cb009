#include "shell/mask.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEAR_LETTERS 5  /* shorter keywords are like too many words */
#define NEAR_DISTANCE 2 /* letters put in, left out, changed or swapped */
#define NEAR_MOST 40    /* letters */
#define START_LETTERS 2 /* of an abbreviation */
#define DEPTH_MOST 4    /* lines within lines that are looked into */
#define PLAIN_LETTERS 4 /* of an abbreviation that needs no command to be a secret's */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters have to be changed (Damerau's optimal string alignment). */
static size_t distance(const char *one, size_t one_length, const char *other, size_t other_length)
{
    size_t rows[3][NEAR_MOST + 1];

    for (size_t j = 0; j <= other_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= one_length; i++) {
        size_t *now = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= other_length; j++) {
            size_t change = strncasecmp(one + i - 1, other + j - 1, 1) != 0;
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + change);
            if (i > 1 && j > 1 && strncasecmp(one + i - 1, other + j - 2, 1) == 0 &&
                strncasecmp(one + i - 2, other + j - 1, 1) == 0)
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[one_length % 3][other_length];
}

bool mask_nearly(const char *word, const char *keyword)
{
    size_t length = strlen(word), most = strlen(keyword);

    if (length >= START_LETTERS && length <= most && strncasecmp(word, keyword, length) == 0)
        return true;
    if (most < NEAR_LETTERS || most > NEAR_MOST || length > NEAR_MOST)
        return false;
    return distance(word, length, keyword, most) <= NEAR_DISTANCE;
}

/* Does a secret follow the step with nothing but arguments between? */
static bool leads_to_secret(const struct entry *entry, uint16_t number, bool *seen)
{
    const struct step *step = &entry->steps[number];

    if (number == UINT16_MAX || seen[number])
        return false;
    seen[number] = true;
    switch ((enum step_kind)step->kind) {
    case STEP_ARGUMENT:
        return step->type->secret || leads_to_secret(entry, step->next, seen);
    case STEP_SPLIT:
    case STEP_OPTION:
        return leads_to_secret(entry, step->next, seen) ||
               (step->other != UINT16_MAX && leads_to_secret(entry, step->other, seen));
    case STEP_KEYWORD:
    case STEP_END:
        break;
    }
    return false;
}

static bool announces_secret(const struct grammar *grammar, const char *word)
{
    for (size_t e = 0; e < grammar->count; e++) {
        const struct entry *entry = &grammar->entries[e];
        bool any = false;

        for (size_t s = 0; s < entry->count && !any; s++)
            any = entry->steps[s].kind == STEP_ARGUMENT && entry->steps[s].type->secret;
        for (size_t s = 0; s < entry->count && any; s++) {
            bool seen[STEP_MOST] = {false};
            if (entry->steps[s].kind == STEP_KEYWORD && mask_nearly(word, entry->steps[s].word) &&
                leads_to_secret(entry, entry->steps[s].next, seen))
                return true;
        }
    }
    return false;
}

/* What people call a secret, here or on other machines. */
static bool names_secret(const char *word)
{
    static const char *const names[] = {"password", "passphrase", "passwd", "secret", "authkey", "community"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(word) >= PLAIN_LETTERS && mask_nearly(word, names[i]))
            return true;
    return false;
}

/* A URL with a password in it, whatever it was typed as: "//user:password@". */
static bool holds_password(const char *word)
{
    const char *user = strstr(word, "://");
    const char *colon, *at;

    if (user == NULL)
        return false;
    user += 3;
    colon = strchr(user, ':');
    at = strrchr(user, '@');
    return colon != NULL && at != NULL && colon < at;
}

const char *mask_line(struct arena *arena, const struct grammar *grammar, const struct line *line,
                      const bool *secret, size_t bad)
{
    struct text out = {0};
    const char *copy;
    bool announced = false;
    size_t at = 0;

    for (size_t i = 0; i < line->count; i++) {
        const struct line_word *word = &line->words[i];
        if (secret[i] || (announced && i >= bad && !word->bar) || holds_password(word->text)) {
            text_add(&out, line->text + at, word->start - at);
            text_add_string(&out, MASK_TEXT);
            at = word->end;
        }
        if (bad < line->count && !announced)
            announced = names_secret(word->text) || announces_secret(grammar, word->text);
    }
    /* Behind a quote that could not be read the words are missing. */
    while (at < line->length && (line->text[at] == ' ' || line->text[at] == '\t'))
        text_add(&out, line->text + at++, 1);
    if (at < line->length && announced && line->count > 0 && line->words[line->count - 1].end <= at)
        text_add_string(&out, MASK_TEXT);
    else
        text_add(&out, line->text + at, line->length - at);
    if (out.failed)
        abort();
    copy = arena_keep(arena, out.data, out.length);
    explicit_bzero(out.data, out.length);
    text_free(&out);
    return copy;
}

/* The word where a line within the line begins (`do <command>`); 0: there is none. */
static size_t inside_of(const struct match *match)
{
    const struct taken *taken = match->entry == NULL ? NULL : match->taken;

    while (taken != NULL && (taken->step->kind != STEP_ARGUMENT || !taken->step->type->line))
        taken = taken->before;
    return taken == NULL ? 0 : taken->word;
}

static size_t mark_words(const struct mask_place *place, const struct line *line, bool *secret);

/* `do "..."` runs what the quotes hold. One that holds a secret is one altogether. */
static void mark_quoted(const struct mask_place *place, const struct line_word *word, bool *secret)
{
    struct line inner = {0};
    struct error err = {0};
    size_t bad = 0, length = strlen(word->text);
    bool *inside;

    if (length > LINE_MOST || line_split(&inner, place->arena, word->text, length, false, &bad, &err) != 0) {
        *secret = true;
        return;
    }
    inside = arena_get(place->arena, inner.count + 1);
    bad = inner.count > 0 && line_bar(&inner, 0) > 0 ? mark_words(place, &inner, inside) : 0;
    *secret = strcmp(mask_line(place->arena, place->grammar, &inner, inside, bad), word->text) != 0;
}

/* Flags the secrets of an EXEC line. Gives the first word that is not understood, or line->count. */
static size_t mark_words(const struct mask_place *place, const struct line *line, bool *secret)
{
    struct match match = {.mode = NULL};

    match_command(&match, place->arena, place->grammar, &shell_mode_exec, place->role, line,
                  line_bar(line, 0), secret);
    if (match.result != MATCH_DONE && match.result != MATCH_DENIED)
        return match.word;
    return mask_inside(place, line, &match, secret, line->count);
}

size_t mask_inside(const struct mask_place *place, const struct line *line, const struct match *match,
                   bool *secret, size_t bad)
{
    size_t from = inside_of(match), found;
    struct mask_place deeper = *place;
    struct line inner = *line;

    if (from == 0 || from >= line->count)
        return bad;
    if (++deeper.depth > DEPTH_MOST) { /* such a line is not run: nobody needs to read it again */
        memset(secret + from, 1, line_bar(line, from) - from);
        return bad;
    }
    if (line->words[from].quoted && line_bar(line, 0) == from + 1) {
        mark_quoted(&deeper, &line->words[from], &secret[from]);
        return bad;
    }
    inner.words += from;
    inner.count -= from;
    found = mark_words(&deeper, &inner, secret + from);
    return found < inner.count ? from + found : bad;
}
