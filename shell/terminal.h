/* The person's terminal: raw keys, size, Ctrl-C, the line-wise questions of a running command. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Cells and lines of the terminal on fd; false if it does not say. */
bool terminal_size(int fd, int *columns, int *lines);

/* Between these two, keys come singly and without echo, Ctrl-C as a byte. Restored at exit and by fatal
 * signals. */
int terminal_raw(int fd, struct error *err);
void terminal_restore(int fd);

/* Reads one key; bytes of an escape sequence are swallowed (returns 0). -1: gone. Ctrl-C is 3. */
int terminal_key(int fd);

/* A line with simple editing (Backspace, Ctrl-U, UTF-8) after `question`. echo false: nothing is shown.
 * 1: a line; 0: Ctrl-C; -1: gone. */
int terminal_ask(int in, int out, const char *question, bool echo, char *line, size_t size);

/* Waits for fd to be readable while watching the keys of `in` (-1: none): 1 readable, 0 Ctrl-C, -1 time over.
 */
int terminal_wait(int in, int fd, int timeout_ms);
