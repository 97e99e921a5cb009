/* `primelab mood`: what makes a stand-in misbehave, at once and without a restart. */
#pragma once

#include "lab/servers.h"

/*
 * Does what the words say (NULL at the end): nothing: print the mood; `list`: print all there are; `renewed`:
 * a new certificate for the same key; `rolled`: a new key too, while connections live on; `revoke`: no token
 * given so far counts; else as settings_set(). In force when it returns; kept for the next start where the
 * server does not run. ERROR_INVALID_ARGUMENT, ERROR_CONFLICT: the server does not run.
 */
int lab_mood(const struct lab *lab, const struct lab_server *server, char *const *words, struct error *err);

/* One line for `primelab status`. */
void lab_mood_print(const struct lab *lab, const struct lab_server *server);
