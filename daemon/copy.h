/* Copying one file between two places, one of which at least is a repository of this node. */
#pragma once

#include "daemon/place.h"

/*
 * Copies; `to` gets the file's name where it names a folder. Tells the caller how far it is (progress
 * {"bytes", "total", "percent"}) and stops, leaving nothing half-done behind, when the caller goes away.
 * *bytes: how many. The errors of repository.h, net/transfer.h and net/sftp.h.
 */
int copy_run(struct request *request, const struct place *from, struct place *to, bool overwrite,
             int64_t *bytes, struct error *err);

/* *most: bytes that may come in so that the store can still write. */
int copy_room(const struct request *request, int64_t *most, struct error *err);

/* The same from a file that is open already, `size` bytes from its start on. */
int copy_send(struct request *request, int fd, int64_t size, const struct place *to, struct error *err);

/* A URL's file into fd; *bytes: how many. */
int copy_fetch(struct request *request, const struct place *from, int fd, int64_t *bytes, struct error *err);

/* Calls `each` for what a place holds that is a URL's folder (sftp, scp, ftp), in the server's order; sizes
 * and times are -1 and 0 where the server does not say. ERROR_INVALID_ARGUMENT: the others give no lists. */
int copy_list(struct request *request, struct place *place,
              int (*each)(void *arg, const struct repository_entry *entry), void *arg, struct error *err);
