#include "daemon/place.h"

#include "base/file.h"
#include "base/text.h"
#include "daemon/configuration.h"
#include "store/config.h"
#include "store/statement.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PASSWORD_FILE_MAX 4096 /* bytes */

static void set_text(struct place *place)
{
    char url[3 * URL_TEXT_MAX];

    if (place->is_local) {
        snprintf(place->text, sizeof(place->text), "disk:/%s", place->path.text);
        return;
    }
    url_format(&place->url, url);
    snprintf(place->text, sizeof(place->text), "%.*s", (int)text_cut_utf8(url, sizeof(place->text) - 1), url);
}

/* ---- repositories that lie somewhere else: `repository <name>` in configuration mode ---- */

struct configured {
    char url[STATEMENT_VALUE_MAX]; /* "": the repository is a folder here */
    char user[URL_USER_MAX];
    char password[STATEMENT_VALUE_MAX]; /* sealed, base64 */
};

static int read_one(struct store_txn *txn, const char *repository, const char *part, char *out, size_t size,
                    struct error *err)
{
    char name[NAME_MAX + 32];
    struct error cause = {0};
    const char *value;

    snprintf(name, sizeof(name), "repository/%s/%s", repository, part);
    value = config_get(txn, CONFIG_RUNNING, name, &cause);
    if (value == NULL && cause.code != ERROR_NOT_FOUND) {
        *err = cause;
        return -1;
    }
    snprintf(out, size, "%s", value != NULL ? value : "");
    return 0;
}

static int read_configured(const struct request *request, const char *repository, struct configured *out,
                           struct error *err)
{
    struct store_txn *txn = store_read(request->node->store, err);
    int failed;

    if (txn == NULL)
        return -1;
    failed = read_one(txn, repository, "url", out->url, sizeof(out->url), err) != 0 ||
             read_one(txn, repository, "user", out->user, sizeof(out->user), err) != 0 ||
             read_one(txn, repository, "password", out->password, sizeof(out->password), err) != 0;
    store_end(txn);
    return failed ? -1 : 0;
}

/* "sftp://host/folder" and "sub/file" make sftp://host/folder/sub/file. */
static int join_url(const char *url, const char *inside, struct place *place, struct error *err)
{
    if (url_parse(url, &place->url, err) != 0)
        return -1;
    while (*inside != '\0') {
        char word[NAME_MAX + 1];
        size_t length = strcspn(inside, "/");

        snprintf(word, sizeof(word), "%.*s", (int)length, inside);
        if (url_append_slash(&place->url, err) != 0 || url_append_name(&place->url, word, err) != 0)
            return -1;
        inside += length + (inside[length] == '/');
    }
    return place->path.folder ? url_append_slash(&place->url, err) : 0;
}

/* The same place below the folder that "disk:/..." in the configuration names. */
static int join_folder(const char *url, const char *inside, struct place *place, struct error *err)
{
    char text[2 * REPOSITORY_PATH_MAX];
    bool folder = place->path.folder;

    if (snprintf(text, sizeof(text), "%s%s%s", url, url[strlen(url) - 1] == '/' ? "" : "/", inside) >=
        (int)sizeof(text))
        return error_set(err, ERROR_INVALID_ARGUMENT, "the path is too long");
    if (repository_parse(text, &place->path, err) != 0)
        return -1;
    place->path.folder |= folder;
    return 0;
}

/* A place in a repository that is configured to lie somewhere else becomes that place. */
static int resolve(const struct request *request, struct place *place, struct error *err)
{
    struct repository_path path = place->path;
    size_t length = strcspn(path.text, "/");
    const char *inside = path.text + length + (path.text[length] == '/');
    struct configured configured;
    char repository[NAME_MAX + 1];
    char password[NAME_MAX + 32];

    if (length == 0)
        return 0;
    snprintf(repository, sizeof(repository), "%.*s", (int)length, path.text);
    if (read_configured(request, repository, &configured, err) != 0)
        return -1;
    if (configured.url[0] == '\0')
        return 0;
    if (strncasecmp(configured.url, "disk:", 5) == 0)
        return join_folder(configured.url, inside, place, err);
    place->is_local = false;
    if (join_url(configured.url, inside, place, err) != 0)
        return -1;
    snprintf(place->url.user, sizeof(place->url.user), "%s", configured.user);
    if (configured.password[0] == '\0')
        return 0;
    snprintf(password, sizeof(password), "repository/%s/password", repository);
    return configuration_open_secret(request->node, password, configured.password, place->password,
                                     sizeof(place->password), err);
}

struct each_configured {
    struct store_txn *txn;
    int (*each)(void *arg, const char *name, const char *url, const char *user);
    void *arg;
    struct error *err;
};

static int take_setting(void *arg, const char *name, const char *value)
{
    struct each_configured *all = arg;
    const char *repository = name + strlen("repository/");
    const char *slash = strchr(repository, '/');
    char word[NAME_MAX + 1];
    char user[URL_USER_MAX] = "";

    if (slash == NULL || strcmp(slash, "/url") != 0)
        return 0;
    snprintf(word, sizeof(word), "%.*s", (int)(slash - repository), repository);
    read_one(all->txn, word, "user", user, sizeof(user), all->err);
    return all->each(all->arg, word, value, user);
}

