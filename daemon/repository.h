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

/* A file on its way into a repository: written beside its place, then put there whole. */
struct repository_file {
    int folder;
    char name[256];
    char temporary[32];
};

/* Could a file of that name be put there? Before long work whose result goes into it. */
int repository_check(const char *home, const char *repository, const char *file, struct error *err);

/* Writes it beside its place, durably. Then one of the other two. ERROR_STORE_FULL, and those above. */
int repository_prepare(const char *home, const char *repository, const char *file, const char *data,
                       size_t length, struct repository_file *out, struct error *err);
int repository_commit(struct repository_file *file, struct error *err);
void repository_abandon(struct repository_file *file);
