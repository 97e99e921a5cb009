/* The methods about repositories and the files in them. */
#include "daemon/copy.h"
#include "daemon/host_keys.h"
#include "daemon/request.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ROWS_AT_ONCE 500 /* of a listing, in one message */

/* ---- listing ---- */

struct listing {
    struct request *request;
    json_t *rows;
};

static void send_rows(struct listing *listing)
{
    if (json_array_size(listing->rows) == 0)
        return;
    control_progress(listing->request->job, json_pack("{s:O}", "rows", listing->rows));
    json_decref(listing->rows);
    listing->rows = json_array();
}

static int add_row(void *arg, const struct repository_entry *entry)
{
    struct listing *listing = arg;
    /* a name that is no UTF-8 was not made here, and no command could name it */
    json_t *row = json_pack("{s:s, s:b, s:I, s:I}", "name", entry->name, "folder", entry->folder, "size",
                            (json_int_t)entry->size, "changed_ms", (json_int_t)entry->changed_ms);

    if (row != NULL)
        json_array_append_new(listing->rows, row);
    if (json_array_size(listing->rows) >= ROWS_AT_ONCE)
        send_rows(listing);
    return control_job_abandoned(listing->request->job);
}

static int list_place(struct request *request, struct place *place, struct error *err)
{
    struct listing listing = {.request = request, .rows = json_array()};
    int failed = place->is_local ? repository_list(request->node->home, &place->path, add_row, &listing, err)
                                 : copy_list(request, place, add_row, &listing, err);

    if (failed == 0)
        send_rows(&listing);
    json_decref(listing.rows);
    return failed;
}

static int list_files(struct request *request, json_t **result, struct error *err)
{
    const char *text = request_text(request, "path", err);
    struct repository_usage usage;
    struct place place;
    int failed;

    if (text == NULL)
        return -1;
    /* whoever may list repositories may not, for that, have the node call at any address */
    if (url_is_like(text))
        return error_set(err, ERROR_INVALID_ARGUMENT, "only repositories are listed: disk:/<repository>");
    if (place_read(request, text, &place, err) != 0)
        return -1;
    failed = list_place(request, &place, err);
    place_clear(&place);
    /* how full another machine's disk is, nobody says */
    if (failed != 0 || !place.is_local)
        return failed;
    if (repository_usage(request->node->home, &usage, err) != 0)
        return -1;
    *result = json_pack("{s:I, s:I, s:I}", "used_bytes", (json_int_t)usage.used_bytes, "free_bytes",
                        (json_int_t)usage.free_bytes, "available_bytes", (json_int_t)usage.available_bytes);
    return 0;
}

static int add_local(void *arg, const struct repository_entry *entry)
{
    char url[NAME_MAX + 16];

    snprintf(url, sizeof(url), "disk:/%s", entry->name);
    if (entry->folder)
        json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "name", entry->name, "url", url, "user", ""));
    return 0;
}

/* One that is configured stands for the folder of its name. */
static int add_configured(void *arg, const char *name, const char *url, const char *user)
{
    json_t *rows = arg;

    for (size_t i = json_array_size(rows); i-- > 0;) {
        if (strcmp(json_string_value(json_object_get(json_array_get(rows, i), "name")), name) == 0)
            json_array_remove(rows, i);
    }
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", name, "url", url, "user", user));
    return 0;
}

static int list_repositories(struct request *request, json_t **result, struct error *err)
{
    const struct repository_path all = {.folder = true};
    json_t *rows = json_array();

    if (repository_list(request->node->home, &all, add_local, rows, err) != 0 ||
        place_each_configured(request, add_configured, rows, err) != 0) {
        json_decref(rows);
        return -1;
    }
    *result = json_pack("{s:o}", "repositories", rows);
    return 0;
}

/* ---- changing ---- */

static int change_path(struct request *request,
                       int (*change)(const char *home, const struct repository_path *path, struct error *err),
                       struct error *err)
{
    const char *text = request_text(request, "path", err);
    struct place place;

    if (text == NULL || place_read(request, text, &place, err) != 0)
        return -1;
    place_clear(&place);
    if (!place.is_local)
        return error_set(err, ERROR_INVALID_ARGUMENT, "%s lies on another machine: it can only be copied",
                         place.text);
    return change(request->node->home, &place.path, err);
}

static int delete_file(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return change_path(request, repository_delete, err);
}

static int make_folder(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return change_path(request, repository_make_folder, err);
}

static int remove_folder(struct request *request, json_t **result, struct error *err)
{
    (void)result;
    return change_path(request, repository_remove_folder, err);
}

static int copy_places(struct request *request, struct place *from, struct place *to, json_t **result,
                       struct error *err)
{
    int64_t bytes = 0;

    if (place_read_login(request, from, err) != 0 || place_read_login(request, to, err) != 0 ||
        copy_run(request, from, to, json_is_true(json_object_get(request->params, "overwrite")), &bytes,
                 err) != 0)
        return -1;
    *result = json_pack("{s:I, s:s}", "bytes", (json_int_t)bytes, "to", to->text);
    return 0;
}

static int copy_file(struct request *request, json_t **result, struct error *err)
{
    const char *from_text = request_text(request, "from", err);
    const char *to_text = from_text == NULL ? NULL : request_text(request, "to", err);
    struct place from;
    struct place to;
    int failed;

    if (to_text == NULL || place_read(request, from_text, &from, err) != 0 ||
        place_read(request, to_text, &to, err) != 0)
        return -1;
    failed = copy_places(request, &from, &to, result, err);
    place_forget_secrets(request);
    place_clear(&from);
    place_clear(&to);
    return failed;
}

/* ---- SSH host keys ---- */

static int add_key(void *arg, const struct host_key *key)
{
    json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "host", key->host, "kind", key->kind,
                                         "fingerprint", key->fingerprint));
    return 0;
}

static int list_keys(struct request *request, json_t **result, struct error *err)
{
    json_t *keys = json_array();

    if (host_keys_each(request->node->home, add_key, keys, err) != 0) {
        json_decref(keys);
        return -1;
    }
    *result = json_pack("{s:o}", "keys", keys);
    return 0;
}

static int delete_key(struct request *request, json_t **result, struct error *err)
{
    const char *text = request_text(request, "host", err);
    struct host_port host;

    (void)result;
    if (text == NULL || host_port_parse(text, &host, err) != 0)
        return -1;
    return host_keys_delete(request->node->home, &host, err);
}

const struct method file_methods[] = {
    {"repository.list", ACCOUNT_USER, 0, list_repositories},
    {"file.list", ACCOUNT_USER, 0, list_files},
    {"file.copy", ACCOUNT_ADMIN, METHOD_CHANGES, copy_file},
    {"file.delete", ACCOUNT_ADMIN, METHOD_CHANGES, delete_file},
    {"file.mkdir", ACCOUNT_ADMIN, METHOD_CHANGES, make_folder},
    {"file.rmdir", ACCOUNT_ADMIN, METHOD_CHANGES, remove_folder},
    {"hostkey.list", ACCOUNT_USER, 0, list_keys},
    {"hostkey.delete", ACCOUNT_ADMIN, METHOD_CHANGES, delete_key},
};
const size_t file_method_count = sizeof(file_methods) / sizeof(file_methods[0]);
