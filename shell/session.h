/* One admin's session, in any of the four ways: a terminal, one command, commands on standard input, a pipe.
 */
#pragma once

#include "shell/command.h"

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses of `primesh`. */
enum shell_status {
    SHELL_OK = 0,
    SHELL_FAILED = 1,         /* a command failed */
    SHELL_NOT_UNDERSTOOD = 2, /* a command was not understood */
    SHELL_UNREACHABLE = 3     /* the appliance could not be reached */
};

/* What people type who come from another shell, and what to do here instead: a line behind the caret's. */
struct shell_foreign {
    const char *words; /* the command's start; words may hold wildcards: "copy running-config *" */
    const char *hint;
};

/* What the program brings along. All of it outlives the session. */
struct shell_program {
    const struct shell_branch *branches;
    size_t branch_count;
    const struct shell_type *types;
    size_t type_count;
    const char
        *words; /* help of keywords that mean the same in all commands, as shell_command.words; or NULL */
    const struct shell_foreign *foreign; /* the first that fits counts */
    size_t foreign_count;
    void *context;
    /* May the caller still be here? Asked before each line is understood; may set the role. May be NULL. */
    int (*admit)(void *context, struct error *err);
    /* Are these needs (not 0) of a command met? ERROR_UNREACHABLE makes the exit status 3. May be NULL. */
    int (*require)(void *context, unsigned needs, struct error *err);
    /* A command was refused before its handler ran: for the role, or, with SHELL_CHANGES, for what it needs.
     * May be NULL. */
    void (*refused)(void *context, const char *line, const struct error *err);
    /* The name in the prompt, asked before each prompt. */
    const char *(*hostname)(void *context);
    /* Where `| save <file> repository <name>` writes: an open descriptor, or -1. Asked before the command
     * runs. NULL: there is no `save`. */
    int (*save_open)(void *context, const char *file, const char *repository, struct error *err);
    /* Closes that descriptor; what was written becomes the file, if `whole`. NULL: the descriptor is that of
     * the file itself, which is synced and closed. */
    int (*save_close)(void *context, int fd, bool whole, struct error *err);
};

struct shell_caller {
    const char *user;
    enum shell_role role;
    const char *history_file; /* NULL: no history across sessions */
};

/* ERROR_INTERNAL: the table is wrong (duplicate path, unknown type, ...), with which entry. */
struct shell_session *shell_session_new(const struct shell_program *program,
                                        const struct shell_caller *caller, struct error *err);
void shell_session_free(struct shell_session *session);

/* Runs one line as `primesh -c` does: no echo, no pager, results to standard output, errors to standard
 * error. */
enum shell_status shell_run_line(struct shell_session *session, const char *line);

/* Runs the lines of standard input, comments (`!`, `#`) and empty lines apart, until its end or `exit`; with
 * stop_on_error only up to the first that fails. The status of the first line that failed: what came after it
 * may well have failed because of it. */
enum shell_status shell_run_input(struct shell_session *session, bool stop_on_error);

/* Prompts, edits and runs until the person leaves. Standard input is a terminal. */
enum shell_status shell_run_terminal(struct shell_session *session);

/* For the commands that steer the session. */
void shell_leave(struct shell_session *session);      /* quit, logout */
void shell_leave_mode(struct shell_session *session); /* exit */
void shell_enter_mode(struct shell_session *session, const struct shell_mode *mode);
const struct shell_mode *shell_mode(const struct shell_session *session);
const char *shell_user(const struct shell_session *session);
enum shell_role shell_role(const struct shell_session *session);
void shell_set_role(struct shell_session *session, enum shell_role role); /* it was changed meanwhile */

/*
 * Runs an EXEC command from another mode, on the output of the call: `do <line>`, with a type that has `rest`
 * and `line`. What it does to the mode is undone. SHELL_TROUBLE, or -1 with *err; where the line is not
 * understood the caret has been put under it already, and only the exit status (2) is left to say.
 */
int shell_do(struct shell_call *call, const char *line, struct error *err);

/* Terminal settings of this session (cli.md: terminal length, width, session-timeout). */
struct shell_terminal {
    int length;          /* lines a page; 0: no pager */
    int width;           /* columns; 0: 511 */
    int timeout_minutes; /* of no keystroke; 0: never */
};
struct shell_terminal *shell_terminal(struct shell_session *session);
const char *shell_terminal_name(const struct shell_session *session); /* "/dev/pts/0", or "none" */

/*
 * News for the person at the terminal: while a line is typed, ready(arg) is called whenever fd can be read,
 * and may print lines (each ended by \n) above it with shell_notice(). What comes while a command runs waits.
 * fd -1: no more. False: nobody sits at a terminal.
 */
bool shell_watch(struct shell_session *session, int fd, void (*ready)(void *arg), void *arg);
void shell_notice(struct shell_session *session, const char *text);

/* The history, oldest first. */
size_t shell_history_count(const struct shell_session *session);
const char *shell_history_line(const struct shell_session *session, size_t index);

/* `help`: what can be typed in this mode, with a word on keys and modifiers. */
void shell_print_help(struct shell_call *call);

/* The reference of all visible commands, from the table: Markdown, or a man page's section (roff). */
char *shell_reference_markdown(const struct shell_program *program);
char *shell_reference_roff(const struct shell_program *program);

/* The check of the whole table, for a test: 0, or -1 with the first fault (no help on a word, ambiguous
 * siblings, a typed argument without completion or type, ...). */
int shell_check_table(const struct shell_program *program, struct error *err);
