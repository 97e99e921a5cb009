/* Certificates, kept once each under their SHA-256. */
#pragma once

#include "base/certificate_facts.h"
#include "store/store.h"

/* Keeps a certificate; one that is there stays as it is. It is this node's own until a pair record refers to
 * it. */
int certificate_put(struct store_txn *txn, const struct certificate_facts *facts, const uint8_t *der,
                    size_t der_length, struct error *err);

/* In a job that writes a pair record that refers to it: it travels along. One that is not kept is none's
 * business. */
void certificate_share(struct store_txn *txn, const uint8_t sha256[FINGERPRINT_SIZE]);

/* Facts and DER live until the transaction ends; der and der_length may be NULL. ERROR_NOT_FOUND. */
int certificate_get(struct store_txn *txn, const uint8_t sha256[FINGERPRINT_SIZE],
                    struct certificate_facts *facts, const uint8_t **der, size_t *der_length,
                    struct error *err);
