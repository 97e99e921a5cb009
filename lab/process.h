/* Starting and ending the processes of a lab. */
#pragma once

#include "lab/servers.h"

/* Makes the server's folder and settings where missing and starts it; returns once it is up. */
int lab_start(const struct lab *lab, const struct lab_server *server, struct error *err);

/* Ends it (SIGTERM, after LAB_STOP_MS SIGKILL) and waits until it is gone. */
#define LAB_STOP_MS 3000
void lab_stop(const struct lab *lab, const struct lab_server *server);

/* Runs `primesh --home <node> [-c command]` and waits; with command NULL it takes this process's place. */
int lab_shell(const struct lab *lab, const struct lab_server *server, const char *command);

/* Writes the server a new certificate, for a new key or the one it has. A running server does not know yet.
 */
int lab_new_identity(const struct lab *lab, const struct lab_server *server, bool keep_key,
                     struct error *err);

/* Gives the server a new key and certificate, served at once. */
int lab_renew(const struct lab *lab, const struct lab_server *server, struct error *err);
