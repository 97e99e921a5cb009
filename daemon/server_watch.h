/* The background checks of the registered servers: while the services run, on the active node. */
#pragma once

#include "daemon/node.h"
#include "servers/examine.h"

struct server_watch;
struct server_watch *server_watch_start(struct node *node, struct error *err);
void server_watch_wake(struct server_watch *watch); /* servers came, went or changed; NULL is fine */
void server_watch_stop(struct server_watch *watch); /* waits for what is under way; NULL is fine */

/* Tells people of a change of a server's state (application.log, mail), whoever met it. */
void server_tell_turn(struct node *node, const char *task, const struct server *server,
                      const struct server_found *found, const struct server_turn *turn);

/* Writes to application.log that a certificate was refused, or pinned on first contact. */
void server_tell_verdict(struct node *node, const char *task, const struct trust_request *trust,
                         const struct trust_verdict *verdict);
