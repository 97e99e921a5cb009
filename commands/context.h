/* What every command of a session shares: the node's home, its store to read, its daemon to ask. */
#pragma once

#include "base/node_conf.h"
#include "control/client.h"
#include "shell/call.h"
#include "shell/session.h"
#include "store/store.h"

/* What a command may need before it runs (shell_command.needs). */
enum {
    NEED_STORE = 1 << 0, /* the store, read without the daemon */
    NEED_DAEMON = 1 << 1 /* an answering primed */
};

struct context {
    const char *home;
    const char *program; /* argv[0]: primed lies beside it */
    struct node_conf conf;
    struct store *store;           /* opened when first needed */
    struct control_client *client; /* connected when first needed */
    bool is_session;               /* interactive: announced to primed for `show users` */
    const char *terminal;
    const char *user;
};

/* For shell_program: opens or connects what is needed. */
int context_require(void *context, unsigned needs, struct error *err);

/* For shell_program: a refused command goes to the audit trail, if primed is there to write it. */
void context_refused(void *context, const char *line, const struct error *err);
const char *context_hostname(void *context);
void context_close(struct context *context);

struct context *context_of(struct shell_call *call);

/* Starts a read of the store. */
struct store_txn *context_read(struct shell_call *call, struct error *err);

/*
 * Asks primed. `params` is taken over (NULL: none). Progress goes to `progress` (may be NULL, with `arg`).
 * Ctrl-C: ERROR_BUSY, and it says that the operation goes on in primed.
 */
int context_ask(struct shell_call *call, const char *method, json_t *params,
                void (*progress)(void *arg, json_t *progress), void *arg, json_t **result, struct error *err);

/* The branches of the table. */
extern const struct shell_branch pin_branch;
extern const struct shell_branch pin_show_branch;
extern const struct shell_branch policy_branch;
extern const struct shell_branch service_branch;
extern const struct shell_branch show_branch;
extern const struct shell_branch log_branch;
extern const struct shell_branch session_branch;
extern const struct shell_branch file_branch;
extern const struct shell_branch backup_branch;

/* The argument types. */
extern const struct shell_type argument_types[];
extern const size_t argument_type_count;
