/* Runs a program on a terminal of its own, shows what it prints, and may write it down as asciinema does. */
#pragma once

#include "base/error.h"

#include <stdio.h>
#include <sys/types.h>

#define RECORD_ROWS 34
#define RECORD_COLUMNS 110 /* where we have no terminal ourselves */

struct record; /* a file in asciinema's format, version 2: a header line, then a line an event */

/* ERROR_DENIED, ERROR_STORE_FULL: the file cannot be made. */
struct record *record_open(const char *path, const char *title, struct error *err);

/* 0, or -1 when not all could be written. NULL is fine. */
int record_close(struct record *record, struct error *err);

/*
 * Runs the program on a new terminal until it ends: its output goes to `out` and to the recording, what is
 * typed here (where standard input is a terminal) to it. Returns the status of waitpid(2), or -1.
 */
int record_run(struct record *record, char *const argv[], FILE *out, struct error *err);
