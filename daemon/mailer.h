/* Sends the mails that wait in the store (store/mail_queue.h), on a thread of its own: a mail server that is
 * dead or slow delays nothing else. */
#pragma once

#include "daemon/node.h"

struct mailer;
struct mailer *mailer_start(struct node *node, struct error *err);

/* Another mail waits. Any thread; does not wait. NULL is fine. */
void mailer_wake(struct mailer *mailer);

/* The settings may have changed: whatever waits is tried at once. NULL is fine. */
void mailer_retry(struct mailer *mailer);

/* Waits until what is under way has ended, which takes about a second at most. mailer_wake() may still be
 * called. NULL is fine. */
void mailer_stop(struct mailer *mailer);
void mailer_free(struct mailer *mailer); /* a stopped one */

/* True if the configuration says through whom mail goes, and it or `further` to whom. */
bool mailer_is_configured(struct store_txn *txn, const char *further);
