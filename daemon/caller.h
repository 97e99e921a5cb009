/*
 * Who calls. Nothing that a shell says of itself counts: an identity comes from the kernel (the user that the
 * socket's peer runs as) or from sshd (a voucher, store/vouch.h). docs/security.md says why that is enough.
 */
#pragma once

#include "control/server.h"
#include "daemon/node.h"
#include "store/vouch.h"

#define CALLER_LOCAL_USER "admin" /* root, or the node's own user, without sshd */
#define CALLER_LOCAL_ORIGIN "local"

/* What a connection has shown of itself so far. */
struct caller {
    struct control_caller peer;
    char account[ACCOUNT_NAME_SIZE];   /* by a voucher; "": none was shown */
    char key[STATEMENT_KEY_NAME_SIZE]; /* the SSH key that the voucher is for */
    char origin[VOUCHER_ORIGIN_SIZE];  /* "": not known, so "local" */
};

/* Who that is right now, as the accounts stand. */
struct who {
    char user[64];
    enum account_role role;
    char origin[VOUCHER_ORIGIN_SIZE];
};

/* A copy of what the connection of a job has shown. On the loop's thread. */
struct caller caller_of(struct control_job *job);

/*
 * Takes the voucher (NULL: none) and the value of SSH_CONNECTION (NULL: none) that a shell shows; the latter
 * counts only for a session that sshd vouches for or that runs below an sshd of root. On the loop's thread.
 * ERROR_DENIED.
 */
int caller_attach(struct node *node, struct control_job *job, const char *voucher, const char *connection,
                  struct error *err);

/* The connection ended. */
void caller_forget(struct control_session *session);

/* ERROR_DENIED: nobody who may do anything here, or not any more. *out is filled as far as it is known. */
int caller_identify(struct node *node, const struct caller *caller, struct who *out, struct error *err);
