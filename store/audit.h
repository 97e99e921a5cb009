/* The audit trail: who asked for what, and what came of it. */
#pragma once

#include "store/store.h"

struct audit_entry {
    uint64_t number; /* given by audit_append() */
    int64_t when_ms;
    const char *user;
    const char *role;     /* "admin", "user" */
    const char *origin;   /* where the session comes from; "local" */
    const char *line;     /* the command as the shell says it, secrets masked */
    const char *method;   /* what it called; "": not noted, or nobody called (NULL is that too) */
    const char *settings; /* names of those that the call is about, parted by commas, or "" */
    const char *result;   /* "ok", or an error code's name */
    const char *message;  /* the error's sentence, or "" */
};

/* Texts of any bytes; they are escaped here. */
int audit_append(struct store_txn *txn, const struct audit_entry *entry, struct error *err);

/* Calls `each` with the last `count` entries (0: all), oldest first, until it returns non-zero. */
int audit_each(struct store_txn *txn, uint64_t count, int (*each)(void *arg, const struct audit_entry *entry),
               void *arg, struct error *err);
