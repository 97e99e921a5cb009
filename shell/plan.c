/* What stands behind the bars of a line: which modifiers, and the sinks they become. */
#include "shell/complain.h"
#include "shell/modifier.h"
#include "shell/session_private.h"

#include <stdio.h>
#include <string.h>

static const struct modifier_kind *kind_of(const char *name)
{
    for (size_t i = 0; i < modifier_kind_count; i++)
        if (strcmp(modifier_kinds[i].name, name) == 0)
            return &modifier_kinds[i];
    return NULL;
}

/* The arguments, first one first. */
static void take_arguments(struct modifier_use *use, const struct taken *taken)
{
    const size_t most = sizeof(use->arguments) / sizeof(use->arguments[0]);
    size_t count = 0;

    for (const struct taken *at = taken; at != NULL; at = at->before)
        count += at->step->kind == STEP_ARGUMENT;
    use->count = count < most ? count : most;
    for (const struct taken *at = taken; at != NULL; at = at->before) {
        if (at->step->kind != STEP_ARGUMENT || --count >= most)
            continue;
        use->arguments[count] = at->value;
        use->argument = at->step->word;
    }
}

static void take(struct plan *plan, const struct match *match, size_t word)
{
    const char *name = match->entry->path;
    struct modifier_use *use = &plan->uses[plan->count];

    *use = (struct modifier_use){.kind = kind_of(name), .word = word};
    take_arguments(use, match->taken);
    plan->names[plan->count++] = name;
    plan->json = plan->json || strcmp(name, MODIFIER_JSON) == 0;
    plan->more = plan->more || strcmp(name, MODIFIER_MORE) == 0;
    if (strcmp(name, MODIFIER_SAVE) == 0) {
        plan->save_file = use->arguments[0];
        plan->save_repository = use->arguments[1];
    }
}

/* Lines taken out of a document leave none. */
static int refuse_filter_of_json(const struct plan *plan, const struct line *line, struct caret caret,
                                 struct text *out)
{
    for (size_t i = 0; plan->json && i < plan->count; i++) {
        const struct modifier_use *use = &plan->uses[i];
        char message[96];

        if (use->kind == NULL)
            continue;
        snprintf(message, sizeof(message), "\"%s\" takes lines, but \"json\" prints one whole document",
                 use->kind->name);
        complain_at(out, line->text, line->words[use->word].start, caret, message);
        return -1;
    }
    return 0;
}

int plan_read(struct plan *plan, struct arena *arena, const struct shell_session *session,
              const struct line *line, size_t bar, struct caret caret, struct text *out)
{
    *plan = (struct plan){.count = 0};
    while (bar < line->count) {
        size_t end = line_bar(line, bar + 1);
        struct match match;

        match_modifier(&match, arena, &session->grammar, line, bar + 1, end);
        if (match.result != MATCH_DONE) {
            complain_match(out, line, &match, match.result, caret);
            return -1;
        }
        /* Behind `save` nothing comes any more; json changes the form, not the way. */
        if (plan->count == MODIFIERS_MOST ||
            (plan->save_file != NULL && strcmp(match.entry->path, MODIFIER_JSON) != 0)) {
            complain_at(out, line->text, line->words[bar + 1].start, caret,
                        "invalid command detected at '^' marker.");
            return -1;
        }
        take(plan, &match, bar + 1);
        bar = end;
    }
    return refuse_filter_of_json(plan, line, caret, out);
}

bool plan_wants_json(struct arena *arena, const struct shell_session *session, const struct line *line)
{
    for (size_t bar = line_bar(line, 0); bar < line->count; bar = line_bar(line, bar + 1)) {
        struct match match;

        match_modifier(&match, arena, &session->grammar, line, bar + 1, line_bar(line, bar + 1));
        if (match.result == MATCH_DONE && strcmp(match.entry->path, MODIFIER_JSON) == 0)
            return true;
    }
    return false;
}

struct sink *plan_build(const struct plan *plan, const struct line *line, struct sink *base,
                        struct caret caret, struct text *out)
{
    struct sink *sink = base;

    for (size_t i = plan->count; i > 0; i--) {
        const struct modifier_use *use = &plan->uses[i - 1];
        struct error err = {0};
        struct sink *next;

        if (use->kind == NULL)
            continue;
        next = use->kind->make(use->arguments, use->count, sink, &err);
        if (next == NULL) {
            struct match match = {.result = MATCH_BAD_VALUE, .err = err};
            match.argument = use->argument != NULL ? use->argument : use->kind->name;
            match.word = use->argument != NULL ? use->word + 1 : use->word;
            complain_match(out, line, &match, MATCH_BAD_VALUE, caret);
            sink_free(sink);
            return NULL;
        }
        sink = next;
    }
    return sink;
}
