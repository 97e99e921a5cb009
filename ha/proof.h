/*
 * The proof that both ends of one TLS connection know the authentication key:
 * HMAC-SHA256(K, role || exporter || nonce_caller || nonce_callee || node ids), K = scrypt(key), with the TLS
 * exporter value of this very connection (RFC 9266). Who stands in the middle holds two connections with two
 * exporter values, so a proof heard on one says nothing on the other. docs/ha.md has the reasons.
 */
#pragma once

#include "base/error.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define PROOF_KEY_SIZE 32
#define PROOF_NONCE_SIZE 32
#define PROOF_SIZE 32
#define PROOF_EXPORTER_SIZE 32
#define PROOF_NODE_SIZE 33    /* a node's id (32 hexadecimal digits) and its NUL */
#define PROOF_AUTHKEY_MAX 131 /* characters of an authentication key: the appliance's own limit */

/* Wiped by whoever holds it. */
struct proof_key {
    uint8_t bytes[PROOF_KEY_SIZE];
};

/* 1 to PROOF_AUTHKEY_MAX printable ASCII characters without blanks. ERROR_INVALID_ARGUMENT, without the key.
 */
int proof_authkey_check(const char *authkey, struct error *err);

/* K; takes half a second and 128 MiB (scrypt, RFC 7914, N=2^17, r=8, p=1), so call it on a worker's thread.
 * Both nodes must come to the same K without having met: the salt is a constant. ERROR_INTERNAL. */
int proof_key_derive(const char *authkey, struct proof_key *out, struct error *err);

enum proof_role { PROOF_CALLER, PROOF_CALLEE };

struct proof_facts {
    uint8_t nonce_caller[PROOF_NONCE_SIZE];
    uint8_t nonce_callee[PROOF_NONCE_SIZE];
    char node_caller[PROOF_NODE_SIZE];
    char node_callee[PROOF_NODE_SIZE];
};

int proof_nonce(uint8_t out[PROOF_NONCE_SIZE], struct error *err);

/* The exporter value of a connection whose handshake is over; on the thread that uses it. ERROR_UNTRUSTED:
 * TLS 1.2 without the extended master secret (RFC 7627), whose exporter binds nothing. */
int proof_exporter(SSL *ssl, uint8_t out[PROOF_EXPORTER_SIZE], struct error *err);

/* ERROR_INTERNAL. */
int proof_make(const uint8_t exporter[PROOF_EXPORTER_SIZE], const struct proof_key *key, enum proof_role role,
               const struct proof_facts *facts, uint8_t out[PROOF_SIZE], struct error *err);

/* In constant time. */
bool proof_is(const uint8_t one[PROOF_SIZE], const uint8_t other[PROOF_SIZE]);

/* Hexadecimal, lower case. out: 2 * length + 1 bytes. False: not so many digits. */
void proof_hex(const uint8_t *bytes, size_t length, char *out);
bool proof_unhex(const char *text, uint8_t *bytes, size_t length);

/* True if it is a node's id: 32 lower-case hexadecimal digits. */
bool proof_is_node(const char *text);
