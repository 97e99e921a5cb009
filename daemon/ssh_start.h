/* Starting ssh(1) for an SFTP session: the only program that primed's privileged half starts here. */
#pragma once

#include "daemon/broker.h"

#define SSH_FOLDER "ssh"                  /* below the home, 0700 */
#define SSH_KNOWN_HOSTS "ssh/known_hosts" /* the host keys met so far: OpenSSH's own format */
#define SSH_ASKPASS "primed"              /* beside the running program: never a file of the home */
#define SSH_ASKPASS_ROLE "PRIMED_ASKPASS" /* set in its environment */
#define SSH_CONNECT_S 15                  /* to a connection and the server's greeting */

/* True if the values can only be what they say: nothing that ssh would take for an option. */
bool ssh_values_are_plain(const struct broker_ssh *what);

/* Forks; the child gives up all privileges, writes nowhere but below the home, keeps no descriptor but the
 * two, and becomes ssh. The process, or -1. ERROR_NOT_FOUND: no such user, or no ssh. */
pid_t ssh_start(const char *home, const struct node_conf *conf, const struct broker_ssh *what, int channel,
                int side, struct error *err);

/* primed as ssh starts it to ask for the password (ssh(1), SSH_ASKPASS): it waits in the socket that is the
 * standard error of both. Returns the exit status. */
int ssh_askpass(void);
