/* A stream of bytes to the other node, whoever carries it. */
#pragma once

#include <stddef.h>

struct ha_pipe {
    /* Takes a copy. Any thread. -1: the other side is gone; nothing more needs to be sent. */
    int (*send)(void *arg, const void *bytes, size_t length);
    /* Bytes taken and not yet given to the network. Any thread. */
    size_t (*unsent)(void *arg);
    /* No more will be sent, and no function here will be called again. Any thread; called exactly once. */
    void (*end)(void *arg);
    void *arg;
};
