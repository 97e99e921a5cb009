/* A stand-in for a partner server: a process of its own that speaks HTTPS with a certificate of its own. */
#pragma once

#include "lab/servers.h"

/*
 * Runs the stand-in until SIGTERM; a child of primelab's calls this. `ready` is closed once it listens;
 * before that, a complaint goes to standard error. Returns the exit status.
 */
int standin_run(const struct lab *lab, const struct lab_server *server, int ready);
