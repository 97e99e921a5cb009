/*
 * What a node's certificates are for, as the tables of Cisco's "Certificates" chapter for Unified
 * Communications Manager and its IM and Presence Service have it: key usage and extended key usage of a
 * signing request (tables 1 and 2), which services use a certificate (table 3), how the trust stores behave.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Extended key usages. */
enum { PURPOSE_SERVER = 1 << 0, PURPOSE_CLIENT = 1 << 1, PURPOSE_IPSEC = 1 << 2 };

/* Key usages. */
enum {
    PURPOSE_DIGITAL_SIGNATURE = 1 << 0,
    PURPOSE_KEY_ENCIPHERMENT = 1 << 1,
    PURPOSE_DATA_ENCIPHERMENT = 1 << 2,
    PURPOSE_SIGN_CERTIFICATES = 1 << 3,
    PURPOSE_KEY_AGREEMENT = 1 << 4
};

#define PURPOSE_SERVICES_MAX 4

struct trust_store {
    const char *name;  /* "tomcat-trust" */
    bool pair_delete;  /* a certificate deleted here goes from every node */
    bool pair_import;  /* one that is imported here reaches every node */
    const char *about; /* for `?` */
};

struct purpose {
    const char *name;   /* "tomcat-ECDSA" */
    const char *about;  /* for `?` */
    const char *prefix; /* of its common name; behind it stands the host name, */
    const char *suffix; /* or for an issuer eight random digits */
    bool is_ec;         /* EC, otherwise RSA: of its first key, and of every other */
    int size;           /* bits of the first key */
    unsigned key_usage;
    unsigned extended;
    bool multi_server;  /* a request may name other nodes too */
    bool can_request;   /* false: always self-signed */
    const char *chain;  /* trust store in which its CAs must be; NULL: none */
    const char *shown;  /* second trust store that shows the certificate; NULL: none */
    const char *holder; /* service whose restart puts a new certificate in service; NULL: at once */
    const char *services[PURPOSE_SERVICES_MAX]; /* all that have to be restarted, the holder first */
};

extern const struct purpose purposes[];
extern const size_t purpose_count;
extern const struct trust_store trust_stores[];
extern const size_t trust_store_count;

/* The services that can be listed and restarted, and the short names some of them go by. */
struct purpose_service {
    const char *name;  /* "Cisco Certificate Authority Proxy Function" */
    const char *alias; /* "Cisco CAPF", or NULL */
};
extern const struct purpose_service purpose_services[];
extern const size_t purpose_service_count;

/* By name, upper or lower case; "tomcat/tomcat.pem" and "tomcat/tomcat.csr" too. ERROR_NOT_FOUND. */
const struct purpose *purpose_find(const char *name, struct error *err);
const struct trust_store *trust_store_find(const char *name, struct error *err);
const struct purpose_service *purpose_service_find(const char *name, struct error *err);

/* True if the service uses the certificate of the purpose. */
bool purpose_is_used_by(const struct purpose *purpose, const char *service);
