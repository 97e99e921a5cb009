/* The servers of a lab: two nodes and two stand-ins, each with an address and a name of its own. */
#pragma once

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lab_kind { LAB_NODE, LAB_STANDIN };

struct lab_server {
    const char *name; /* as typed, and its folder in the lab */
    enum lab_kind kind;
    const char *address;
    const char *listen;  /* node.conf's list of addresses */
    const char *subject; /* of its certificate */
    const char *dns;     /* its host name */
};

extern const struct lab_server lab_servers[];
extern const size_t lab_server_count;

/* A lab on disk. */
struct lab {
    char folder[PATH_MAX - 128]; /* absolute */
    char programs[PATH_MAX];     /* the folder where primed and primesh lie */
};

/* Finds the lab's folder (it need not exist) and the programs. */
int lab_open(const char *folder, struct lab *out, struct error *err);

/* ERROR_NOT_FOUND lists the names there are. */
const struct lab_server *lab_find(const char *name, struct error *err);

/* "<lab>/<server>[/<name>]" */
void lab_path(const struct lab *lab, const struct lab_server *server, const char *name, char out[PATH_MAX]);

/* The folder of the server's key and certificate. */
void lab_identity_folder(const struct lab *lab, const struct lab_server *server, char out[PATH_MAX]);

/* The port it listens on: 8082; for a stand-in what is written down, else 443 or, where that may not be
 * bound, 8443. */
uint16_t lab_port(const struct lab *lab, const struct lab_server *server);

/* The process that runs it; 0: none. */
pid_t lab_pid(const struct lab *lab, const struct lab_server *server);

/* Whom the lab's processes become when it is brought up by root; NULL for an ordinary user. */
const char *lab_user(void);
