/* The person's terminal: raw keys, size, Ctrl-C, the line-wise questions of a running command. */
#pragma once

#include "shell/idle.h"

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Cells and lines of the terminal on fd; false if it does not say. */
bool terminal_size(int fd, int *columns, int *lines);

/* By its TERM, does it understand cursor movement (ECMA-48)? */
bool terminal_can_move(void);

/*
 * To be called before anything that takes time, where terminal_raw() is to follow: what is typed from here on
 * waits for the prompt and is shown only behind it. Ctrl-C still ends the program. Does nothing where `in` is
 * no terminal.
 */
void terminal_quiet(int in, int out);

/* Between these two, keys come singly and without echo, Ctrl-C as a byte, and line ends go out as they are.
 * Restored at exit and by fatal signals; taken up again after a stop (SIGCONT). One terminal at a time.
 * ERROR_INTERNAL: fd is no terminal. */
int terminal_raw(int fd, struct error *err);
void terminal_restore(int fd);

/*
 * While a command runs (true), Ctrl-C is not queued among the keys typed ahead but noted at once, and it cuts
 * short what blocks: terminal_interrupted(). The editor switches this on when it gives a line and off when it
 * reads the next. Does nothing outside terminal_raw().
 */
void terminal_commands(bool running);

/* True from a Ctrl-C under terminal_commands(true) on, until terminal_forget_interrupt(). */
bool terminal_interrupted(void);
void terminal_forget_interrupt(void);

/*
 * The time without a key after which a session ends (0: never), at --More--, at a question and in
 * terminal_watched(). The clock starts with a line's command, with each question and with each key.
 */
void terminal_set_idle_limit(int64_t limit_ms);

/* True once that time is over: nobody is there, and the session ends. */
bool terminal_idle_over(void);

/* For a command that only shows what comes: keys left for the next line count too. TERMINAL_IDLE: the warning
 * is due, and in `warning` (IDLE_WARNING_SIZE); -1: the time is over; 0: neither. */
#define TERMINAL_IDLE (-2)
int terminal_watched(int in, char *warning);

/* Reads one key: a byte, or 0 for an escape sequence, which is swallowed whole. -1: gone, or idle for too
 * long. TERMINAL_IDLE: the warning is due, and in `warning` (IDLE_WARNING_SIZE). Ctrl-C is 3. */
int terminal_key(int fd, char *warning);

/* The waiting for keys begins. */
void terminal_expect_key(void);

/* Inside of the two above: milliseconds until the warning or the end (-1: for ever), and what then is due. */
int64_t terminal_idle_left(void);
int terminal_idle_passed(char *warning);

/* A line with simple editing (Backspace, Ctrl-U, UTF-8) after `question`. echo false: nothing is shown. What
 * does not fit into size - 1 bytes is refused with a beep. 1: a line; 0: Ctrl-C; -1: gone, or Ctrl-D on an
 * empty line. Keys of later lines stay with the terminal. */
int terminal_ask(int in, int out, const char *question, bool echo, char *line, size_t size);

/* Waits for fd to be readable while watching the terminal `in` (-1: none) for Ctrl-C; other keys are left for
 * the next line. fd -1: only waits; if nobody types either, the end of who reads standard output counts as
 * Ctrl-C. A Ctrl-C that is returned is forgotten. 1 readable (or hung up), 0 Ctrl-C, -1 time over; timeout_ms
 * -1: for ever.
 */
int terminal_wait(int in, int fd, int timeout_ms);
