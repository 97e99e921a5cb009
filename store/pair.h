/*
 * What a node remembers of its high-availability pair. All of it stays on the node: who the other one is and
 * what state this one is in, what happened so far, how far a registration came, and the keys, sealed.
 */
#pragma once

#include "base/host_port.h"
#include "store/seal.h"
#include "store/store.h"

#include <stdbool.h>

#define PAIR_NODE_SIZE 33  /* a node's or a line's id: 32 hexadecimal digits and a NUL */
#define PAIR_STATE_SIZE 48 /* the longest name of a state and its NUL */
#define PAIR_REASON_SIZE 512
#define PAIR_MAIL_SIZE 1024
#define PAIR_EVENTS_KEPT 200 /* the latest ones */
#define PAIR_KEY_SIZE 32     /* of either key */
#define PAIR_MILESTONES 3

/* How the pair was asked for: `ncs ha register`. The running configuration counts where it says more. */
struct pair_form {
    bool automatic; /* failover type */
    char email[PAIR_MAIL_SIZE];
    char ipv4[HOST_TEXT_MAX];
    char ipv6[HOST_TEXT_MAX];
};

struct pair_record {
    char state[PAIR_STATE_SIZE]; /* "Primary Active"; "": no pair */
    int64_t since_ms;            /* wall clock */
    char reason[PAIR_REASON_SIZE];
    char peer_address[HOST_TEXT_MAX];
    char peer_name[HOST_TEXT_MAX];
    char peer_node[PAIR_NODE_SIZE];
    char line[PAIR_NODE_SIZE]; /* of the pair's history (store/replica.h) */
    uint64_t epoch;            /* that this node was last active or standby in */
    bool confirmed;            /* both have said that the pair stands */
    bool must_ask;             /* it gave its role away, or was restored: silence does not let it go on */
    struct pair_form form;
};

/* Zeroed where there is none. */
int pair_record_get(struct store_txn *txn, struct pair_record *out, struct error *err);
int pair_record_set(struct store_txn *txn, const struct pair_record *record, struct error *err);
int pair_record_delete(struct store_txn *txn, struct error *err);

/* A change of state. */
struct pair_event {
    int64_t when_ms;
    const char *from;
    const char *to;
    const char *event; /* "peer lost" */
    const char *reason;
    uint64_t epoch;
};
int pair_event_append(struct store_txn *txn, const struct pair_event *event, struct error *err);

/* Calls `each`, the oldest first, until it returns non-zero. */
int pair_event_each(struct store_txn *txn, int (*each)(void *arg, const struct pair_event *event), void *arg,
                    struct error *err);

/* The last registration, done or not. Percents of its milestones. */
struct pair_registration {
    int64_t started_ms; /* wall clock; 0: there was none */
    int64_t ended_ms;   /* 0: under way, or cut short */
    uint32_t percent[PAIR_MILESTONES];
    char peer[HOST_TEXT_MAX];
    char error[ERROR_TEXT_MAX]; /* why it failed; "": it did not */
    char hint[ERROR_TEXT_MAX];
};
int pair_registration_get(struct store_txn *txn, struct pair_registration *out, struct error *err);
int pair_registration_set(struct store_txn *txn, const struct pair_registration *registration,
                          struct error *err);

/* The two keys: K, made of what an admin typed, and the pair's own, agreed at registration. */
enum pair_key { PAIR_KEY_AUTHENTICATION, PAIR_KEY_PAIR };

/* ERROR_NOT_FOUND: it is not set. The caller wipes `out`. */
int pair_key_get(struct store_txn *txn, const struct seal *seal, enum pair_key which,
                 uint8_t out[PAIR_KEY_SIZE], struct error *err);
int pair_key_set(struct store_txn *txn, const struct seal *seal, enum pair_key which,
                 const uint8_t key[PAIR_KEY_SIZE], struct error *err);
int pair_key_delete(struct store_txn *txn, enum pair_key which, struct error *err);
