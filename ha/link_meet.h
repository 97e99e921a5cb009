/*
 * How a caller proves itself to the answering end of a link: certificate and key, on one TLS connection.
 * Who fails often has to wait. Only for this folder.
 */
#pragma once

#include "ha/link_server.h"

#define MEET_FAILURES_FREE 5 /* of one address, before further tries wait */
#define MEET_WAIT_MS 1000    /* the first wait; doubled by each further failure */
#define MEET_WAIT_MOST_MS 60000
#define MEET_ADDRESSES_MAX 256 /* remembered; the one that failed longest ago makes room */

struct meetings;
struct progress; /* of one connection */
struct meetings *meetings_new(const struct link_server_options *options, struct error *err);
void meetings_free(struct meetings *meetings);

/* What one step needs of a connection, taken on the loop's thread. */
struct meeting {
    struct progress *progress;
    X509 *certificate;
    STACK_OF(X509) * chain;
    char address[HOST_TEXT_MAX];
};

/* ERROR_UNTRUSTED: the caller showed no certificate. ERROR_BUSY: it has to wait. */
int meeting_begin(struct meetings *meetings, struct meeting *meeting, SSL *ssl, const char *address,
                  struct error *err);
void meeting_clear(struct meeting *meeting);

/* The two steps, on a worker's thread. */
int meeting_challenge(struct meetings *meetings, struct meeting *meeting, json_t *params, json_t **result,
                      struct error *err);
int meeting_prove(struct meetings *meetings, struct meeting *meeting, json_t *params, json_t **result,
                  struct error *err);

/* Another key counts: no connection has proved itself any more. Any thread. */
void meetings_forget(struct meetings *meetings);

/* True if the connection has proved itself; then *out says who it is. Any thread. */
bool meetings_caller(struct meetings *meetings, SSL *ssl, struct link_caller *out);
