/* Work that must happen on the event loop's thread, asked for from another. */
#pragma once

#include <event2/event.h>

/* Runs fn(arg) on the loop's thread and waits until it has run. Not from the loop's own thread. */
void loop_call(struct event_base *base, void (*fn)(void *arg), void *arg);
