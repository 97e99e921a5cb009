/* Places of files as arguments: in repositories, and at URLs. */
#include "base/text.h"
#include "base/url.h"
#include "commands/types.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int check_login(const char *word, struct error *err)
{
    size_t length = strlen(word);

    if (length > 0 && length < URL_USER_MAX && word[0] != '-' && text_is_printable(word, length))
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "that is not the name of a user");
}

static int check_disk_path(const char *word, struct error *err)
{
    if (strncmp(word, "disk:", 5) == 0)
        return 0; /* primed looks at the rest: there it is opened, too */
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "%.60s is not a place in a repository, written disk:/<repository>/<file>", word);
}

static int check_place(const char *word, struct error *err)
{
    struct url url;

    return url_is_like(word) ? url_parse(word, &url, err) : check_disk_path(word, err);
}

/* What the last word of the path may become, in the folder before it. */
static void complete_disk_path(void *arg, const char *prefix, struct shell_words *words)
{
    const struct context *context = arg;
    const char *inside = strncmp(prefix, "disk:/", 6) == 0 ? prefix + 6 : "";
    const char *slash = strrchr(inside, '/');
    int before = slash != NULL ? (int)(slash - inside) + 1 : 0;
    char folder[PATH_MAX];
    char found[PATH_MAX];
    DIR *entries;
    struct dirent *entry;
    int offered = 0;

    snprintf(found, sizeof(found), "repository/%.*s", before, inside);
    if (strncmp(prefix, "disk:/", 6) != 0) {
        if (strncmp("disk:/", prefix, strlen(prefix)) == 0)
            shell_words_add(words, "disk:/", "the repositories");
        return;
    }
    if (strstr(found, "/.") != NULL || node_path(context->home, found, folder, sizeof(folder), NULL) != 0 ||
        (entries = opendir(folder)) == NULL)
        return;
    while (offered < COMPLETIONS_MAX && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' ||
            strncmp(entry->d_name, inside + before, strlen(inside + before)) != 0 ||
            snprintf(found, sizeof(found), "disk:/%.*s%s%s", before, inside, entry->d_name,
                     entry->d_type == DT_DIR ? "/" : "") >= (int)sizeof(found))
            continue;
        shell_words_add(words, found, entry->d_type == DT_DIR ? "folder" : "file");
        offered++;
    }
    closedir(entries);
}

const struct shell_type file_types[] = {
    {.name = "disk_path",
     .help = "Place in a repository: disk:/<repository>/<file>",
     .check = check_disk_path,
     .complete = complete_disk_path},
    {.name = "place",
     .help = "disk:/<repository>/<file>, or a URL: sftp, scp, https, http, ftp, tftp",
     .check = check_place,
     .complete = complete_disk_path},
    {.name = "login", .help = "Name of a user at the server", .check = check_login},
};
const size_t file_type_count = sizeof(file_types) / sizeof(file_types[0]);
