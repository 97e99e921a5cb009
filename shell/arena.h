/* Memory that is given back all at once: of a compiled grammar, or of one line's walk. */
#pragma once

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t used; /* bytes of the newest block */
};

/* Zeroed bytes, aligned for any type. Never NULL: the shell ends when memory runs out. Start with {0}. */
void *arena_get(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t length); /* with a NUL behind it */
void arena_free(struct arena *arena);
void arena_wipe(struct arena *arena); /* the same, for what may have held secrets */
