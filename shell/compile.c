#include "shell/compile.h"

#include <ctype.h>
#include <string.h>

/*
 * The string is read from its end's point of view: sequence(continuation) returns the step where the sequence
 * starts, and everything in it leads to `continuation` at last. Since a sequence's items are met from left to
 * right, each item is compiled to lead to a placeholder (a split with one way) that the next item fills.
 */
struct compiler {
    struct arena *arena;
    const struct shell_program *program;
    type_lookup lookup;
    const struct shell_command *command;
    const char *at;
    struct step steps[STEP_MOST];
    size_t count;
    unsigned options;
    struct error *err;
};

#define NOWHERE UINT16_MAX

static int fault(struct compiler *c, const char *what)
{
    return error_set(c->err, ERROR_INTERNAL, "command \"%s\": %s at \"%.30s\"", c->command->grammar, what,
                     c->at);
}

/* The number of a new step, or -1. */
static int add(struct compiler *c, enum step_kind kind)
{
    if (c->count == STEP_MOST)
        return fault(c, "the grammar is too long");
    c->steps[c->count] = (struct step){.kind = (uint8_t)kind, .next = NOWHERE, .other = NOWHERE};
    return (int)c->count++;
}

static void skip_blanks(struct compiler *c)
{
    while (*c->at == ' ')
        c->at++;
}

/* A way in and a way out; the way out is a split whose `next` is still open. */
struct piece {
    uint16_t in;
    uint16_t out;
};

static int sequence(struct compiler *c, struct piece *piece, unsigned depth);

static int join(struct compiler *c, struct piece *piece)
{
    int out = add(c, STEP_SPLIT);

    if (out < 0)
        return -1;
    piece->out = (uint16_t)out;
    return 0;
}

static int keyword(struct compiler *c, struct piece *piece)
{
    size_t length = strcspn(c->at, " {}[]<>|");
    int step = add(c, STEP_KEYWORD);

    if (step < 0 || join(c, piece) != 0)
        return -1;
    if (length == 0)
        return fault(c, "a keyword is missing");
    c->steps[step].word = arena_keep(c->arena, c->at, length);
    c->steps[step].next = piece->out;
    piece->in = (uint16_t)step;
    c->at += length;
    return 0;
}

static int argument(struct compiler *c, struct piece *piece)
{
    const char *name = c->at + 1;
    size_t length = strcspn(name, "<>{}[]| ");
    const char *colon = memchr(name, ':', length);
    const char *type = colon != NULL ? colon + 1 : name;
    size_t name_length = colon != NULL ? (size_t)(colon - name) : length;
    int step = add(c, STEP_ARGUMENT);

    if (step < 0 || join(c, piece) != 0)
        return -1;
    if (name_length == 0 || name[length] != '>')
        return fault(c, "an argument is not written <name> or <name:type>");
    c->steps[step].word = arena_keep(c->arena, name, name_length);
    c->steps[step].type = c->lookup(c->program, type, (size_t)(name + length - type));
    if (c->steps[step].type == NULL)
        return fault(c, "the type is unknown");
    c->steps[step].next = piece->out;
    piece->in = (uint16_t)step;
    c->at = name + length + 1;
    return 0;
}

static int alternatives(struct compiler *c, struct piece *piece, unsigned depth)
{
    int way = -1;

    if (join(c, piece) != 0)
        return -1;
    do {
        int split = add(c, STEP_SPLIT);
        struct piece one;

        c->at++; /* the { or | */
        if (split < 0 || sequence(c, &one, depth + 1) != 0)
            return -1;
        c->steps[split].next = one.in;
        c->steps[one.out].next = piece->out;
        if (way < 0)
            piece->in = (uint16_t)split;
        else
            c->steps[way].other = (uint16_t)split;
        way = split;
    } while (*c->at == '|');
    if (*c->at != '}')
        return fault(c, "a { is not closed");
    c->at++;
    return 0;
}

