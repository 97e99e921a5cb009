/* `| save <file> repository <name>`, for shell_program. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Begins the file in primed, which refuses whom and what it must before the command runs. Returns the
 * descriptor of a nameless file that collects the output. ERROR_DENIED, ERROR_NOT_FOUND, ERROR_UNREACHABLE.
 */
int save_open(void *context, const char *file, const char *repository, struct error *err);

/* Gives primed what was collected (if `whole`), and closes. ERROR_STORE_FULL, ERROR_UNREACHABLE. */
int save_close(void *context, int fd, bool whole, struct error *err);
