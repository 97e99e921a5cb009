/*
 * One end of a copy: a file in a repository of this node, or a URL with whom to log in as. Whoever copies
 * does not ask where a repository lies; place_read() knows.
 */
#pragma once

#include "base/url.h"
#include "daemon/repository.h"
#include "daemon/request.h"

#define PLACE_PASSWORD_MAX 256

struct place {
    bool is_local;
    struct repository_path path;        /* local */
    struct url url;                     /* otherwise, and with whom to log in */
    char password[PLACE_PASSWORD_MAX];  /* wiped by place_clear() */
    char text[REPOSITORY_PATH_MAX + 8]; /* as a person knows it: "disk:/...", or the URL without its user */
};

/* Reads "disk:/<repository>/<file>" or a URL. ERROR_INVALID_ARGUMENT. */
int place_read(struct request *request, const char *text, struct place *out, struct error *err);

/* A file of a repository by their names, as in `backup <name> repository <repository>`. */
int place_in_repository(const struct request *request, const char *repository, const char *file,
                        struct place *out, struct error *err);

/*
 * The same for what reads or writes the file itself, on this node's disk: the path. ERROR_INVALID_ARGUMENT,
 * with the way around it, where the repository lies on another machine.
 */
enum place_use { PLACE_READ, PLACE_WRITTEN };
int place_here(const struct request *request, const char *repository, const char *file, enum place_use use,
               struct repository_path *out, struct error *err);

/* Reads such a file, at most `most` bytes; the caller frees. The errors of place_here(), repository_open().
 */
int place_read_file(const struct request *request, const char *repository, const char *file, size_t most,
                    char **data, size_t *length, struct error *err);
void place_clear(struct place *place);

/* Gives a place that is a folder the name of a file in it. */
int place_append(struct place *place, const char *name, struct error *err);

/* The last word of the place: what its file is called. */
const char *place_file_name(const struct place *place);

/* Takes "user", "password" and "password_file" (a place in a repository whose first line it is) of a
 * request's parameters for the places that are URLs. */
int place_read_login(struct request *request, struct place *place, struct error *err);

/* The secret in the parameter `name`, or else the first line of the file in a repository that the parameter
 * `file` names, into out; "" where there is neither. The caller wipes. ERROR_INVALID_ARGUMENT. */
int place_read_secret(struct request *request, const char *name, const char *file,
                      char out[PLACE_PASSWORD_MAX], struct error *err);

/* Wipes "password" and "passphrase" in the parameters, once nobody needs them any more. */
void place_forget_secrets(struct request *request);

/* Calls `each` for every configured repository with its URL and user (may be ""). */
int place_each_configured(struct request *request,
                          int (*each)(void *arg, const char *name, const char *url, const char *user),
                          void *arg, struct error *err);
