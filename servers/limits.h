/* How many servers there may be, and which beside which. Pure over the store. */
#pragma once

#include "store/server.h"

#ifndef SERVER_ISE_MAX
#define SERVER_ISE_MAX 2 /* a primary and a standby, or one standalone */
#endif
#ifndef SERVER_DNAC_MAX
#define SERVER_DNAC_MAX 1
#endif

/*
 * May the server be added (or, is_edit, changed)? `node`: what an ISE said it is; SERVER_NODE_UNKNOWN: it was
 * not asked yet. ERROR_CONFLICT: it is there already, there are enough, or one of its type is there.
 * ERROR_INVALID_ARGUMENT: an ISE that is no monitoring node.
 */
int limits_check(struct store_txn *txn, const struct server *server, enum server_node node, bool is_edit,
                 struct error *err);
