/* A whole node in one encrypted file, and back. */
#pragma once

#include "daemon/node.h"

#include <jansson.h>

#define BACKUP_PASSPHRASE_LEAST 8 /* characters, when a backup is made */
#define BACKUP_MANIFEST "manifest.json"
#define RESTORE_READY "restore.ready" /* below the home: a node on its way into place */

/*
 * Writes the node as it is at this moment to fd: store, keys, node.conf, SSH host keys. Changes go on
 * meanwhile and are not in it. `go_on` (may be NULL) says whether to. ERROR_STORE_FULL, ERROR_BUSY (stopped),
 * ERROR_INTERNAL.
 */
int backup_write(struct node *node, int fd, const char *name, const char *passphrase,
                 bool (*go_on)(void *arg), void *arg, struct error *err);

/* ---- restoring: stage, commit, and finish at the next start ---- */

/*
 * Decrypts all of the file into a folder of its own below the home, and checks it as a node: store, keys,
 * node.conf, addresses. Nothing of the running node is touched. *manifest (new reference) says whose it is.
 * ERROR_DENIED: the passphrase. ERROR_UNTRUSTED: altered or cut short. ERROR_INVALID_ARGUMENT: no backup.
 * ERROR_CONFLICT: of a newer version, or a node that cannot run here. ERROR_STORE_FULL.
 */
int restore_stage(struct node *node, int fd, const char *passphrase, json_t **manifest, struct error *err);

/* Writes an entry into the audit trail of what is staged, so that the restored node knows what happened. */
int restore_note(struct node *node, int (*job)(struct store_txn *txn, void *arg, struct error *err),
                 void *arg, struct error *err);

/* From here on the staged node is the node: whatever happens, the next start takes it. */
int restore_commit(struct node *node, struct error *err);

/* Throws away what is staged. */
void restore_abandon(struct node *node);

/*
 * At the start, before anything of the home is read: puts a committed node in place, also when an earlier try
 * was cut off in its middle. 0 where there is none, too.
 */
int restore_finish(const char *home, struct error *err);

/* The node is up: the one before a restore, and what restores that were cut off left, is not needed any more.
 */
void restore_clean(const char *home);
