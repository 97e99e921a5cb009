/* Giving up what the unprivileged half of primed does not need. */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/*
 * Gives up every capability of this process: where a service manager starts primed as an ordinary user with
 * some (ambient ones would outlive execve too), only the privileged half is to have them.
 */
int sandbox_drop_capabilities(struct error *err);

/* Becomes `user` for good (groups too) when started as root; gives that user the home. Otherwise only gives
 * up the capabilities. ERROR_NOT_FOUND: no such user. ERROR_DENIED: the user is root, or the home is neither
 * root's nor that user's. */
int sandbox_become(const char *user, const char *home, struct error *err);

/* Becomes the owner of a folder for good when started as root; otherwise only gives up the capabilities.
 * ERROR_DENIED: the owner is root. */
int sandbox_become_owner(uid_t uid, gid_t gid, struct error *err);

/*
 * From here on this thread, and those that it will make, write below the home and nowhere else (landlock(7)):
 * not into what the privileged half keeps for keepalived, though the same user may own it. Does nothing where
 * the kernel cannot.
 */
int sandbox_confine_writes(const char *home, struct error *err);

/* From here on only the system calls that a running node makes (seccomp(2), all threads): others fail with
 * EPERM, and those that would start a program or trace one kill the process. */
int sandbox_enter(struct error *err);
