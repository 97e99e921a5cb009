/* The data files of a stand-in: a lab gets its own copies, so that they can be changed in one lab only. */
#pragma once

#include "lab/servers.h"

/* "<lab>/<server>/data" */
void data_folder(const struct lab *lab, const struct lab_server *server, char out[PATH_MAX]);

/* Copies what is missing there from the installed files, or from those of the build tree. ERROR_NOT_FOUND:
 * there are none; ERROR_DENIED, ERROR_STORE_FULL, ERROR_INTERNAL. */
int data_copy(const struct lab *lab, const struct lab_server *server, struct error *err);
