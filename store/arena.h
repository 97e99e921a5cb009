/* Memory that is given back all at once: what is read from the store lives in one until its end. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include <stddef.h>

/* Start with {0}; end with arena_free(). */
struct arena {
    struct arena_block *newest;
};

/* Memory aligned for anything, not zeroed; NULL when there is none left. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy; for NULL or length 0 a pointer that is not NULL. */
void *arena_copy(struct arena *arena, const void *data, size_t length);

/* Gives back what was allocated, but keeps one block for what comes next. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/* The arena as protobuf-c wants it; good while the arena stands where it stands. */
ProtobufCAllocator arena_allocator(struct arena *arena);
