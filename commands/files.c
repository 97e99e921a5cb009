/* Repositories and the files in them: show repository, dir, copy, delete, mkdir, rmdir. */
#include "base/text.h"
#include "base/url.h"
#include "commands/context.h"
#include "commands/login.h"
#include "commands/overwrite.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- listing ---- */

typedef void (*print_row)(struct shell_output *output, json_t *row);

struct listing {
    struct shell_output *output;
    const struct shell_listing *form;
    print_row print;
    bool begun; /* a folder that cannot be listed is not an empty one */
};

static void begin(struct listing *listing)
{
    if (!listing->begun)
        output_begin(listing->output, listing->form);
    listing->begun = true;
}

static void print_rows(void *arg, json_t *progress)
{
    struct listing *listing = arg;
    json_t *row;
    size_t i;

    begin(listing);
    json_array_foreach(json_object_get(progress, "rows"), i, row)
    {
        listing->print(listing->output, row);
    }
}

/* Asks primed for a folder, and prints what it holds. */
static int list_folder(struct shell_call *call, const char *path, const struct shell_listing *form,
                       print_row print, json_t **usage, struct error *err)
{
    struct listing listing = {.output = shell_output(call), .form = form, .print = print};
    json_t *params = json_pack("{s:s}", "path", path);
    int failed = context_ask(call, "file.list", params, print_rows, &listing, usage, err);

    if (failed == 0)
        begin(&listing);
    if (listing.begun)
        output_end(listing.output);
    return failed;
}

static const char *name_of(json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "name"));

    return name != NULL ? name : "";
}

static void put_name(struct shell_output *output, size_t column, json_t *row)
{
    const char *name = name_of(row);
    struct text text = {0};

    text_add_escaped(&text, name, strlen(name), NULL);
    if (json_is_true(json_object_get(row, "folder")) && !output_is_json(output))
        text_add_string(&text, "/");
    output_text(output, column, text.data, text.length);
    text_free(&text);
}

enum { ENTRY_SIZE, ENTRY_CHANGED, ENTRY_NAME, ENTRY_FOLDER };
static const struct shell_column entry_columns[] = {
    [ENTRY_SIZE] = {.name = "size", .kind = SHELL_NUMBER},
    [ENTRY_CHANGED] = {.name = "changed", .kind = SHELL_TIME},
    [ENTRY_NAME] = {.name = "name"},
    [ENTRY_FOLDER] = {.name = "folder", .kind = SHELL_BOOL},
};
static const struct shell_listing entry_listing = {
    .name = "files", .form = SHELL_LINES, SHELL_COLUMNS(entry_columns), .line = "{size} {changed}  {name}"};

static void print_entry(struct shell_output *output, json_t *row)
{
    int64_t size = json_integer_value(json_object_get(row, "size"));
    int64_t changed_ms = json_integer_value(json_object_get(row, "changed_ms"));
    time_t changed = (time_t)(changed_ms / 1000);
    char text[64];
    struct tm parts;

    if (output_is_json(output)) {
        if (size >= 0)
            output_number(output, ENTRY_SIZE, size);
        output_time(output, ENTRY_CHANGED, changed_ms);
        output_bool(output, ENTRY_FOLDER, json_is_true(json_object_get(row, "folder")));
    } else {
        snprintf(text, sizeof(text), "%9lld", (long long)size);
        if (size < 0) /* the server does not say */
            snprintf(text, sizeof(text), "%9s", "");
        output_string(output, ENTRY_SIZE, text);
        if (changed_ms == 0 || gmtime_r(&changed, &parts) == NULL ||
            strftime(text, sizeof(text), "%b %d %Y %H:%M:%S", &parts) == 0)
            snprintf(text, sizeof(text), "%20s", "");
        output_string(output, ENTRY_CHANGED, text);
    }
    put_name(output, ENTRY_NAME, row);
    output_row_end(output);
}

enum { USAGE_USED, USAGE_FREE, USAGE_AVAILABLE };
static const struct shell_column usage_columns[] = {
    [USAGE_USED] = {.name = "used_bytes", .kind = SHELL_NUMBER},
    [USAGE_FREE] = {.name = "free_bytes", .kind = SHELL_NUMBER},
    [USAGE_AVAILABLE] = {.name = "available_bytes", .kind = SHELL_NUMBER},
};
static const struct shell_listing usage_listing = {
    .name = "usage",
    .form = SHELL_LINES,
    SHELL_COLUMNS(usage_columns),
    .header = "\n           Usage for disk: filesystem\n",
    .line = "{used_bytes} bytes total used\n{free_bytes} bytes free\n{available_bytes} bytes available",
    .single = true};

