/* The other records as bytes. Each reads one into the arena; false: the bytes are no such record. */
#pragma once

#include "base/arena.h"
#include "store/audit.h"
#include "store/ca.h"
#include "store/certificate.h"
#include "store/ocsp.h"
#include "store/policy.h"
#include "store/server.h"

bool certificate_read(struct arena *arena, const void *bytes, size_t length, struct certificate_facts *facts,
                      const uint8_t **der, size_t *der_length);
/* The other way: into the transaction's arena. NULL: out of memory, and the transaction says so. */
const uint8_t *certificate_pack(struct store_txn *txn, const struct certificate_facts *facts,
                                const uint8_t *der, size_t der_length, size_t *length);
bool certificate_stays(const void *bytes, size_t length); /* no pair record refers to it */
bool policy_read(const void *bytes, size_t length, enum trust_policy *out);
bool setting_read(struct arena *arena, const void *bytes, size_t length, enum store_scope *scope,
                  const uint8_t **value, size_t *value_length);
bool audit_read(struct arena *arena, const void *bytes, size_t length, struct audit_entry *out);
bool ca_read(struct arena *arena, const void *bytes, size_t length, struct ca_certificate *out);
bool ca_state_read(struct arena *arena, const void *bytes, size_t length, struct ca_state *out);
bool ocsp_setting_read(struct arena *arena, const void *bytes, size_t length, struct ocsp_setting *out);

/* Without kind and host, which the key has. */
bool server_read(struct arena *arena, const void *bytes, size_t length, struct server *out);
bool server_status_read(struct arena *arena, const void *bytes, size_t length, struct server_status *out);
bool server_event_read(struct arena *arena, const void *bytes, size_t length, struct server_event *out);
