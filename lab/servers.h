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
    int host;            /* last number of its address */
    bool listens_local;  /* on 127.0.0.1 too, as a secondary does */
    const char *subject; /* of its certificate */
    const char *dns;     /* its host name */
    bool on_demand;      /* not part of every lab: started by name */
};

extern const struct lab_server lab_servers[];
extern const size_t lab_server_count;

#define LAB_FOLDER "run/lab"          /* of the lab that has no name */
#define LAB_NAMED_FOLDER "run/labs"   /* above those that have */
#define LAB_NETWORK "127.0.0"         /* where a lab lives unless that is taken, or another is named */
#define LAB_PRIVATE_NETWORK "192.0.2" /* of a lab with network namespaces of its own (RFC 5737) */
#define LAB_NAME_MAX 32               /* characters of a lab's name */

/* A lab on disk. */
struct lab {
    char network[16];            /* the first three numbers of its addresses; "" before its first `up` */
    bool namespaces;             /* each node in a network namespace of its own */
    char folder[PATH_MAX - 128]; /* absolute */
    char programs[PATH_MAX];     /* the folder where primed and primesh lie */
    char option[PATH_MAX]; /* behind "primelab", to reach it: "", " --name <name>" or " --folder <folder>" */
};

#define LAB_ADDRESS_MAX 20
void lab_address(const struct lab *lab, const struct lab_server *server, char out[LAB_ADDRESS_MAX]);

/* ERROR_INVALID_ARGUMENT lists the names there are. */
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
