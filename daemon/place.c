#include "daemon/place.h"

#include "base/file.h"
#include "base/text.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int place_read(struct request *request, const char *text, struct place *out, struct error *err)
{
    (void)request;
    *out = (struct place){.is_local = !url_is_like(text)};
    if ((out->is_local ? repository_parse(text, &out->path, err) : url_parse(text, &out->url, err)) != 0)
        return -1;
    set_text(out);
    return 0;
}

int place_in_repository(struct request *request, const char *repository, const char *file, struct place *out,
                        struct error *err)
{
    (void)request;
    *out = (struct place){.is_local = true};
    if (repository_join(repository, file, &out->path, err) != 0)
        return -1;
    set_text(out);
    return 0;
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
