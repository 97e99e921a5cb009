/* The programs of this product lie in one folder, and find one another there. */
#pragma once

#include "base/error.h"

#include <stddef.h>

/* The path of the program `name` in the folder of the running one (proc(5), /proc/self/exe).
 * ERROR_NOT_FOUND: it is not there, or may not be run. */
int program_beside(const char *name, char *out, size_t size, struct error *err);
