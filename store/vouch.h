/*
 * How sshd vouches for who is at the other end of a session (docs/security.md). While a key is being judged,
 * sshd asks `primesh --authorized-keys` (primed, in truth), which answers with the key and, as its forced
 * command, a voucher: "the sshd process P, once it has seen the key K proved, runs the account A". Only this
 * node can make one (HMAC under the node's sealing key), and it holds only for processes that descend from P.
 * So a voucher that was overheard says nothing in another session.
 */
#pragma once

#include "store/voucher_text.h"

/* The text holds letters, digits and "/._:%-" only. ERROR_INVALID_ARGUMENT, ERROR_INTERNAL. */
int voucher_write(const struct seal *seal, const struct voucher *voucher, char out[VOUCHER_TEXT_SIZE],
                  struct error *err);

/* Reads and proves a voucher that the process `holder` shows. ERROR_DENIED: it is not this node's, or was
 * given to another session. Whether account and key are still there is for the caller to look up. */
int voucher_read(const struct seal *seal, const char *text, pid_t holder, struct voucher *out,
                 struct error *err);
