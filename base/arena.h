/* Memory that is given back all at once: what is read from the store, a compiled grammar, one line's walk. */
#pragma once

#include <stddef.h>

/* Start with {0}, or with a block size that fits what is coming; end with arena_free() or arena_wipe(). */
struct arena {
    struct arena_block *newest;
    size_t block_size; /* bytes; 0: ARENA_BLOCK_SIZE */
};
#define ARENA_BLOCK_SIZE 4096

/* Memory aligned for anything, not zeroed; NULL when there is none left. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy with a NUL behind it. Not NULL for length 0; NULL when memory ran out. */
void *arena_copy(struct arena *arena, const void *data, size_t length);

/* Gives back what was allocated, but keeps one block for what comes next. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/* The same as arena_free(), for what may have held secrets. */
void arena_wipe(struct arena *arena);