static void put_bytes(struct shell_output *output, size_t column, json_t *usage, const char *name)
{
    int64_t bytes = json_integer_value(json_object_get(usage, name));
    char text[32];

    snprintf(text, sizeof(text), "%27lld", (long long)bytes);
    if (output_is_json(output))
        output_number(output, column, bytes);
    else
        output_string(output, column, text);
}

static int run_dir(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    const char *path = shell_arg(call, "disk_path");
    struct shell_listing form = entry_listing;
    struct text header = {0};
    json_t *usage = NULL;
    int failed;

    if (path == NULL)
        path = "disk:/";
    text_format(&header, "\nDirectory of %s\n\n", path);
    form.header = header.data;
    failed = list_folder(call, path, &form, print_entry, &usage, err);
    text_free(&header);
    if (failed != 0)
        return -1;
    if (json_object_get(usage, "free_bytes") == NULL) { /* another machine does not say */
        json_decref(usage);
        return 0;
    }
    output_begin(output, &usage_listing);
    put_bytes(output, USAGE_USED, usage, "used_bytes");
    put_bytes(output, USAGE_FREE, usage, "free_bytes");
    put_bytes(output, USAGE_AVAILABLE, usage, "available_bytes");
    output_row_end(output);
    output_end(output);
    json_decref(usage);
    return 0;
}

enum { FILE_NAME };
static const struct shell_column file_columns[] = {[FILE_NAME] = {.name = "name"}};
static const struct shell_listing file_listing = {.name = "files",
                                                  .form = SHELL_LINES,
                                                  SHELL_COLUMNS(file_columns),
                                                  .line = "{name}",
                                                  .none = "The repository is empty.\n"};

static void print_file(struct shell_output *output, json_t *row)
{
    put_name(output, FILE_NAME, row);
    output_row_end(output);
}

enum { REPOSITORY_NAME, REPOSITORY_URL, REPOSITORY_USER };
static const struct shell_column repository_columns[] = {
    [REPOSITORY_NAME] = {.name = "name", .heading = "Repository"},
    [REPOSITORY_URL] = {.name = "url", .heading = "URL"},
    [REPOSITORY_USER] = {.name = "user", .heading = "User"},
};
static const struct shell_listing repository_listing = {
    .name = "repositories", .form = SHELL_TABLE, SHELL_COLUMNS(repository_columns)};

static const char *text_of(json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text != NULL ? text : "";
}

