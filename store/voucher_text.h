/* A voucher as a text (store/vouch.h), apart from its proof: shells read it, and load no libcrypto for it. */
#pragma once

#include "base/process.h"
#include "store/account.h"
#include "store/seal.h"
#include "store/statement.h"

#define VOUCHER_MAC_DIGITS (2 * SEAL_MAC_SIZE)
#define VOUCHER_TEXT_SIZE 512
#define VOUCHER_ORIGIN_SIZE 64 /* an address, its zone included, and its NUL */

struct voucher {
    char account[ACCOUNT_NAME_SIZE];
    char key[STATEMENT_KEY_NAME_SIZE];
    struct process sshd;
    char origin[VOUCHER_ORIGIN_SIZE]; /* the client's address, where sshd told it; else "" */
};

/* The parts of a voucher and, in *mac, its last: within `text`, of VOUCHER_MAC_DIGITS. Nothing is proved.
 * False: it is none. */
bool voucher_split(const char *text, struct voucher *out, const char **mac);

/* The account that a voucher names, unproved: for a shell that nobody can prove it to. False: it names none.
 */
bool voucher_account(const char *text, char out[ACCOUNT_NAME_SIZE], char key[STATEMENT_KEY_NAME_SIZE]);
