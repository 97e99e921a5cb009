/* What primed does for sshd and for shells beside the node that may run: it alone handles the sealing key
 * (docs/security.md). Each is a whole run of the program. */
#pragma once

/*
 * For sshd's AuthorizedKeysCommand: prints a line for each account that has the key, with a forced command
 * that vouches for the account. `origin` may be NULL. Returns the exit status: 0, or 1 with a sentence on
 * standard error.
 */
int ssh_print_authorized_keys(const char *home, const char *algorithm, const char *key, const char *origin);

/*
 * For a shell that no primed answers: 0 if the voucher on standard input, one line, is this node's and was
 * given to the process that started this program; else 1.
 */
int ssh_prove_voucher(const char *home);
