/* The keys of access tokens: one for encryption, one for signing. Both nodes of a pair have the same. */
#pragma once

#include "daemon/node.h"

/* Makes those that there are none of yet. On a node that may change what its pair has. */
int authz_ensure(struct node *node, struct error *err);
