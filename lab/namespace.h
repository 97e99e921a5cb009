/*
 * A lab whose nodes have a network of their own: each a network namespace, joined by virtual cables to a
 * switch, in whose namespace the stand-ins live. A process holds each namespace, so that nothing is left once
 * it is gone. Takes root. Of a lab on loopback none of this is there, and all of it does nothing.
 */
#pragma once

#include "lab/servers.h"

/* Makes the namespaces that are missing. ERROR_DENIED: not root; ERROR_NOT_FOUND: ip(8) is not installed. */
int lab_namespaces_make(const struct lab *lab, struct error *err);

/* Ends what holds them, before anything else is in them. */
void lab_namespaces_end(const struct lab *lab);

/* This process, and what it starts, is in the server's network from here on. */
int lab_namespace_enter(const struct lab *lab, const struct lab_server *server, struct error *err);

/* Pulls a node's cable or puts it back. ERROR_CONFLICT: the lab is on loopback, where there is none. */
int lab_cable(const struct lab *lab, const struct lab_server *server, bool plugged, struct error *err);
bool lab_is_unplugged(const struct lab *lab, const struct lab_server *server);

/* Is the process that holds a namespace, until SIGTERM; the descriptor is closed once it does. */
int lab_namespace_hold(int ready);
