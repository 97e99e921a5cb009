/*
 * The stages of a node's key and certificate. Each is one file in the folder of keys, written whole or not at
 * all, so that at every moment, also after a power cut, each stage is the old one or the new one:
 *
 *   server.pem       in service: what is served, and what the next start serves if nothing waits
 *   waiting.pem      waits for the restart; takes the place of server.pem when the services start
 *   pending.pem      private key and signing request, until the CA's answer is in service
 *   previous.sealed  what was in service before, sealed under the node's sealing key
 */
#pragma once

#include "identity/identity.h"
#include "store/seal.h"

#include <stdbool.h>
#include <stdint.h>

/* In service and waiting: ERROR_NOT_FOUND where there is none; the errors of identity_load(). */
struct identity *stage_in_service(const char *folder, struct error *err);
struct identity *stage_waiting(const char *folder, struct error *err);

/* What was in service before. ERROR_NOT_FOUND, ERROR_UNTRUSTED (sealed under another key, or altered). */
struct identity *stage_previous(const char *folder, const struct seal *seal, struct error *err);

/* Has it wait for the restart, in the place of what waited before. */
int stage_wait(const struct identity *identity, const char *folder, struct error *err);

/* Nothing waits any more. ERROR_NOT_FOUND: nothing did. */
int stage_withdraw(const char *folder, struct error *err);

/*
 * Puts what waits in service, and seals what was in service as the previous one. Does nothing where nothing
 * waits; *promoted (may be NULL) says so. May be repeated after it was cut short anywhere. Clears away what
 * an interrupted write left, and a pending request whose certificate is in service now.
 */
int stage_promote(const char *folder, const struct seal *seal, bool *promoted, struct error *err);

/* A private key that waits for its certificate. */
struct pending {
    EVP_PKEY *key;
    X509_REQ *request;
    int64_t made_ms; /* wall clock */
};
int stage_pend(EVP_PKEY *key, X509_REQ *request, const char *folder, struct error *err);
struct pending *stage_pending(const char *folder, struct error *err);
int stage_forget_pending(const char *folder, struct error *err);
void pending_free(struct pending *pending);
