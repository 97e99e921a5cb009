/* Subject alternative names: made from text, written as text. */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <openssl/x509v3.h>
#include <stddef.h>

#define X509_NAMES_MAX 100 /* names of one certificate that we make */

/*
 * From "DNS:<host name, perhaps behind *.>" and "IP:<address>". Built piece by piece: OpenSSL's own text form
 * would let a comma in a name make a second one. ERROR_INVALID_ARGUMENT names the one that cannot be read.
 * The caller frees with GENERAL_NAMES_free().
 */
GENERAL_NAMES *x509_make_names(const char *const *names, size_t count, struct error *err);

/* The same from one text, comma separated; blanks around a name do not count. "" gives none. */
GENERAL_NAMES *x509_parse_names(const char *text, struct error *err);

/* Appends "DNS:prime-pri<separator>IP:127.0.0.11", escaped, at most 4,096 bytes: what goes beyond is
 * counted. Nothing for NULL. */
void x509_add_names(struct text *out, const GENERAL_NAMES *names, const char *separator);

/* Appends "rsa, 4096 bits", "ec, P-256", "ed25519". */
void x509_add_key(struct text *out, const EVP_PKEY *key);
