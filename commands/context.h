/* What every command of a session shares: the node's home, its store to read, its daemon to ask. */
#pragma once

#include "base/node_conf.h"
#include "control/client.h"
#include "shell/call.h"
#include "shell/session.h"
#include "store/statement.h"
#include "store/store.h"

/* What a command may need before it runs (shell_command.needs). */
enum {
    NEED_STORE = 1 << 0, /* the store, read without the daemon */
    NEED_DAEMON = 1 << 1 /* an answering primed */
};

struct monitor;

struct context {
    const char *home;
    const char *program; /* argv[0]: primed lies beside it */
    struct node_conf conf;
    struct store *store;           /* opened when first needed */
    struct control_client *client; /* connected when first needed */
    struct shell_session *session;
    struct monitor *monitor; /* of `terminal monitor`; NULL: off */
    const char *terminal;    /* NULL until the session is interactive: announced to primed for `show users` */
    const char
        *voucher; /* what sshd gave this session (store/voucher_text.h); NULL: it does not come from there */
    const char *connection; /* SSH_CONNECTION, or NULL */
    char user[64];
    enum shell_role role;
    char key[STATEMENT_KEY_NAME_SIZE]; /* the SSH key of the voucher */
    bool has_account;                  /* the user is one of the accounts, not root or the node's own */
    char hostname[HOST_TEXT_MAX];      /* as last read from the store */
    char saving[640];                  /* of `| save`: what the audit trail calls it */
    char repository[128];              /* of configuration's submode */
};

/* Says in err's hint what to do where primed does not run or does not answer. */
void context_hint(const struct context *context, struct error *err);

/* For shell_program: opens or connects what is needed. err may be NULL. */
int context_require(void *context, unsigned needs, struct error *err);

/* For shell_program: a refused command goes to the audit trail, if primed is there to write it. */
void context_refused(void *context, const char *line, const struct error *err);

/* The node's name as configured; as node.conf has it where none is, or the store cannot be read. */
const char *context_hostname(void *context);

/*
 * Who runs this shell, into user and role: primed says so; only where it does not answer the shell has to
 * find out itself, and then trusts nobody with more than it can prove. ERROR_DENIED, ERROR_INTERNAL.
 */
int context_identify(struct context *context, struct error *err);

/* Connects to primed unless it is connected, and shows it who calls. ERROR_UNREACHABLE, ERROR_DENIED. */
int context_connect(struct context *context, struct error *err);
void context_disconnect(struct context *context);

/*
 * For shell_program: sees that the account is still there, with its key, and follows a change of its role.
 * ERROR_DENIED: it is not, and the session ends. Where the store cannot be read that is left to primed.
 */
int context_admit(void *context, struct error *err);

/* Announces an interactive session. ERROR_UNREACHABLE, ERROR_BUSY: there are too many. */
int context_open_session(struct context *context, const char *terminal, struct error *err);
void context_close(struct context *context);

struct context *context_of(struct shell_call *call);

/* Ends `terminal monitor`. NULL is fine. */
void monitor_free(struct monitor *monitor);

/* Starts a read of the store. */
struct store_txn *context_read(struct shell_call *call, struct error *err);

/* A value of the running configuration; false where it is not set. */
bool context_setting(struct context *context, const char *name, char *out, size_t size);

/* The release whose listings and words are followed: as configured, else as node.conf has it. */
#define CONTEXT_RELEASE_MAX 8
void context_release(struct context *context, char out[CONTEXT_RELEASE_MAX]);

/* From here on localtime(3) speaks of the configured time zone. */
void context_use_timezone(struct context *context);

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
extern const struct shell_branch key_branch;
extern const struct shell_branch key_genkey_branch;
extern const struct shell_branch trust_store_branch;
extern const struct shell_branch validation_branch;
extern const struct shell_branch expiry_branch;
extern const struct shell_branch service_branch;
extern const struct shell_branch show_branch;
extern const struct shell_branch log_branch;
extern const struct shell_branch session_branch;
extern const struct shell_branch file_branch;
extern const struct shell_branch backup_branch;
extern const struct shell_branch monitor_branch;
extern const struct shell_branch configure_branch;
extern const struct shell_branch running_config_branch;
extern const struct shell_branch purpose_branch;
extern const struct shell_branch purpose_show_branch;
extern const struct shell_branch ctl_branch;
extern const struct shell_branch ha_config_branch;
extern const struct shell_branch notices_branch;
extern const struct shell_branch server_branch;
extern const struct shell_branch server_show_branch;
extern const struct shell_branch ha_branch;
extern const struct shell_branch ha_show_branch;
extern const struct shell_branch interface_branch;
extern const struct shell_branch network_branch;
extern const struct shell_branch tech_support_branch;
