/*
 * keepalived(8) as the privileged half of primed runs it: the second of the two programs that it starts. Its
 * configuration and its track file lie in a folder below /run that only its own user can enter; it stays a
 * child of this process, ends with it, and is started again when it dies. No value reaches a file or a
 * command line before it was checked here.
 */
#pragma once

#include "base/node_conf.h"
#include "ha/virtual_address.h"

#include <sys/types.h>

struct keepalived;

/* Does nothing yet. NULL: out of memory; the calls below take that as "cannot be done". */
struct keepalived *keepalived_new(const char *home, const struct node_conf *conf);
void keepalived_free(struct keepalived *keepalived); /* stops it first */

/*
 * The rules (virtual_address_rules()), and whether this process could do it. ERROR_DENIED: no CAP_NET_ADMIN.
 * ERROR_NOT_FOUND: no keepalived on this machine, or no interface with the node's address.
 */
int keepalived_check(const struct node_conf *conf, const struct virtual_address *wanted, struct error *err);

/* Starts it as a standby's; running already, it reads what is different. The errors of keepalived_check(). */
int keepalived_start(struct keepalived *keepalived, const struct virtual_address *wanted, struct error *err);

/* Writes the track file. Not started: does nothing. */
int keepalived_set(struct keepalived *keepalived, bool active, uint64_t epoch, struct error *err);

/* Ends it, which takes the address off the interface, and removes its files. Waits KEEPALIVED_STOP_MS at
 * most.
 */
#define KEEPALIVED_STOP_MS 1500
void keepalived_stop(struct keepalived *keepalived);
void keepalived_state(const struct keepalived *keepalived, struct virtual_address_state *out);

/* A child of this process ended. It may have been this one: then it is started again, at once if it lived for
 * a while. */
void keepalived_ended(struct keepalived *keepalived, pid_t pid);

/* Milliseconds until keepalived_tick() has something to do; -1: nothing. For poll(2). */
int keepalived_wait_ms(const struct keepalived *keepalived);
void keepalived_tick(struct keepalived *keepalived);