static int show_all(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *row;
    size_t i;

    if (context_ask(call, "repository.list", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &repository_listing);
    json_array_foreach(json_object_get(result, "repositories"), i, row)
    {
        output_string(output, REPOSITORY_NAME, text_of(row, "name"));
        output_string(output, REPOSITORY_URL, text_of(row, "url"));
        output_string(output, REPOSITORY_USER, text_of(row, "user"));
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

static int run_show(struct shell_call *call, struct error *err)
{
    const char *name = shell_arg(call, "repository");
    struct error cause = {0};
    char path[300];

    if (name == NULL)
        return show_all(call, err);
    snprintf(path, sizeof(path), "disk:/%s", name);
    if (list_folder(call, path, &file_listing, print_file, NULL, &cause) == 0)
        return 0;
    if (cause.code == ERROR_NOT_FOUND && strncmp(cause.message, "there is no disk:/", 18) == 0) {
        error_set(&cause, ERROR_NOT_FOUND, "there is no repository %s", name);
        error_hint(&cause, "those there are: show repository");
    }
    *err = cause;
    return -1;
}

/* ---- changing ---- */

static int ask_of_path(struct shell_call *call, const char *method, struct error *err)
{
    json_t *params = json_pack("{s:s}", "path", shell_arg(call, "disk_path"));

    return context_ask(call, method, params, NULL, NULL, NULL, err);
}

static int run_delete(struct shell_call *call, struct error *err)
{
    return ask_of_path(call, "file.delete", err);
}

static int run_mkdir(struct shell_call *call, struct error *err)
{
    return ask_of_path(call, "file.mkdir", err);
}

static int run_rmdir(struct shell_call *call, struct error *err)
{
    return ask_of_path(call, "file.rmdir", err);
}

static void show_percent(void *arg, json_t *progress)
{
    json_t *percent = json_object_get(progress, "percent");

    if (percent != NULL)
        shell_progress(arg, "Copying", (int)json_integer_value(percent));
}

static int ask_copy(struct shell_call *call, json_t *params, json_t **result, struct error *err)
{
    struct error cause = {0};

    if (context_ask(call, "file.copy", json_incref(params), show_percent, call, result, &cause) == 0)
        return 0;
    if (cause.code == ERROR_BUSY && strcmp(cause.message, "interrupted") == 0)
        error_hint(&cause, "the copy is stopped; what had arrived of the file is removed");
    *err = cause;
    return -1;
}

static int run_copy(struct shell_call *call, struct error *err)
{
    const char *from = shell_arg(call, "from");
    const char *to = shell_arg(call, "to");
    json_t *params =
        json_pack("{s:s, s:s, s:b}", "from", from, "to", to, "overwrite", shell_has(call, "overwrite"));
    json_t *result = NULL;
    int failed = login_ask(call, url_is_like(from) ? from : to, params, err);

    if (failed == 0)
        failed = ask_copy(call, params, &result, err);
    if (failed != 0 && overwrite_ask(call, params, err) == 0)
        failed = ask_copy(call, params, &result, err);
    if (failed == 0)
        output_say(shell_output(call), "%lld bytes copied to %s",
                   (long long)json_integer_value(json_object_get(result, "bytes")),
                   json_string_value(json_object_get(result, "to")));
    json_decref(result);
    login_forget(params);
    json_decref(params);
    return failed;
}

/* ---- SSH host keys ---- */

enum { KEY_HOST, KEY_KIND, KEY_FINGERPRINT };
static const struct shell_column key_columns[] = {
    [KEY_HOST] = {.name = "host", .heading = "Host"},
    [KEY_KIND] = {.name = "kind", .heading = "Key"},
    [KEY_FINGERPRINT] = {.name = "fingerprint", .heading = "Fingerprint"},
};
static const struct shell_listing key_listing = {.name = "host_keys",
                                                 .form = SHELL_TABLE,
                                                 SHELL_COLUMNS(key_columns),
                                                 .none = "No SSH server was met yet.\n"};

static int run_keys(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;
    json_t *key;
    size_t i;

    if (context_ask(call, "hostkey.list", NULL, NULL, NULL, &result, err) != 0)
        return -1;
    output_begin(output, &key_listing);
    json_array_foreach(json_object_get(result, "keys"), i, key)
    {
        output_string(output, KEY_HOST, json_string_value(json_object_get(key, "host")));
        output_string(output, KEY_KIND, json_string_value(json_object_get(key, "kind")));
        output_string(output, KEY_FINGERPRINT, json_string_value(json_object_get(key, "fingerprint")));
        output_row_end(output);
    }
    output_end(output);
    json_decref(result);
    return 0;
}

static int run_delete_key(struct shell_call *call, struct error *err)
{
    json_t *params = json_pack("{s:s}", "host", shell_arg(call, "server"));

    return context_ask(call, "hostkey.delete", params, NULL, NULL, NULL, err);
}

static const struct shell_command commands[] = {
    {.grammar = "show repository",
     .help = "The repositories, or the files of one",
     .run = run_show,
     .needs = NEED_DAEMON},
    {.grammar = "show repository <repository>",
     .help = "The files of a repository",
     .run = run_show,
     .needs = NEED_DAEMON},
    {.grammar = "dir [<disk_path>]",
     .help = "List a folder of a repository",
     .run = run_dir,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .manual = "Without a place: the repositories. Sizes are bytes, times UTC."},
    {.grammar = "copy <from:place> <to:place> [user <login>] [{password-stdin | password-file <disk_path>}] "
                "[overwrite]",
     .help = "Copy a file from, to or between repositories",
     .run = run_copy,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "One of the two places lies in a repository (disk:/<repository>/<file>), the other there too or at "
         "a "
         "URL: sftp, scp, https, http, ftp or tftp. A place that ends with / means the file of the same name "
         "in it. The certificate or the SSH host key of a server is judged in the trust zone user: kept on "
         "first contact, and another one is refused afterwards. A password is asked for without echo, or "
         "comes "
         "from standard input or from the first line of a file in a repository; it does not belong in a "
         "URL. "
         "A file that is there is replaced only after asking, or with overwrite. Redirections are not "
         "followed. Ctrl-C stops the copy and removes what had arrived."},
    {.grammar = "delete <disk_path>",
     .help = "Delete a file of a repository",
     .run = run_delete,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = "mkdir <disk_path>",
     .help = "Make a folder in a repository, or a repository",
     .run = run_mkdir,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = "rmdir <disk_path>",
     .help = "Remove an empty folder",
     .run = run_rmdir,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
    {.grammar = "show crypto", .help = "Keys of other systems"},
    {.grammar = "show crypto host_keys",
     .help = "The SSH host keys met so far",
     .run = run_keys,
     .needs = NEED_DAEMON},
    {.grammar = "crypto", .help = "Keys of other systems"},
    {.grammar = "crypto host_key", .help = "The SSH host keys of servers that files are copied from and to"},
    {.grammar = "crypto host_key delete host <server>",
     .help = "Forget the host key of a server: the next contact is the first again",
     .words = SHELL_HELP("host", "Whose host key to forget"),
     .run = run_delete_key,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES},
};
const struct shell_branch file_branch = SHELL_BRANCH(commands);
