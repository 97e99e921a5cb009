/*
 * The answering end of the connection between the nodes: what /ha/v1/ serves. Nothing but `GET /ha/v1/hello`
 * answers a caller that has not proved itself on this very connection.
 */
#pragma once

#include "base/fingerprint.h"
#include "ha/link.h"
#include "net/https_server.h"

/* Who called: proved. */
struct link_caller {
    char node[PROOF_NODE_SIZE]; /* as it says itself: only with its address or certificate it means something
                                 */
    char address[HOST_TEXT_MAX];
    uint8_t certificate[FINGERPRINT_SIZE]; /* SHA-256 of what it showed */
    char version[32];
};

/*
 * One thing that may be asked for. Exactly one of the two functions is set.
 * `run` gets the body (an object; empty where there was none) and answers with JSON; on a worker's thread.
 * `serve` gets the exchange itself, on the loop's thread, and must answer it: https_reply() or
 * https_stream_start(), now or later.
 */
struct link_route {
    const char *method; /* "POST" */
    const char *path;   /* "/ha/v1/heartbeat" */
    int (*run)(void *arg, const struct link_caller *caller, json_t *params, json_t **result,
               struct error *err);
    void (*serve)(void *arg, const struct link_caller *caller, struct https_exchange *exchange);
    void *arg;
};

struct link_server_options {
    const struct link_self *self; /* lives longer than the server */
    struct event_base *base;
    /* Copies the key of this moment. ERROR_CONFLICT: none is set; else it cannot be read just now. Any
     * thread. */
    int (*key)(void *arg, struct proof_key *out, struct error *err);
    /* Runs something on a worker's thread. */
    int (*work)(void *arg, void (*run)(void *run_arg), void *run_arg, struct error *err);
    const char *(*role)(void *arg); /* for hello: "standalone", "primary", "secondary" */
    void *arg;
    struct log *log; /* failed proofs; may be NULL */
};

struct link_server;
struct link_server *link_server_new(const struct link_server_options *options, struct error *err);

/* Adds routes (borrowed, for as long as the server lives); before the first call. ERROR_INTERNAL: too many.
 */
int link_server_add(struct link_server *server, const struct link_route *routes, size_t count,
                    struct error *err);

/* Takes a request below /ha/v1/; false: it is none, and nothing was done. On the loop's thread. */
bool link_server_take(struct link_server *server, struct https_exchange *exchange);

/* Another authentication key counts: whoever proved the one before must prove this one. Any thread. */
void link_server_forget_proofs(struct link_server *server);

/* Takes nothing more and waits until no `run` is under way. Not on the loop's thread while the loop runs. */
void link_server_close(struct link_server *server);

/* After link_server_close() and after the HTTPS server is gone. */
void link_server_free(struct link_server *server);

/* Answers with an error as JSON, with the status that goes with its code. */
void link_refuse(struct https_exchange *exchange, const struct error *err);
