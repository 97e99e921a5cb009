/*
 * Files to exchange with the outside: <home>/repository/<name>/..., and nothing beside it. Whatever names a
 * file in a repository comes through here: a path is made of plain words (no "..", nothing hidden), and it is
 * opened below the repositories' folder without following a link.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPOSITORY_DEFAULT "defaultRepo"
#define REPOSITORY_PATH_MAX 1024 /* bytes of a path below the repositories' folder */
#define REPOSITORY_DEPTH_MAX 8   /* words of it, the repository's name included */

/* Makes the default repository where it is missing, and removes what copies cut short by a crash left. */
int repository_make_default(const char *home, struct error *err);

/* A place in the repositories: "" is the folder of all of them, "defaultRepo/sub/file" a file. */
struct repository_path {
    char text[REPOSITORY_PATH_MAX];
    bool folder; /* typed with a "/" at its end, or names a repository: a folder is meant */
};

/* Reads "disk:/<repository>/<path>"; "disk:" and "disk:/" are the folder of all. ERROR_INVALID_ARGUMENT. */
int repository_parse(const char *text, struct repository_path *out, struct error *err);

/* The same of a repository and a file in it, both single words. ERROR_INVALID_ARGUMENT. */
int repository_join(const char *repository, const char *file, struct repository_path *out, struct error *err);

/* Adds a file's name (one word) to a folder. ERROR_INVALID_ARGUMENT. */
int repository_append(struct repository_path *path, const char *name, struct error *err);

/* The last word of the path; "" for the folder of all repositories. */
const char *repository_file_name(const struct repository_path *path);

/* Opens a regular file for reading: a descriptor and its size, or -1. ERROR_NOT_FOUND, ERROR_DENIED (a
 * link), ERROR_INVALID_ARGUMENT (a folder, or no regular file). */
int repository_open(const char *home, const struct repository_path *path, int64_t *size, struct error *err);

/* True if there is a folder. */
bool repository_is_folder(const char *home, const struct repository_path *path);

/* A file on its way in: hidden until it is whole. */
struct repository_draft {
    int fd; /* to write to */
    int folder;
    bool overwrite;
    char hidden[32];
    struct repository_path path;
};

/* ERROR_CONFLICT: there is such a file, and overwrite is false; or a folder of that name. ERROR_NOT_FOUND: no
 * such folder. ERROR_INVALID_ARGUMENT: files lie inside repositories. */
int repository_draft_begin(const char *home, const struct repository_path *path, bool overwrite,
                           struct repository_draft *draft, struct error *err);

/* Gives it its name once it is on disk; ends the draft, also when it fails. ERROR_STORE_FULL, ERROR_CONFLICT.
 */
int repository_draft_commit(struct repository_draft *draft, struct error *err);
void repository_draft_abandon(struct repository_draft *draft);

struct repository_entry {
    const char *name; /* the file system's bytes; for a folder without "/" */
    bool folder;
    int64_t size; /* bytes */
    int64_t changed_ms;
};

/* Calls `each` for what a folder holds, by name, hidden and odd things (links, sockets) apart, until it
 * returns non-zero. ERROR_NOT_FOUND, ERROR_DENIED. */
int repository_list(const char *home, const struct repository_path *path,
                    int (*each)(void *arg, const struct repository_entry *entry), void *arg,
                    struct error *err);

/* Of the disk that the repositories are on. */
struct repository_usage {
    int64_t used_bytes;
    int64_t free_bytes;
    int64_t available_bytes; /* of the free ones, to the node's user */
};
int repository_usage(const char *home, struct repository_usage *out, struct error *err);

/* ERROR_NOT_FOUND; ERROR_INVALID_ARGUMENT: it is a folder. */
int repository_delete(const char *home, const struct repository_path *path, struct error *err);

/* In the folder of all this makes a repository. ERROR_CONFLICT, ERROR_NOT_FOUND (the folder above). */
int repository_make_folder(const char *home, const struct repository_path *path, struct error *err);

/* ERROR_CONFLICT: it is not empty, or it is the default repository. ERROR_NOT_FOUND. */
int repository_remove_folder(const char *home, const struct repository_path *path, struct error *err);
