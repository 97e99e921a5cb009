/* What a handler gets: its arguments, its output, and the person at the other end. */
#pragma once

#include "shell/command.h"
#include "shell/output.h"

/* The argument of that name (the type's where it has none of its own); NULL when it was left out. */
const char *shell_arg(const struct shell_call *call, const char *name);

/* True if the keyword was given, e.g. "force". Keywords are fetched by their full word. */
bool shell_has(const struct shell_call *call, const char *keyword);

/* True if the `no` form of the command was typed. */
bool shell_is_no(const struct shell_call *call);

struct shell_output *shell_output(struct shell_call *call);
struct shell_session *shell_call_session(struct shell_call *call);
void *shell_context(struct shell_call *call); /* the program's own: shell_program.context */

/* The line as typed, secrets masked: for the audit trail. Lives as long as the call. */
const char *shell_line(const struct shell_call *call);

/*
 * Asks for a line; `question` is printed as it is, the preset in brackets and the closing blank included.
 * `preset` (may be NULL) is what Enter alone answers. Without a terminal:
 * ERROR_INVALID_ARGUMENT
 * "... was not given", with `argument` (e.g. "cn <name>") named in the hint as the way to give it on the
 * line. Ctrl-C: ERROR_BUSY "interrupted".
 */
int shell_ask(struct shell_call *call, const char *question, const char *preset, const char *argument,
              char *out, size_t size, struct error *err);

/* The same without echo. The caller wipes `out`. */
int shell_ask_secret(struct shell_call *call, const char *question, const char *argument, char *out,
                     size_t size, struct error *err);

/*
 * The next line of standard input, for arguments such as `password-stdin`; in a script it is the line behind
 * the command. At a terminal it is read without echo. The caller wipes `out`. ERROR_INVALID_ARGUMENT: there
 * is none, or it does not fit.
 */
int shell_input_line(struct shell_call *call, char *out, size_t size, struct error *err);

/* Asks yes or no; 1, 0, or -1. Without a terminal the hint names `argument` ("force"). */
int shell_confirm(struct shell_call *call, const char *question, bool preset, const char *argument,
                  struct error *err);

/* A bar `Label   [####    ]  40%`, redrawn in place on a terminal; elsewhere a line at 0, 50 and 100. Silent
 * in JSON. */
void shell_progress(struct shell_call *call, const char *label, int percent);

/* The appliance went away, or does not answer any more: where the command fails, its exit status says so. */
void shell_lost_appliance(struct shell_call *call);

/* Waits until fd can be read, at most timeout_ms (-1: for ever). 1: it can; 0: Ctrl-C; -1: the time is over.
 */
int shell_wait(struct shell_call *call, int fd, int timeout_ms);

/*
 * For a command that shows what comes until somebody stops it, to be asked now and then: true when the
 * session has been idle for its time, and ends. Says the warning before. Without a terminal: false.
 */
bool shell_idle(struct shell_call *call);
