/* The forms in which a distinguished name is written. Only for this folder; others get them as facts. */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <openssl/x509.h>

enum name_form {
    NAME_SLASH,   /* "/C=US/O=Cisco Systems/CN=x": as X509_NAME_oneline(), but UTF-8 and unambiguous */
    NAME_ONELINE, /* "C = US, O = Cisco Systems, CN = x": as `openssl x509 -subject` of OpenSSL 1.1 */
    NAME_REVERSED /* "CN=x, O=Cisco Systems, C=US": as Java's X500Principal prints it */
};

/* Appends the name; nothing for an empty one. ERROR_UNTRUSTED: an attribute type that cannot be written. */
int name_add(struct text *out, const X509_NAME *name, enum name_form form, struct error *err);

/* Appends the last commonName; nothing where there is none. */
void name_add_common_name(struct text *out, const X509_NAME *name);
