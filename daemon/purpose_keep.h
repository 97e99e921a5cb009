/*
 * Where the keys and certificates of the purposes are kept. The purpose tomcat is the node's own HTTPS key:
 * its stages are the files of identity/stages.h. The others are sealed in the store, under
 * "purpose/<name>/<stage>"; those of authz are of pair scope. What is missing is made when it is first asked
 * for.
 */
#pragma once

#include "daemon/own_key.h"
#include "daemon/request.h"
#include "identity/purpose_certificate.h"

struct purpose_state {
    struct identity *in_service;
    struct identity *waiting; /* NULL: nothing waits for a restart */
    struct pending *pending;  /* NULL: no signing request */
};

/* Reads all stages. Needs no lock, and makes nothing: in_service is NULL where there is nothing yet. */
int purpose_read(struct node *node, const struct purpose *purpose, struct purpose_state *out,
                 struct error *err);
void purpose_state_clear(struct purpose_state *state);

/* True if the purpose is the node's HTTPS key. */
bool purpose_is_https(const struct purpose *purpose);

/*
 * What follows is called with own_key->change held, and by a `request` (NULL: by the node itself) in whose
 * name the audit trail is written.
 */

/* Makes the key and the self-signed certificate of a purpose that has none; no change otherwise. */
int purpose_ensure(struct node *node, const struct purpose *purpose, struct error *err);

/* Forgets all stages of a purpose whose records cannot be opened any more, so that new ones can be made. */
int purpose_forget(struct node *node, const struct purpose *purpose, struct error *err);

/* A certificate waits for the restart of its holder; without a holder it is in service at once. */
int purpose_keep_waiting(struct request *request, const struct purpose *purpose,
                         const struct identity *identity, struct error *err);
int purpose_keep_pending(struct request *request, const struct purpose *purpose,
                         const struct pending *pending, struct error *err);

/* Puts what waits in service (not for the HTTPS key, which the services do), then as purpose_show(). */
int purpose_promote(struct node *node, const struct purpose *purpose, bool *promoted, struct error *err);

/* Shows the certificate in service in the trust stores that show it; nothing where there is none. */
int purpose_show(struct node *node, const struct purpose *purpose, struct error *err);

/* A new key and a self-signed certificate, or with `pending` a new key and a request; `names` may be NULL. */
struct identity *purpose_make_certificate(const struct node *node, const struct purpose *purpose,
                                          const struct key_kind *kind, struct error *err);
struct pending *purpose_make_request(const struct node *node, const struct purpose *purpose,
                                     const struct key_kind *kind, const GENERAL_NAMES *names,
                                     struct error *err);

/* The node's own alternative names: host name and listen addresses. Free with GENERAL_NAMES_free(). */
GENERAL_NAMES *purpose_own_names(const struct node *node, struct error *err);
