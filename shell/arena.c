#include "shell/arena.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 32768 /* bytes: the grammar of 100 commands, or some lines */

struct arena_block {
    struct arena_block *before;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

void *arena_get(struct arena *arena, size_t size)
{
    size_t rounded = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    void *memory;

    if (arena->blocks == NULL || arena->blocks->size - arena->used < rounded) {
        size_t most = rounded > ARENA_BLOCK ? rounded : ARENA_BLOCK;
        struct arena_block *block = malloc(sizeof(*block) + most);
        if (block == NULL)
            abort();
        block->before = arena->blocks;
        block->size = most;
        arena->blocks = block;
        arena->used = 0;
    }
    memory = arena->blocks->bytes + arena->used;
    arena->used += rounded;
    return memset(memory, 0, size);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_get(arena, length + 1);

    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->before)
        explicit_bzero(block->bytes, block == arena->blocks ? arena->used : block->size);
    arena_free(arena);
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *before = arena->blocks->before;
        free(arena->blocks);
        arena->blocks = before;
    }
    *arena = (struct arena){0};
}
