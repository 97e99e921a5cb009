/* Files to exchange with the outside: <home>/repository/<name>/<file>, and nothing beside it. */
#pragma once

#include "base/error.h"

#include <stddef.h>

#define REPOSITORY_DEFAULT "defaultRepo"

/* Makes the default repository where it is missing. */
int repository_make_default(const char *home, struct error *err);

/*
 * Reads a file of a repository, at most `most` bytes; the caller frees. Names are single words of a path,
 * links are not followed. ERROR_INVALID_ARGUMENT, ERROR_NOT_FOUND, ERROR_DENIED.
 */
int repository_read(const char *home, const char *repository, const char *file, size_t most, char **data,
                    size_t *length, struct error *err);

/* Opens a new file for writing; an old one of that name is replaced. A descriptor, or -1. */
int repository_create(const char *home, const char *repository, const char *file, struct error *err);
