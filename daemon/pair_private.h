/* What the files of the pair share. */
#pragma once

#include "daemon/pair.h"
#include "daemon/report.h"
#include "ha/heartbeat.h"
#include "ha/link_server.h"
#include "ha/receiver.h"
#include "ha/sender.h"
#include "ha/state.h"
#include "net/tls.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#define PAIR_LAG_MOST 64      /* unreplicated changes with which a standby still counts as in sync */
#define PAIR_STEP_MS 10000    /* for one step of a failover, a failback or a registration */
#define PAIR_SILENCE_MS 15000 /* a registration whose other side says nothing for so long is over */

/* How the other node is, as it says itself. */
struct pair_peer {
    struct ha_standing standing;
    bool answers;      /* the last heartbeat was answered */
    bool lost;         /* not heard for so many intervals */
    bool refused;      /* lost because somebody refuses somebody, not because of silence */
    int64_t heard_ms;  /* wall clock: it answered this node's heartbeat; 0: never */
    int64_t called_ms; /* wall clock: its own heartbeat came */
    int64_t called_monotonic_ms;
    int64_t alerted_monotonic_ms; /* it refused this node's certificate in TLS; 0: never */
    char why[ERROR_TEXT_MAX];     /* it does not answer */
    char hint[ERROR_TEXT_MAX];
};

struct link_source;

struct pair {
    struct node *node;
    struct link_self self;
    struct link_server *links; /* while the services run */
    char log_folder[PATH_MAX];
    struct report *report; /* refusals, for health_monitor.log */
    struct tls_refusals refusals;
    struct tls_cancel *cancel; /* of what methods wait for; while the services run */

    pthread_mutex_t transition; /* held through a change of state */
    pthread_mutex_t operation;  /* held through what an admin asked for */

    pthread_mutex_t
        carrying; /* over sender, receiver and source; innermost but for theirs, never with `lock` */
    struct ha_sender *sender;
    struct ha_receiver *receiver;
    struct link_source *source; /* of the receiver: its links */

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool running;
    bool stopping;
    struct pair_record record;
    enum ha_state state;
    int64_t entered_ms;   /* monotonic: when it did in this run */
    unsigned serial;      /* of the state: one more with each change */
    unsigned said_serial; /* when the heartbeat under way went out */
    struct pair_peer peer;
    struct pair_registration registration;
    bool copying;              /* the secondary of a registration takes the records */
    struct pair_record coming; /* what it will be then */
    uint8_t coming_key[PAIR_KEY_SIZE];
    int64_t coming_ms;                   /* monotonic: when the primary of the registration was last heard */
    bool imported;                       /* the records are in place: the record is to be read again */
    int64_t thought_ms;                  /* monotonic: of a failover by itself, last */
    bool was_in_sync;                    /* standby: it had everything when the active node was lost */
    char stream_problem[ERROR_TEXT_MAX]; /* that was told last; "" */
    bool gate;                           /* open */
    bool gate_lost;                      /* it closed by itself */
    bool in_sync;                        /* active: it is open, and the standby has confirmed all before */
    uint64_t owed;                       /* only the engine: up to here the standby must confirm first */
    int64_t followed_ms;                 /* the same; monotonic: when the standby last followed */
    bool has_trial_key;                  /* while registering: the key as typed */
    struct proof_key trial_key;
    struct ha_heartbeat *heartbeat;
    unsigned waiting_serial; /* pair_waiting.c; only the heartbeat's thread: of the state looked at */
    unsigned waiting_beats;  /* how often in a row it was found waiting */
    pthread_t engine;
    bool engine_runs;
    bool poked;
    char address_problem[ERROR_TEXT_MAX]; /* why there is no virtual address; "" */
    struct pair_address *address;         /* pair_address.c; only the engine's thread */
};

/* ---- pair_waiting.c ---- */

struct pair_waiting {
    char problem[ERROR_TEXT_MAX];
    char hint[ERROR_TEXT_MAX];
};

/* Whether an uncertain node cannot help itself. */
bool pair_waits(struct pair *pair, const struct pair_record *record, const struct pair_peer *peer,
                struct pair_waiting *out);

/* After each heartbeat: an admin is told once, in the log and by mail. */
void pair_look_whether_it_waits(struct pair *pair);

/* ---- pair_state.c ---- */

/*
 * Goes on from the state by the table: on disk first, except that a node which stops being active stops at
 * once. 1: the event means nothing now; 0: done; -1: the store failed, and what it means is not done.
 * `more` (may be NULL) runs in the transaction.
 */
int pair_apply(struct pair *pair, enum ha_event event, const char *reason, store_job more, void *arg,
               struct error *err);

/* Tells the store whether it may change the pair's records, and who may if not. */
void pair_set_active(struct pair *pair, bool active, const struct pair_record *record);

/* A store job: writes the record that is its arg. */
int pair_record_write(struct store_txn *txn, void *record, struct error *err);

/* ---- pair.c ---- */

