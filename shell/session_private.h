/* The inside of a session, shared by the files that make it up. */
#pragma once

#include "shell/call.h"
#include "shell/complete.h"
#include "shell/editor.h"
#include "shell/mask.h"
#include "shell/sink.h"
#include "shell/tree.h"

#include "base/text.h"

#define SESSION_DEPTH 4 /* commands within commands (`do`) */
#define SESSION_LENGTH 24
#define SESSION_WIDTH 80
#define SESSION_WIDTH_MOST 511 /* what a width of 0 stands for */
#define SESSION_TIMEOUT_MINUTES 30

#define INPUT_BLOCK 65536

/* Standard input in batch, read in blocks: shell_input_line() takes its lines from here too. */
struct input {
    char *block;
    size_t at;
    size_t filled;
    bool ended;
};

struct shell_session {
    const struct shell_program *program;
    struct shell_caller caller;
    struct grammar grammar;
    const struct shell_mode *mode;
    struct shell_terminal terminal;
    int seen_columns; /* the screen's size as it was last taken over into `terminal` */
    int seen_lines;
    bool interactive; /* a person sits at a terminal */
    bool leaving;
    bool gone;             /* nobody reads what we write */
    struct editor *editor; /* of a terminal session */
    struct input input;
    bool input_wanted;                 /* the line says that the next line of standard input is its secret, */
    bool input_read;                   /* and it was read */
    struct tree *trees[SESSION_DEPTH]; /* made when first needed */
    unsigned depth;                    /* commands under way */
    char prompt[320];
    char terminal_name[64];
};

struct modifier_use {
    const struct modifier_kind *kind; /* NULL: json, more, save */
    const char *arguments[4];
    size_t count;
    size_t word;          /* its name's number in the line */
    const char *argument; /* the name of the first argument */
};

#define MODIFIERS_MOST 16

struct plan {
    struct modifier_use uses[MODIFIERS_MOST];
    const char *names[MODIFIERS_MOST]; /* in full, for libcli */
    size_t count;
    bool json;
    bool more;
    const char *save_file; /* NULL: not saved */
    const char *save_repository;
};

struct shell_call {
    struct shell_session *session;
    const struct match *match;
    const struct line *parsed;
    const char *line; /* secrets masked */
    struct shell_output *output;
    struct sink *sink;
    struct plan *plan;
    struct shell_call *outer; /* of a `do` */
    struct caret caret;       /* where the line stands on the screen */
    char bar_label[64];       /* shell_progress(): what is on the screen */
    int bar_percent;
    bool bar_open;
    bool complained;  /* why it failed has been said already */
    bool unreachable; /* the appliance did not answer */
};

/* One line, as all four ways run it. caret: how it stands on the screen; *masked (may be NULL) gets
 * a copy for the history, which the caller frees, or NULL for nothing to keep. */
enum shell_status session_run(struct shell_session *session, const char *line, size_t length,
                              struct caret caret, char **masked);

/* Understands and runs a line inside a call, on that call's output. */
int session_run_inside(struct shell_call *outer, const char *line, struct error *err);

/* Writes text for the person: to the terminal with CR LF, or to standard error. */
void session_say(struct shell_session *session, const char *text, size_t length);

/* "% Error: <message>" and the hint. */
void session_complain(struct shell_session *session, const struct error *err);

/* Ends a progress bar that is still on its line. */
void call_end_bar(struct shell_call *call);

/* The next line of standard input without its end, NULL at the end of input. *length is what it had; a line
 * above LINE_MOST comes with its first LINE_MOST + 1 bytes. Lives until the next call. */
const char *input_line(struct input *input, size_t *length);
/* Throws the next line away and wipes it. */
void input_drop(struct input *input);
void input_free(struct input *input);

/* Modifiers behind the bar at word number `bar`. 0, or -1 after having written the complaint to *out. */
int plan_read(struct plan *plan, struct arena *arena, const struct shell_session *session,
              const struct line *line, size_t bar, struct caret caret, struct text *out);

/* Does the line ask for JSON, whatever else is wrong with it? */
bool plan_wants_json(struct arena *arena, const struct shell_session *session, const struct line *line);

/*
 * The sinks that the plan asks for, in front of `base` (taken over). NULL: a pattern is bad; complaint in
 * *out.
 */
struct sink *plan_build(const struct plan *plan, const struct line *line, struct sink *base,
                        struct caret caret, struct text *out);
