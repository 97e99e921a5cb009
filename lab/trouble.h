/* What a mood makes of a reply: other words, or another way of sending them. */
#pragma once

#include "lab/api.h"
#include "net/https_server.h"

/* What the moods have to know of the stand-in. */
struct trouble_place {
    const char *folder; /* of the data files */
    char other[64];     /* "address:port" of another server, for redirects */
};

#define TROUBLE_MOVED "/moved" /* where a redirect to the same host leads: the same paths behind this */

/* Changes the reply as far as a mood changes what is said. */
void trouble_change(const struct https_exchange *exchange, const struct mood *mood,
                    const struct trouble_place *place, struct api_reply *reply);

/* Answers the exchange, in the way a mood sends. The reply stays the caller's. */
void trouble_send(struct https_exchange *exchange, const struct mood *mood, const struct api_reply *reply);
