/* HTTPS requests (libcurl), judged before a byte of the request is sent. */
#pragma once

#include "base/host_port.h"
#include "identity/identity.h"
#include "trust/trust.h"

#define HTTPS_BODY_MAX (1024 * 1024)
#define HTTPS_TYPE_MAX 128 /* bytes kept of a Content-Type, the closing NUL included */

struct https_response;

struct https_request {
    struct trust_request trust;    /* whom to reach, and how to judge it */
    const struct host_port *proxy; /* HTTP proxy that carries it; NULL: none. It gets no credentials. */
    const char *method;            /* "GET", "POST", ... */
    const char *path;              /* "/ha/v1/hello" */
    const char *const *headers;    /* "Name: value", NULL-terminated; may be NULL */
    /* The same, but only for the server itself: another one that it redirects to does not get them. */
    const char *const *credentials;
    const char *body; /* may be NULL */
    size_t body_length;
    int timeout_ms;
    int silence_s;                   /* without a byte for so long it is given up as well; 0: no such limit */
    size_t body_max;                 /* most bytes of a reply's body, unpacked; 0: HTTPS_BODY_MAX */
    const struct identity *identity; /* own certificate for mutual TLS, or NULL */
    int redirects;                   /* so many are followed; each server is judged; 0: none */
    bool compressed;                 /* an answer packed with gzip will do */
    int cancel_fd;                   /* once it can be read the request is given up (ERROR_BUSY); 0: none */
    /* Takes the body of an answer with status 200, part by part; others are collected as without it. May be
     * called for the first time only after the answer's status and type are known. False, with err: enough.
     */
    bool (*take)(void *arg, const struct https_response *head, const char *bytes, size_t length,
                 struct error *err);
    void *arg;
    /* Told of each pin that a first contact made, also on the way through redirects; may be NULL. */
    void (*pinned)(void *pinned_arg, const struct trust_request *trust, const struct trust_verdict *verdict);
    void *pinned_arg;
};

struct https_response {
    int status; /* HTTP status */
    char *body; /* NUL behind it; freed by https_response_free(); "" where `take` took it */
    size_t body_length;
    char content_type[HTTPS_TYPE_MAX]; /* as the server says it; "" */
    int64_t retry_after_s;             /* 0: it does not say */
    bool unusable;                     /* ERROR_UNREACHABLE: it was reached, and answered what is not taken */
    struct host_port host;             /* who answered, or was refused: after redirects another one */
    struct trust_verdict verdict;      /* on that one */
};

/*
 * Performs one request; blocks, so call it on a worker's thread. Follows no redirect unless asked to, and
 * then only to https. A redirected POST stays one where HTTP says so (307, 308), else it becomes a GET.
 * A refused certificate: -1 with the verdict's own error (ERROR_PIN_MISMATCH, ERROR_UNTRUSTED),
 * response->verdict filled, nothing sent. ERROR_UNREACHABLE (response->unusable: for too many bytes, a packed
 * answer that cannot be unpacked, a redirect that is not followed), ERROR_TIMEOUT, ERROR_BUSY,
 * ERROR_INVALID_ARGUMENT.
 */
int https_perform(struct store *store, const struct https_request *request, struct https_response *response,
                  struct error *err);
void https_response_free(struct https_response *response);

/* Once a process, before threads start. */
void https_client_init(void);
