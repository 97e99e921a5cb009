#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t least = arena->block_size > 0 ? arena->block_size : ARENA_BLOCK_SIZE;
    struct arena_block *block;

    if (size < least)
        size = least;
    block = malloc(sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    block->older = arena->newest;
    block->size = size;
    block->used = 0;
    arena->newest = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->newest;
    size_t rounded;
    void *memory;

    if (size > SIZE_MAX / 4)
        return NULL;
    rounded = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (block == NULL || block->size - block->used < rounded)
        block = block_new(arena, rounded);
    if (block == NULL)
        return NULL;
    memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

void *arena_copy(struct arena *arena, const void *data, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->newest;

    if (kept == NULL)
        return;
    arena->newest = kept->older;
    arena_free(arena);
    kept->older = NULL;
    kept->used = 0;
    arena->newest = kept;
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->newest;

    while (block != NULL) {
        struct arena_block *older = block->older;

        free(block);
        block = older;
    }
    arena->newest = NULL;
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_block *block = arena->newest; block != NULL; block = block->older)
        explicit_bzero(block->bytes, block->used);
    arena_free(arena);
}
