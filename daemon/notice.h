/*
 * What people are told without having asked. A notice is a line in a log at once, and a mail as soon as the
 * mail server takes it: it waits in the store, is tried again for a day, and delays nobody.
 */
#pragma once

#include "daemon/node.h"

/* One line to application.log, in the name of a task ("DailyTask", "seqtaskexecutor-3"). */
void notice_give(struct node *node, const char *task, const char *text);

/*
 * Queues a mail to the addresses of `ha email-address` and of the mail server, as they are configured when it
 * is sent; without a mail server or an address there is none. `[primesh] <host name>: ` is put in front of
 * the subject. Any thread, even the store's; does not wait.
 */
void notice_mail(struct node *node, const char *subject, const char *body);

/* Something else changed. Texts; NULL or "" where there is nothing to say. */
struct notice_change {
    const char *what;         /* also the subject: "ISE server 10.0.0.21_443: reachable -> unreachable" */
    const char *reason;       /* one sentence */
    const char *next_command; /* "ncs server ise show 10.0.0.21" */
};

/* The mail of it. As notice_mail(). */
void notice_change(struct node *node, const struct notice_change *change);

/* The pair's state on this node became another one. Texts; NULL or "" where there is nothing to say. */
struct notice_state {
    const char *old_state; /* "Secondary Lost Primary" */
    const char *new_state;
    const char *own;          /* this node in words: "prime-sec (10.0.0.12, secondary)" */
    const char *peer;         /* the other one */
    const char *reason;       /* one sentence */
    const char *next_command; /* "ncs ha failover" */
    const char *further;      /* addresses, parted by commas, that get it whatever is configured then */
};

/* The mail of it, with subject `[primesh] <host name>: <old> -> <new>`. As notice_mail(). Writes no log line:
 * the caller has one of its own. */
void notice_state_change(struct node *node, const struct notice_state *state);
