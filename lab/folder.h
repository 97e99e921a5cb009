/* The folder of a lab: finding it, holding it, and what `up` writes down in it. */
#pragma once

#include "lab/servers.h"

/*
 * Finds the lab's folder (it need not exist), the programs and the network: `network` where given (it may be
 * NULL), else what the folder says, else none yet. ERROR_INVALID_ARGUMENT: not three numbers of the loopback
 * network 127.
 */
int lab_open(const char *folder, const char *network, struct lab *out, struct error *err);

/* The folder of the lab of that name. ERROR_INVALID_ARGUMENT: letters, digits and hyphens make a name. */
int lab_named_folder(const char *name, char out[PATH_MAX], struct error *err);

/* Writes down what `up` was told and found out; the later commands must know. */
int lab_save(const struct lab *lab, struct error *err);

/* Holds the lab against another primelab that changes it, until the descriptor is closed here and in all
 * children; waits for the other for a while. Makes the folder. ERROR_BUSY, ERROR_DENIED, ERROR_STORE_FULL. */
#define LAB_LOCK_WAIT_MS 30000
int lab_lock(struct lab *lab, struct error *err);

/* ERROR_STORE_FULL where the disk has not room enough for a lab. */
#define LAB_ROOM_BYTES (4 * 1024 * 1024)
int lab_check_room(const struct lab *lab, struct error *err);
