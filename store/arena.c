#include "store/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_SIZE 4096 /* bytes: one pin with room to spare */

struct arena_block {
    struct arena_block *older;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    struct arena_block *block;

    if (size < ARENA_BLOCK_SIZE)
        size = ARENA_BLOCK_SIZE;
    if (size > SIZE_MAX / 2)
        return NULL;
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
    void *copy = arena_alloc(arena, length + 1);

    if (copy != NULL && length > 0)
        memcpy(copy, data, length);
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

static void *allocator_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void allocator_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

ProtobufCAllocator arena_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){.alloc = allocator_alloc, .free = allocator_free, .allocator_data = arena};
}
