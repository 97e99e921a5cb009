/* HTTPS requests (libcurl), judged before a byte of the request is sent. */
#pragma once

#include "base/host_port.h"
#include "identity/identity.h"
#include "trust/trust.h"

#define HTTPS_BODY_MAX (1024 * 1024)

struct https_request {
    struct trust_request trust; /* whom to reach, and how to judge it */
    const char *method;         /* "GET", "POST", ... */
    const char *path;           /* "/ha/v1/hello" */
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const char *body;           /* may be NULL */
    size_t body_length;
    int timeout_ms;
    size_t body_max;                 /* most bytes of a reply's body; 0: HTTPS_BODY_MAX */
    const struct identity *identity; /* own certificate for mutual TLS, or NULL */
};

struct https_response {
    int status; /* HTTP status */
    char *body; /* NUL behind it; freed by https_response_free() */
    size_t body_length;
    struct trust_verdict verdict;
};

/*
 * Performs one request; blocks, so call it on a worker's thread. Follows no redirect.
 * A refused certificate: -1 with the verdict's own error (ERROR_PIN_MISMATCH, ERROR_UNTRUSTED),
 * response->verdict filled, nothing sent. ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_INVALID_ARGUMENT.
 */
int https_perform(struct store *store, const struct https_request *request, struct https_response *response,
                  struct error *err);
void https_response_free(struct https_response *response);

/* Once a process, before threads start. */
void https_client_init(void);
