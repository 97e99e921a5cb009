/* The way into the lab's nodes over SSH: a private sshd a node, with keys of the lab's own. */
#pragma once

#include "lab/servers.h"

/* A node's sshd listens on the node's address at this port and the last number of that address. */
#define LAB_SSH_PORT 2200
uint16_t lab_ssh_port(const struct lab_server *server);

/* "<lab>/ssh/<node>/<name>"; server NULL: "<lab>/ssh/<name>" */
void lab_ssh_path(const struct lab *lab, const struct lab_server *server, const char *name,
                  char out[PATH_MAX]);

/* The process that listens; 0: none. */
pid_t lab_ssh_pid(const struct lab *lab, const struct lab_server *server);

/*
 * Makes the keys and settings where missing (`<lab>/ssh/`): client_key, known_hosts and `config`, an
 * ssh_config(5) with the nodes by name. ERROR_NOT_FOUND: sshd or ssh-keygen is not installed.
 */
int lab_ssh_prepare(const struct lab *lab, struct error *err);

/* The node's account that the lab's key is for; made once, on the running node, with an ordinary command. */
#define LAB_SSH_USER "admin"
int lab_ssh_admit(const struct lab *lab, const struct lab_server *server, struct error *err);

/* What must be so before an sshd can let anybody in. ERROR_NOT_FOUND: it is not installed; ERROR_DENIED. */
int lab_ssh_check(struct error *err);

/* It listened once, and does not now; not true where the lab came up without. */
bool lab_ssh_is_missing(const struct lab *lab, const struct lab_server *server);

/* Starts the node's sshd; returns once it listens. The lab can do without: the error says why it must. */
int lab_ssh_start(const struct lab *lab, const struct lab_server *server, struct error *err);

/* Ends it and the sessions that it brought in. */
int lab_ssh_stop(const struct lab *lab, pid_t listener, struct error *err);

/* Takes this process's place: ssh to the node, with the words of a command (NULL at the end) if any. Returns
 * where it cannot. ERROR_UNREACHABLE: no sshd listens; ERROR_NOT_FOUND: sshd or ssh is not installed. */
int lab_ssh_connect(const struct lab *lab, const struct lab_server *server, char *const words[],
                    struct error *err);
