/* What comes up, a line per thing: rewritten in place on a terminal, printed once it is settled elsewhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LAB_PROGRESS_MAX 16
#define LAB_PROGRESS_TEXT 200

struct lab_progress {
    FILE *file;    /* NULL: shows nothing */
    bool terminal; /* lines are rewritten */
    size_t count;
    struct {
        char name[80];
        char state[LAB_PROGRESS_TEXT];
    } lines[LAB_PROGRESS_MAX];
};

/* Draws on `file`; on a terminal only while all lines fit on it. */
void lab_progress_start(struct lab_progress *progress, FILE *file);

/* Adds a line and gives its number. */
size_t lab_progress_add(struct lab_progress *progress, const char *name, const char *state);

/* Says what the thing is about now, or (`settled`) how it ended. */
void lab_progress_set(struct lab_progress *progress, size_t line, bool settled, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
