/* Reading and describing certificates. The bytes come from outside: nothing here trusts them. */
#pragma once

#include "base/certificate_facts.h"

#include <openssl/x509.h>
#include <stddef.h>

#define X509_SUBJECT_MAX \
    4096 /* bytes of a subject or issuer in its escaped slash form; longer is malformed */
#define X509_FILE_MAX (1024 * 1024) /* bytes that x509_read() takes */

/* The SHA-256 of any bytes. */
int x509_hash(const void *bytes, size_t length, uint8_t sha256[FINGERPRINT_SIZE], struct error *err);

/* The SHA-256 of the certificate's DER. */
int x509_fingerprint(X509 *certificate, uint8_t sha256[FINGERPRINT_SIZE], struct error *err);

/* The SHA-256 of its SubjectPublicKeyInfo's DER. */
int x509_key_fingerprint(X509 *certificate, uint8_t sha256[FINGERPRINT_SIZE], struct error *err);

/* Both times, wall clock in milliseconds. ERROR_UNTRUSTED where they break RFC 5280 section 4.1.2.5. */
int x509_validity(X509 *certificate, int64_t *not_before_ms, int64_t *not_after_ms, struct error *err);

/* Single facts for where all of them cost too much; escaped. NULL: ERROR_UNTRUSTED, ERROR_INTERNAL.
 * The caller frees. */
char *x509_subject_reversed(X509 *certificate, struct error *err);
char *x509_common_name(X509 *certificate, struct error *err);
char *x509_name_reversed(const X509_NAME *name, struct error *err);

/*
 * Refuses what RFC 5280 rules out and a reader could be fooled by: times that are not GMT with seconds and
 * without fractions (4.1.2.5), a subject or issuer over X509_SUBJECT_MAX, a serial whose number
 * needs more than 20 octets (4.1.2.2; a leading zero octet for the sign is let pass, as many issuers write
 * one), two different signature algorithms (4.1.1.2), a key that cannot be read. A weak signature (MD5,
 * SHA-1) is a fact, not a fault of form. ERROR_UNTRUSTED, with which field and what it holds.
 */
int x509_check_form(X509 *certificate, struct error *err);

/* All facts of a certificate in one allocation. Free with x509_facts_free(). Same errors as
 * x509_check_form(). */
struct certificate_facts *x509_describe(X509 *certificate, struct error *err);
void x509_facts_free(struct certificate_facts *facts);

/* One certificate from PEM or DER (told apart by themselves). Trailing bytes are refused.
 * ERROR_INVALID_ARGUMENT. The caller frees with X509_free(). */
X509 *x509_read(const char *bytes, size_t length, struct error *err);

/* PEM of a certificate's DER, for people and files. The caller frees. */
char *x509_to_pem(const uint8_t *der, size_t der_length, struct error *err);

/* Builds an X509_NAME from "/C=US/O=Cisco Systems/CN=x" ("\/" and "\\" stand for "/" and "\", and
 * "\" with two hexadecimal digits for a byte of UTF-8, so that a subject_slash can be read back).
 * ERROR_INVALID_ARGUMENT names the part it could not read. The caller frees. */
X509_NAME *x509_parse_subject(const char *slash_form, struct error *err);

/* Puts OpenSSL's queued error behind the text: "<format>: <reason>". Clears the queue. Returns -1. */
int x509_error(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
