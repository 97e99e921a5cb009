#include "shell/arena.h"

#include <stdlib.h>
#include <string.h>

void *arena_get(struct arena *arena, size_t size)
{
    void *memory;

    arena->block_size = SHELL_ARENA_BLOCK;
    memory = arena_alloc(arena, size);
    if (memory == NULL)
        abort();
    return memset(memory, 0, size);
}

char *arena_keep(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_get(arena, length + 1);

    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}