/* Neighbouring [..] [..]: from the end of each, all of them can be entered again that were not yet. */
static int options(struct compiler *c, struct piece *piece, unsigned depth)
{
    int before = -1;

    do {
        int option = add(c, STEP_OPTION);
        struct piece body;

        if (option < 0)
            return -1;
        if (c->options == OPTION_MOST)
            return fault(c, "there are too many [..]");
        c->steps[option].option = (uint8_t)c->options++;
        c->at++;
        if (sequence(c, &body, depth + 1) != 0)
            return -1;
        if (*c->at != ']')
            return fault(c, "a [ is not closed");
        c->at++;
        if (before < 0)
            piece->in = (uint16_t)option;
        else
            c->steps[before].other = (uint16_t)option;
        c->steps[option].next = body.in;
        c->steps[body.out].next = piece->in;
        before = option;
        skip_blanks(c);
    } while (*c->at == '[');
    if (join(c, piece) != 0)
        return -1;
    c->steps[before].other = piece->out;
    return 0;
}

#define DEPTH_MOST 16

static int item(struct compiler *c, struct piece *piece, unsigned depth)
{
    switch (*c->at) {
    case '<':
        return argument(c, piece);
    case '{':
        return alternatives(c, piece, depth);
    case '[':
        return options(c, piece, depth);
    default:
        return keyword(c, piece);
    }
}

static int sequence(struct compiler *c, struct piece *piece, unsigned depth)
{
    bool first = true;

    if (depth > DEPTH_MOST)
        return fault(c, "the brackets stand too deep");
    for (skip_blanks(c); *c->at != '\0' && strchr("|]}", *c->at) == NULL; skip_blanks(c)) {
        struct piece next;
        if (item(c, &next, depth) != 0)
            return -1;
        if (first)
            *piece = next;
        else
            c->steps[piece->out].next = next.in;
        piece->out = next.out;
        first = false;
    }
    return first ? fault(c, "something is missing") : 0;
}

/* Splits with one way only were a help in building: whoever leads there is led on. */
static uint16_t led_on(const struct compiler *c, uint16_t step)
{
    while (step != NOWHERE && c->steps[step].kind == STEP_SPLIT && c->steps[step].other == NOWHERE)
        step = c->steps[step].next;
    return step;
}

static void add_lead(struct compiler *c, struct entry *entry)
{
    const char *at = c->command->grammar;
    size_t length;
    char *path = arena_get(c->arena, strlen(at) + 1);
    size_t used = 0;

    for (entry->lead = 0;; entry->lead++) {
        at += strspn(at, " ");
        length = strcspn(at, " ");
        if (length == 0 || strcspn(at, "{}[]<>|") < length)
            break;
        if (used > 0)
            path[used++] = ' ';
        memcpy(path + used, at, length);
        used += length;
        at += length;
    }
    entry->path = path;
}

int compile_entry(struct arena *arena, const struct shell_program *program, type_lookup lookup,
                  const struct shell_command *command, struct entry *entry, struct error *err)
{
    struct compiler c;
    struct piece whole;
    int end;

    c.arena = arena;
    c.program = program;
    c.lookup = lookup;
    c.command = command;
    c.at = command->grammar;
    c.count = 0;
    c.options = 0;
    c.err = err;
    if (sequence(&c, &whole, 0) != 0)
        return -1;
    if (*c.at != '\0')
        return fault(&c, "a bracket is closed that was not opened");
    end = add(&c, STEP_END);
    if (end < 0)
        return -1;
    c.steps[whole.out].next = (uint16_t)end;
    for (size_t i = 0; i < c.count; i++) {
        c.steps[i].next = led_on(&c, c.steps[i].next);
        c.steps[i].other = led_on(&c, c.steps[i].other);
    }
    entry->command = command;
    entry->count = (uint16_t)c.count;
    entry->start = led_on(&c, whole.in);
    entry->steps = arena_get(arena, c.count * sizeof(*c.steps));
    memcpy(entry->steps, c.steps, c.count * sizeof(*c.steps));
    add_lead(&c, entry);
    return entry->lead > 0 ? 0 : fault(&c, "it does not start with a keyword");
}
