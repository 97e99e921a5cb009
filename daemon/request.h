/* One method call of a shell: who asks, for what, and the audit trail of it. */
#pragma once

#include "daemon/caller.h"
#include "daemon/node.h"

#include <jansson.h>

struct request;

enum {
    METHOD_CHANGES = 1 << 0,  /* goes to the audit trail, whatever comes of it */
    METHOD_ON_LOOP = 1 << 1,  /* quick and about the connection: runs on the loop's thread */
    METHOD_ATTACHES = 1 << 2, /* shows who calls: a voucher, the origin */
    METHOD_ACTIVE = 1 << 3    /* refused on a standby before it does anything, with the active node's name */
};

/* A method of the control socket: one constant entry. */
struct method {
    const char *name;       /* "pin.delete" */
    enum account_role role; /* the least role */
    unsigned flags;
    /* Sets *result (an object; NULL stands for {}) or fails. */
    int (*run)(struct request *request, json_t **result, struct error *err);
};

#define REQUEST_SETTINGS_MOST 33 /* names: as many as config.set takes, and the one that it replaces */
#define REQUEST_SETTINGS_SIZE (REQUEST_SETTINGS_MOST * (STATEMENT_NAME_SIZE + 2))

struct request {
    struct node *node;
    struct control_job *job;
    const struct method *method;
    json_t *params; /* borrowed from the job */
    struct caller caller;
    struct who who;
    const char *line;                     /* the command line as the shell says it, secrets masked */
    char settings[REQUEST_SETTINGS_SIZE]; /* config.*: the names it is about, parted by commas */
    unsigned number;                      /* of the task, for the logs: "seqtaskexecutor-<number>" */
    bool audited;
    enum store_reach reach; /* of the least replicated of its changes */
    struct error refusal;   /* why it is refused, where that was clear on the loop's thread already */
};

/* Takes a job from the control socket: finds its method, runs it on a worker and answers. */
void request_take(struct node *node, struct control_job *job);

/* Runs a store job and, in the same transaction, writes the audit entry of this request. */
int request_change(struct request *request, int (*job)(struct store_txn *txn, void *arg, struct error *err),
                   void *arg, struct error *err);

/* A parameter that must be a string; NULL with ERROR_INVALID_ARGUMENT. */
const char *request_text(const struct request *request, const char *name, struct error *err);

/* The method tables, one a file. */
extern const struct method pin_methods[];
extern const size_t pin_method_count;
extern const struct method pin_file_methods[];
extern const size_t pin_file_method_count;
extern const struct method file_methods[];
extern const size_t file_method_count;
extern const struct method save_methods[];
extern const size_t save_method_count;
extern const struct method backup_methods[];
extern const size_t backup_method_count;
extern const struct method config_methods[];
extern const size_t config_method_count;
extern const struct method trust_methods[];
extern const size_t trust_method_count;
extern const struct method node_methods[];
extern const size_t node_method_count;
extern const struct method key_methods[];
extern const size_t key_method_count;
extern const struct method key_file_methods[];
extern const size_t key_file_method_count;
extern const struct method key_ca_methods[];
extern const size_t key_ca_method_count;
extern const struct method purpose_methods[];
extern const size_t purpose_method_count;
extern const struct method purpose_own_methods[];
extern const size_t purpose_own_method_count;
extern const struct method purpose_trust_methods[];
extern const size_t purpose_trust_method_count;
extern const struct method ctl_methods[];
extern const size_t ctl_method_count;
extern const struct method authz_methods[];
extern const size_t authz_method_count;
extern const struct method notice_methods[];
extern const size_t notice_method_count;
extern const struct method server_methods[];
extern const size_t server_method_count;
extern const struct method server_list_methods[];
extern const size_t server_list_method_count;
extern const struct method network_methods[];
extern const size_t network_method_count;
extern const struct method ha_methods[];
extern const size_t ha_method_count;