/* The record of this moment; the state too where it is asked for. */
struct pair_record pair_record_of(struct pair *pair, enum ha_state *state);
void pair_poke(struct pair *pair); /* the engine looks again */
void pair_timing(struct pair *pair, unsigned *interval_ms, unsigned *misses);
void pair_own_name(struct pair *pair, char *out, size_t size); /* "prime-pri (127.0.0.11)" */
void pair_peer_name(const struct pair_record *record, char *out, size_t size);
bool pair_config(struct pair *pair, const char *name, char *out, size_t size);
int pair_begin(struct pair *pair, struct error *err); /* an operation; ends with pair_end() */
void pair_end(struct pair *pair);
void pair_log(struct pair *pair, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Waits until `is_so` or for so long; no lock is held while it is asked. False: it is not, in time. */
bool pair_wait(struct pair *pair, bool (*is_so)(struct pair *pair, void *arg), void *arg, int timeout_ms);

/* ---- pair_engine.c ---- */
int pair_engine_start(struct pair *pair, struct error *err);
void pair_engine_stop(struct pair *pair);
void pair_receiver_end(struct pair *pair); /* stops following, now */

/* ---- pair_heartbeat.c ---- */
int pair_heartbeat_start(struct pair *pair, struct error *err); /* unless it runs */
void pair_heartbeat_end(struct pair *pair);

/* How far this node's changes go: of_epoch and revision of `own`. */
void pair_own_place(struct pair *pair, struct ha_standing *own);

/* ---- pair_stream.c: replication over links ---- */
int pair_sender_start(struct pair *pair, struct error *err);
void pair_sender_end(struct pair *pair);
int pair_receiver_start(struct pair *pair, bool fresh, struct error *err);
bool pair_receiver_runs(struct pair *pair);
int pair_digest(struct pair *pair, struct ha_digest *out, struct error *err); /* of this node */

/* How either is; zeroed where there is none. */
void pair_sent(struct pair *pair, struct ha_sender_state *out);
void pair_received(struct pair *pair, struct ha_receiver_state *out);

/* ---- links to the peer ---- */
struct link *pair_connect(struct pair *pair, const char *address, const char *task, int timeout_ms,
                          struct error *err);

/* ---- routes, one table each; `arg` is set by pair_open() ---- */
#define PAIR_ROUTES_MAX 24
size_t pair_heartbeat_routes_fill(struct pair *pair, struct link_route *routes);
size_t pair_stream_routes_fill(struct pair *pair, struct link_route *routes);
size_t pair_register_routes_fill(struct pair *pair, struct link_route *routes);
size_t pair_failover_routes_fill(struct pair *pair, struct link_route *routes);
size_t pair_ready_routes_fill(struct pair *pair, struct link_route *routes);

/* ---- pair_failover.c ---- */
int pair_promote(struct pair *pair, const char *reason, struct error *err);
void pair_failover_by_itself(struct pair *pair);

/* ---- pair_key.c ---- */
int pair_key(void *pair, struct proof_key *out, struct error *err); /* a copy; ERROR_CONFLICT: none */
int pair_try_key(struct pair *pair, const char *authkey, struct error *err); /* NULL: nothing to try */
void pair_forget_tried_key(struct pair *pair);

/* ---- pair_form.c ---- */

/* The address of the other one. ERROR_INVALID_ARGUMENT: none is given, or it is this node; ERROR_UNREACHABLE:
 * its name is not known. */
int pair_wished_peer(struct pair *pair, const struct pair_wish *wish, char out[HOST_TEXT_MAX],
                     struct error *err);
int pair_form_check(json_t *form, struct error *err);
void pair_form_read(json_t *form, struct pair_form *out);     /* over what stands there */
json_t *pair_form_write(const struct pair_form *form);        /* a new reference */
void pair_form_now(struct pair *pair, struct pair_form *out); /* as it counts now */

/* What was given on the line counts as configured. */
int pair_form_configure(struct store_txn *txn, const struct pair_wish *wish, struct error *err);

/* ---- pair_trust.c: which of both refuses whose certificate, and who the other one is ---- */

/*
 * True: the caller is the other one of the record, by its id, which anybody may claim, and by its address,
 * or, where it calls from another of its addresses, by the certificate that is pinned for it. Not with
 * `pair->lock` held.
 */
bool pair_is_from(struct pair *pair, const struct pair_record *record, const struct link_caller *caller);

/* The same of who began the registration of this node, or is begun by it; whether it still goes on is the
 * state's to say (HA_INITIALIZING). */
bool pair_is_coming(struct pair *pair, const struct link_caller *caller);

struct pair_refusal {
    bool here;          /* this node the other one's */
    bool there;         /* the other one this node's */
    bool there_unknown; /* the other one could not be asked */
    struct error why;
};

/* What follows from a connection to `address` that was not made; all false where it is not about that. */
struct pair_refusal pair_refusal_of(struct pair *pair, const char *address, const struct error *why);

/* A line for each thing to do, with its command; on both nodes. A new reference. */
json_t *pair_refusal_steps(struct pair *pair, const char *address, const struct pair_refusal *refusal);

/* Adds to the hint of such an error what is to be done on the other node. Returns -1. */
int pair_refusal_hint(struct pair *pair, const char *address, struct error *err);

/* ---- pair_address.c ---- */
int pair_address_check(struct pair *pair, const struct pair_record *record, struct error *err);
void pair_address_follow(struct pair *pair); /* the virtual address goes with the state */
void pair_address_end(struct pair *pair);
json_t *pair_address_state(struct pair *pair); /* NULL: the pair has none; a new reference */
