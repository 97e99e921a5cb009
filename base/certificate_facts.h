/* What is to be said of one certificate, in words: made by x509/, kept by store/, shown by commands/. */
#pragma once

#include "base/fingerprint.h"

#include <stdint.h>

/*
 * Texts are NUL-terminated, escaped with text_add_escaped() (safe to print) and belong to whoever filled
 * the structure: x509_describe() and certificate_get() say how long they live. None is NULL.
 */
struct certificate_facts {
    uint8_t sha256[FINGERPRINT_SIZE];      /* of the DER */
    uint8_t spki_sha256[FINGERPRINT_SIZE]; /* of the SubjectPublicKeyInfo's DER */
    const char *subject_slash;    /* "/C=US/ST=CA/L=SJ/O=Cisco Systems/OU=Prime Infra/CN=prime-pri" */
    const char *subject_oneline;  /* "C = US, ST = CA, L = SJ, ..., CN = prime-pri": openssl 1.1's form */
    const char *subject_reversed; /* "CN=prime-pri, OU=Prime Infra, ..., C=US": the form of the log records */
    const char *common_name;      /* "prime-pri"; "" where there is none */
    const char *issuer_oneline;   /* as subject_oneline */
    const char *serial;           /* upper-case hexadecimal, e.g. "3AF01C" */
    const char *names;            /* "DNS:prime-pri, IP:127.0.0.11"; "" where there are none */
    const char *key;              /* "rsa, 4096 bits", "ec, P-256", "ed25519" */
    const char *signature;        /* "sha256WithRSAEncryption" */
    int64_t not_before_ms;        /* wall clock */
    int64_t not_after_ms;
};
