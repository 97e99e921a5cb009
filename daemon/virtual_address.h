/*
 * The pair's virtual address on this node: kept by keepalived, which the privileged half starts, watches,
 * starts again when it dies and stops; it dies with primed. Any thread; each call takes some milliseconds,
 * virtual_address_check() up to VIRTUAL_ADDRESS_ASK_MS.
 */
#pragma once

#include "daemon/node.h"
#include "ha/virtual_address.h"

#define VIRTUAL_ADDRESS_ASK_MS 1000

/*
 * For the readiness test: the rules, whether somebody else has the address already, and whether this primed
 * could start keepalived. ERROR_DENIED: started by an ordinary user. ERROR_NOT_FOUND: no keepalived here.
 * ERROR_CONFLICT: not in one subnet, on the loopback, or in use. ERROR_INVALID_ARGUMENT.
 * wanted->router_id may be 0 here.
 */
int virtual_address_check(struct node *node, const struct virtual_address *wanted, struct error *err);

/*
 * Starts keepalived, as a standby's until virtual_address_set_active(). Running already: takes over what is
 * different, without giving an address up that stays. The errors of virtual_address_check(), but that of an
 * address in use.
 */
int virtual_address_start(struct node *node, const struct virtual_address *wanted, struct error *err);

/*
 * Takes the address, or gives it up. The later epoch wins where both nodes hold themselves for active.
 * Nothing happens, and 0 is returned, where virtual_address_start() was not called.
 */
int virtual_address_set_active(struct node *node, bool active, uint64_t epoch, struct error *err);

/* Gives the address up and ends keepalived. */
void virtual_address_stop(struct node *node);

/* For `ncs ha status`. */
int virtual_address_state(struct node *node, struct virtual_address_state *out, struct error *err);
