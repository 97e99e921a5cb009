/* Keys with their certificate or request as sealed bytes, for the store. */
#pragma once

#include "identity/stages.h"

/* Under the name of the record that is to hold them; the caller frees. ERROR_INTERNAL. */
uint8_t *identity_seal(const struct identity *identity, const struct seal *seal, const char *record,
                       size_t *length, struct error *err);
uint8_t *pending_seal(const struct pending *pending, const struct seal *seal, const char *record,
                      size_t *length, struct error *err);

/* ERROR_UNTRUSTED: altered, or sealed for another record or by another node. */
struct identity *identity_unseal(const uint8_t *sealed, size_t length, const struct seal *seal,
                                 const char *record, struct error *err);
struct pending *pending_unseal(const uint8_t *sealed, size_t length, const struct seal *seal,
                               const char *record, struct error *err);
