/* The folder of a lab: finding it, who may change it, and what `up` writes down in it. */
#pragma once

#include "lab/servers.h"

/*
 * Finds the lab's folder (it need not exist) and the programs, and reads what the folder says of the network;
 * one that says nonsense is like one that says nothing, until lab_read() is asked.
 */
int lab_open(const char *folder, struct lab *out, struct error *err);

/* The folder of the lab of that name. ERROR_INVALID_ARGUMENT: letters, digits and hyphens make a name. */
int lab_named_folder(const char *name, char out[PATH_MAX], struct error *err);

/* How whoever is told what to do next reaches this lab: by its name or its folder, one of them NULL, or by
 * nothing, both NULL. */
void lab_set_option(struct lab *lab, const char *name, const char *folder);

/* ERROR_INVALID_ARGUMENT: not three numbers of the loopback network 127. */
int lab_check_network(const char *network, struct error *err);

/* Reads again what `up` wrote down; "" where it never did. ERROR_INTERNAL: the file is damaged. */
int lab_read(struct lab *lab, struct error *err);

/* Writes down what `up` was told and found out; the later commands must know. */
int lab_save(const struct lab *lab, struct error *err);

/* Reads again, too. ERROR_UNREACHABLE where no lab was ever brought up there. */
int lab_check_present(struct lab *lab, struct error *err);

/* Holds the lab against another primelab that changes it, until the descriptor is closed here and in all
 * children; waits for the other for a while. Makes the folder. ERROR_BUSY, ERROR_DENIED, ERROR_STORE_FULL. */
#define LAB_LOCK_WAIT_MS 30000
int lab_lock(struct lab *lab, struct error *err);

/* That the folder is a lab's or empty, for `down` removes it with all that is in it. ERROR_INVALID_ARGUMENT.
 */
int lab_check_folder(const struct lab *lab, struct error *err);

/* The same for what starts processes or writes files there: ERROR_DENIED also where the folder is another
 * user's, who could not end and remove them. ERROR_INVALID_ARGUMENT: it is no lab's. */
int lab_lock_own(struct lab *lab, struct error *err);

/* The same where there must be a lab already, also once whoever held it before has let go. */
int lab_lock_present(struct lab *lab, struct error *err);

/* Removes the folder if it is empty, and those above it that primelab made, once no other lab is in them. */
void lab_remove_empty(const struct lab *lab);

/* ERROR_STORE_FULL where the disk has not room enough for a lab. */
#define LAB_ROOM_BYTES (4 * 1024 * 1024)
int lab_check_room(const struct lab *lab, struct error *err);
