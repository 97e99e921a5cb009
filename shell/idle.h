/* How long a person has pressed no key, and what follows from it: a warning, then the session's end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDLE_WARNING_SIZE 96

struct idle {
    int64_t limit_ms; /* 0: never */
    int64_t last_ms;  /* when the last key came (clock_monotonic_ms) */
    bool warned;
};

/* A key came, or the waiting for one begins. */
void idle_touch(struct idle *idle);

/* Milliseconds until the warning or the end; -1: for ever, 0: now. */
int64_t idle_left(const struct idle *idle);

/* The time of the warning, or of the end, has come. True: of the warning, which is in `warning`. */
bool idle_warn(struct idle *idle, char *warning, size_t size);