int place_each_configured(struct request *request,
                          int (*each)(void *arg, const char *name, const char *url, const char *user),
                          void *arg, struct error *err)
{
    struct each_configured all = {
        .txn = store_read(request->node->store, err), .each = each, .arg = arg, .err = err};
    int failed;

    if (all.txn == NULL)
        return -1;
    failed = config_each(all.txn, CONFIG_RUNNING, "repository", take_setting, &all, err);
    store_end(all.txn);
    return failed;
}

int place_read(struct request *request, const char *text, struct place *out, struct error *err)
{
    *out = (struct place){.is_local = !url_is_like(text)};
    if ((out->is_local ? repository_parse(text, &out->path, err) : url_parse(text, &out->url, err)) != 0 ||
        (out->is_local && resolve(request, out, err) != 0))
        return -1;
    set_text(out);
    return 0;
}

int place_in_repository(const struct request *request, const char *repository, const char *file,
                        struct place *out, struct error *err)
{
    *out = (struct place){.is_local = true};
    if (repository_join(repository, file, &out->path, err) != 0 || resolve(request, out, err) != 0)
        return -1;
    set_text(out);
    return 0;
}

int place_here(const struct request *request, const char *repository, const char *file, enum place_use use,
               struct repository_path *out, struct error *err)
{
    struct place place;

    if (place_in_repository(request, repository, file, &place, err) != 0)
        return -1;
    place_clear(&place);
    *out = place.path;
    if (place.is_local)
        return 0;
    error_set(err, ERROR_INVALID_ARGUMENT, "the repository %s lies on another machine", repository);
    if (use == PLACE_READ)
        return error_hint(
            err, "copy the file into one of this node first: copy disk:/%s/%s disk:/" REPOSITORY_DEFAULT "/",
            repository, file);
    return error_hint(
        err, "name one of this node and copy the file then: copy disk:/" REPOSITORY_DEFAULT "/%s disk:/%s/",
        file, repository);
}

int place_read_file(const struct request *request, const char *repository, const char *file, size_t most,
                    char **data, size_t *length, struct error *err)
{
    struct repository_path path;
    int64_t size;
    int failed;
    int fd;

    if (place_here(request, repository, file, PLACE_READ, &path, err) != 0 ||
        (fd = repository_open(request->node->home, &path, &size, err)) < 0)
        return -1;
    failed = file_read_open(fd, file, most, data, length, err);
    close(fd);
    return failed;
}

void place_clear(struct place *place)
{
    OPENSSL_cleanse(place->password, sizeof(place->password));
}

int place_append(struct place *place, const char *name, struct error *err)
{
    if ((place->is_local ? repository_append(&place->path, name, err)
                         : url_append_name(&place->url, name, err)) != 0)
        return -1;
    set_text(place);
    return 0;
}

const char *place_file_name(const struct place *place)
{
    return place->is_local ? repository_file_name(&place->path) : url_file_name(&place->url);
}

static int take_secret(const char *secret, size_t length, char out[PLACE_PASSWORD_MAX], struct error *err)
{
    if (length >= PLACE_PASSWORD_MAX)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a password has at most %d bytes",
                         PLACE_PASSWORD_MAX - 1);
    if (memchr(secret, '\n', length) != NULL || memchr(secret, '\0', length) != NULL)
        return error_set(err, ERROR_INVALID_ARGUMENT, "a password is one line of text");
    memcpy(out, secret, length);
    out[length] = '\0';
    return 0;
}

/* The first line of the file. */
static int read_secret_file(struct request *request, const char *text, char out[PLACE_PASSWORD_MAX],
                            struct error *err)
{
    struct repository_path path;
    char *data = NULL;
    size_t length = 0;
    int64_t size;
    int failed;
    int fd;

    if (repository_parse(text, &path, err) != 0 ||
        (fd = repository_open(request->node->home, &path, &size, err)) < 0)
        return -1;
    failed = file_read_open(fd, text, PASSWORD_FILE_MAX, &data, &length, err);
    close(fd);
    if (failed != 0)
        return -1;
    failed = take_secret(data, strcspn(data, "\r\n"), out, err);
    OPENSSL_cleanse(data, length);
    free(data);
    return failed;
}

int place_read_secret(struct request *request, const char *name, const char *file,
                      char out[PLACE_PASSWORD_MAX], struct error *err)
{
    const char *secret = json_string_value(json_object_get(request->params, name));
    const char *path = json_string_value(json_object_get(request->params, file));

    if (secret != NULL)
        return take_secret(secret, strlen(secret), out, err);
    return path != NULL ? read_secret_file(request, path, out, err) : 0;
}

int place_read_login(struct request *request, struct place *place, struct error *err)
{
    const char *user = json_string_value(json_object_get(request->params, "user"));

    if (place->is_local)
        return 0;
    if (user != NULL) {
        if (strlen(user) >= sizeof(place->url.user) || !text_is_printable(user, strlen(user)))
            return error_set(err, ERROR_INVALID_ARGUMENT, "the user's name cannot be one");
        memcpy(place->url.user, user, strlen(user) + 1);
    }
    return place_read_secret(request, "password", "password_file", place->password, err);
}

void place_forget_secrets(struct request *request)
{
    static const char *const names[] = {"password", "passphrase"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_t *text = json_object_get(request->params, names[i]);

        if (json_is_string(text))
            OPENSSL_cleanse((char *)(uintptr_t)json_string_value(text), json_string_length(text));
    }
}
