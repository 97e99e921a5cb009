/* The arena as the shell wants it: zeroed, and never out of memory, for then the shell ends. */
#pragma once

#include "base/arena.h"

#define SHELL_ARENA_BLOCK 32768 /* bytes: the grammar of 100 commands, or some lines */

/* Zeroed bytes, aligned for any type. Never NULL. */
void *arena_get(struct arena *arena, size_t size);

/* A copy with a NUL behind it. Never NULL. */
char *arena_keep(struct arena *arena, const char *text, size_t length);
