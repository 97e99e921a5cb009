/* One check of a server: is it reachable, is it what it is registered as, does it take our credentials? And
 * what the store keeps of it. */
#pragma once

#include "servers/credentials.h"
#include "servers/ise.h"

/* What was met. */
struct server_found {
    enum server_state state;
    struct error error; /* where the state is not SERVER_REACHABLE */
    int64_t retry_after_s;
    enum server_node node;
    char product[ISE_FIELD_MAX];
    char version[ISE_FIELD_MAX]; /* "": a DNA Center does not tell */
    uint64_t devices;            /* of a DNA Center */
    bool gave_up;                /* cancelled: nothing is known, nothing is to be kept */
};

/*
 * ISE: GET /admin/API/mnt/Version. DNA Center: a token, then the count of its devices and its version. Never
 * fails: what goes wrong is in *found. Blocks.
 */
void server_check(struct server_access *access, struct dnac_token *token, struct server_found *found);

/* Is it the version of before? A server that does not tell this time has not changed it. */
bool server_same_version(const char *before, const struct server_found *found);

/* What is wrong, in a sentence without fingerprints, which stand elsewhere; "" where nothing is. */
void server_problem(const struct server *server, const struct server_found *found, char out[ERROR_TEXT_MAX]);

/* A change of state, for whoever tells people. */
struct server_turn {
    bool happened;
    enum server_state from;
    enum server_state to;
    unsigned failures; /* checks in a row that did not end well, this one included */
};

/*
 * Keeps what was found, with an event where the state (or an ISE's type or version) changed; to be run inside
 * a store job. `who`: the task. *turn is set anew each time. An ISE in the role that the other registered one
 * has as well becomes SERVER_UNEXPECTED in *found too.
 */
int server_note(struct store_txn *txn, const struct server *server, struct server_found *found,
                const char *who, struct server_turn *turn, struct error *err);
