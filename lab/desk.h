/* The requests of a stand-in: answered at once, late, or not at all, as its mood is. */
#pragma once

#include "base/log.h"
#include "lab/trouble.h"

#include <event2/event.h>
#include <sys/queue.h>

struct held;

/* What answers; start with a list that is empty. */
struct desk {
    struct event_base *base;
    struct log *log;
    struct api api; /* with the mood, which `times` count down */
    struct trouble_place place;
    LIST_HEAD(, held) held;
};

/* Of https_server_new(); arg is the desk. */
void desk_answer(void *desk, struct https_exchange *exchange);

/* The mood that holds for this path. One that holds so many times has then held once more. */
struct mood desk_take_mood(struct desk *desk, const char *path);

/* Takes other settings. Who waits half-open, is answered when that is over. */
void desk_set(struct desk *desk, const struct settings *settings);

/* Forgets whom it lets wait: the connections are being closed. */
void desk_close(struct desk *desk);
