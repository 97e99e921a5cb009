/* One log file of a node: lines with the time in front, safe to write from any thread. */
#pragma once

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log;

/*
 * Opens the file for appending, making it (mode 0640) where there is none. Lines above `most` are dropped.
 * path "-" is standard error. Errors: ERROR_INTERNAL, ERROR_STORE_FULL. Close with log_close().
 */
struct log *log_open(const char *path, enum log_level most, struct error *err);
void log_close(struct log *log);

/* Drops lines above `most` from now on. Any thread; log may be NULL. */
void log_set_most(struct log *log, enum log_level most);

/* Opens the file again under its name, after a rotation. Keeps the old one if that fails. */
void log_reopen(struct log *log);

/*
 * Writes one line. Whatever the arguments hold, it stays one line: control characters and bytes that are
 * not UTF-8 are escaped. log may be NULL. A disk that is full loses the line and nothing else: no half of it
 * stays, and before the next line that there is room for stands how many were lost, and why.
 */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The level of "error", "warning", "info" or "debug". ERROR_INVALID_ARGUMENT. */
int log_level_parse(const char *name, enum log_level *out, struct error *err);
