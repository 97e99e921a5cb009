/* Whether this node itself is still connected to anything: what a secondary asks before it takes over. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/*
 * True if the host (an address; "": the default gateway of the machine) answers within so many
 * milliseconds: a ping, where the kernel lets this user send one, else any answer to a TCP connection, a
 * refusal included. False: *err says why not.
 */
bool ha_witness_answers(const char *host, int timeout_ms, struct error *err);
