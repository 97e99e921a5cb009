/* An arena as protobuf-c wants it. */
#pragma once

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>

/* Good while the arena stands where it stands; what is unpacked with it is never freed one by one. */
ProtobufCAllocator allocator_of(struct arena *arena);
