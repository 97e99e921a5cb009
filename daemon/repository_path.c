/* Paths in repositories: which words they may be made of. */
#include "daemon/repository.h"

#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DISK "disk:"

/* A name that stays where it is put: one word of a path, not hidden, nothing to fool a terminal with. */
static int check_name(const char *what, const char *name, size_t length, struct error *err)
{
    if (length == 0 || name[0] == '.' || length > NAME_MAX || memchr(name, '/', length) != NULL)
        return error_set(
            err, ERROR_INVALID_ARGUMENT,
            "the name of a %s is one word without \"/\" and not starting with \".\", at most %d bytes long",
            what, NAME_MAX);
    if (!text_is_printable(name, length))
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "the name of the %s holds control characters or no UTF-8", what);
    return 0;
}

int repository_parse(const char *text, struct repository_path *out, struct error *err)
{
    size_t used = 0;
    int depth = 0;

    *out = (struct repository_path){0};
    if (strncmp(text, DISK, strlen(DISK)) != 0)
        return error_set(err, ERROR_INVALID_ARGUMENT,
                         "a place in a repository is written " DISK "/<repository>/<file>");
    text += strlen(DISK);
    text += *text == '/';
    while (*text != '\0') {
        size_t length = strcspn(text, "/");

        if (check_name(depth == 0 ? "repository" : "file or folder", text, length, err) != 0)
            return -1;
        if (++depth > REPOSITORY_DEPTH_MAX)
            return error_set(err, ERROR_INVALID_ARGUMENT, "folders lie at most %d deep in each other",
                             REPOSITORY_DEPTH_MAX);
        if (used + length + 2 > sizeof(out->text))
            return error_set(err, ERROR_INVALID_ARGUMENT, "a path has at most %d bytes",
                             REPOSITORY_PATH_MAX - 2);
        if (used > 0)
            out->text[used++] = '/';
        memcpy(out->text + used, text, length);
        used += length;
        text += length;
        out->folder = *text == '/';
        text += *text == '/';
    }
    out->text[used] = '\0';
    out->folder |= depth < 2;
    return 0;
}

int repository_join(const char *repository, const char *file, struct repository_path *out, struct error *err)
{
    *out = (struct repository_path){.folder = true};
    if (check_name("repository", repository, strlen(repository), err) != 0 ||
        check_name("file", file, strlen(file), err) != 0)
        return -1;
    snprintf(out->text, sizeof(out->text), "%s/%s", repository, file);
    out->folder = false;
    return 0;
}

int repository_append(struct repository_path *path, const char *name, struct error *err)
{
    size_t used = strlen(path->text);

    if (check_name("file", name, strlen(name), err) != 0)
        return -1;
    if (used + strlen(name) + 2 > sizeof(path->text))
        return error_set(err, ERROR_INVALID_ARGUMENT, "a path has at most %d bytes", REPOSITORY_PATH_MAX - 2);
    snprintf(path->text + used, sizeof(path->text) - used, "%s%s", used > 0 ? "/" : "", name);
    path->folder = false;
    return 0;
}

const char *repository_file_name(const struct repository_path *path)
{
    const char *slash = strrchr(path->text, '/');

    return slash != NULL ? slash + 1 : path->text;
}
