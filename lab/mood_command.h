/* `primelab mood`: what makes a stand-in misbehave, at once and without a restart. The command itself is in
 * lab/subcommand.h; this is what `status` shows of it. */
#pragma once

#include "lab/servers.h"

#include <jansson.h>

/* One line. */
void lab_mood_print(const struct lab *lab, const struct lab_server *server);

/* {"mood": "slow 2000", "type": 1, ..., "username": ..., "password": ...}; a new reference. */
json_t *lab_mood_json(const struct lab *lab, const struct lab_server *server);
