/* An SFTP session through ssh(1), which the privileged half starts as the node's user. */
#pragma once

#include "base/url.h"
#include "daemon/node.h"

struct ssh_channel;

/* Makes what ssh needs in the home: its folder. */
int ssh_prepare_home(const char *home, struct error *err);

/*
 * Starts ssh to the URL's host and user; `password` (NULL: none) is handed over when ssh asks, through a
 * socket: it is on no command line, in no environment and in no file. ERROR_INVALID_ARGUMENT: the URL names
 * no user, or one that cannot be. ERROR_NOT_FOUND: there is no ssh here.
 */
struct ssh_channel *ssh_channel_open(struct node *node, const struct url *url, const char *password,
                                     struct error *err);
int ssh_channel_fd(const struct ssh_channel *channel); /* for sftp_open() */

/* Ends it. Where the session failed (err->code is set) and ssh said why, that is what *err says then. */
void ssh_channel_close(struct ssh_channel *channel, struct error *err);
