/* Who may do what: the accounts, as the running configuration has them. */
#pragma once

#include "store/store.h"

#define ACCOUNT_NAME_SIZE 33 /* the longest name and its NUL */

enum account_role { ACCOUNT_USER, ACCOUNT_ADMIN };

struct account {
    char name[ACCOUNT_NAME_SIZE];
    enum account_role role;
    bool system; /* the system's user of that name is this account: its password is the system's business */
};

/* "user", "admin". */
const char *account_role_name(enum account_role role);

/* ERROR_NOT_FOUND: there is no account of that name. */
int account_get(struct store_txn *txn, const char *name, struct account *out, struct error *err);

/* 0 if the account has the SSH key of that name (statement_key_name()); ERROR_NOT_FOUND. */
int account_has_key(struct store_txn *txn, const char *name, const char *key, struct error *err);

/* Calls `each` with every SSH key of every account, until it returns non-zero: the account, the key's name,
 * and
 * "<algorithm> <base64>[ <comment>]". */
int account_each_key(struct store_txn *txn,
                     int (*each)(void *arg, const char *account, const char *key, const char *value),
                     void *arg, struct error *err);
