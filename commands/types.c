/* What the arguments of the commands may be, and which of them exist. */
#include "commands/types.h"
#include "base/fingerprint.h"
#include "base/host_port.h"
#include "store/pin.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MOST 1000000
#define LENGTH_MOST 511 /* of `terminal length` */
#define WIDTH_MOST 512
#define TIMEOUT_MOST_MIN 525600 /* a year */

/* As most others write it: 10.1.1.1:443, [2001:db8::1]:443. */
static void hint_at_colon(const char *word, struct error *err)
{
    const char *colon = strrchr(word, ':');
    const char *start = word + (word[0] == '[');
    struct host_port parsed;
    char written[HOST_PORT_TEXT_MAX];
    int host;

    if (colon == NULL || strlen(word) >= sizeof(written))
        return;
    host = (int)(colon - start) - (word[0] == '[' && colon > start && colon[-1] == ']');
    snprintf(written, sizeof(written), "%.*s_%s", host, start, colon + 1);
    if (host_port_parse(written, &parsed, NULL) == 0)
        error_hint(err, "write %s", written);
}

static int check_host_port(const char *word, struct error *err)
{
    struct host_port parsed;

    if (host_port_parse(word, &parsed, err) == 0)
        return 0;
    hint_at_colon(word, err);
    return -1;
}

static int check_sha256(const char *word, struct error *err)
{
    uint8_t sha256[FINGERPRINT_SIZE];

    return fingerprint_parse(word, sha256, err);
}

int types_check_number(const char *word, long least, long most, struct error *err)
{
    char *end;
    long number = strtol(word, &end, 10);

    if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && strlen(word) < 10 && number >= least &&
        number <= most)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.40s is not a number from %ld to %ld", word, least, most);
}

static int check_count(const char *word, struct error *err)
{
    return types_check_number(word, 1, COUNT_MOST, err);
}

static int check_length(const char *word, struct error *err)
{
    return types_check_number(word, 0, LENGTH_MOST, err);
}

static int check_width(const char *word, struct error *err)
{
    return types_check_number(word, 0, WIDTH_MOST, err);
}

static int check_minutes(const char *word, struct error *err)
{
    return types_check_number(word, 0, TIMEOUT_MOST_MIN, err);
}

static int check_file_name(const char *word, struct error *err)
{
    if (word[0] != '.' && word[0] != '\0' && strchr(word, '/') == NULL && strlen(word) <= NAME_MAX)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.60s is not the name of a file inside a repository",
                     word);
}

/* Pinned hosts, from the store. */
static void complete_pinned(void *arg, const char *prefix, struct shell_words *words)
{
    struct context *context = arg;
    size_t length = strlen(prefix);
    struct pin_cursor *cursor;
    struct store_txn *txn;
    struct pin_row row;
    int offered = 0;

    if (context_require(context, NEED_STORE, NULL) != 0)
        return;
    txn = store_read(context->store, NULL);
    if (txn == NULL)
        return;
    cursor = pin_cursor_open(txn, NULL);
    while (cursor != NULL && offered < COMPLETIONS_MAX && pin_cursor_next(cursor, &row, NULL) == 1) {
        char host[HOST_PORT_TEXT_MAX];

        if (row.host_length < length || memcmp(row.host, prefix, length) != 0)
            continue;
        snprintf(host, sizeof(host), "%.*s", (int)row.host_length, row.host);
        shell_words_add(words, host, "pinned");
        offered++;
    }
    if (cursor != NULL)
        pin_cursor_close(cursor);
    store_end(txn);
}

static void complete_entries(const char *folder, const char *prefix, const char *help,
                             struct shell_words *words)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    int offered = 0;

    if (entries == NULL)
        return;
    while (offered < COMPLETIONS_MAX && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        shell_words_add(words, entry->d_name, help);
        offered++;
    }
    closedir(entries);
}

static void complete_repository(void *arg, const char *prefix, struct shell_words *words)
{
    const struct context *context = arg;
    char folder[PATH_MAX];

    types_complete_configured_repository(arg, prefix, words);
    if (node_path(context->home, "repository", folder, sizeof(folder), NULL) == 0)
        complete_entries(folder, prefix, "repository", words);
}

/* The repository is named behind the file, so the default one's files are offered. */
static void complete_file(void *arg, const char *prefix, struct shell_words *words)
{
    const struct context *context = arg;
    char folder[PATH_MAX];

    if (node_path(context->home, "repository/defaultRepo", folder, sizeof(folder), NULL) == 0)
        complete_entries(folder, prefix, "file in defaultRepo", words);
}

const struct shell_type common_types[] = {
    {.name = "host_port",
     .help = "A pinned server: address or name and port, e.g. 10.1.1.1_443",
     .check = check_host_port,
     .complete = complete_pinned},
    {.name = "server",
     .help = "Any server: address or name and port, e.g. 10.1.1.1_443",
     .check = check_host_port},
    /* not completed on purpose: it is to be checked with the server's owner, not taken from the refused
       certificate */
    {.name = "sha256", .help = "SHA-256 fingerprint, 64 hexadecimal digits", .check = check_sha256},
    {.name = "file",
     .help = "File in the repository that is named behind it",
     .check = check_file_name,
     .complete = complete_file},
    {.name = "new_file", .help = "Name of the file to write in the repository", .check = check_file_name},
    {.name = "backup_name",
     .help = "Start of the file's name: <name>-<date>-<time>.backup",
     .check = check_file_name},
    {.name = "repository",
     .help = "Repository, e.g. defaultRepo",
     .check = check_file_name,
     .complete = complete_repository},
    {.name = "command", .help = "An EXEC command", .rest = true, .line = true},
    {.name = "count", .help = "How many, 1 to 1000000", .check = check_count},
    {.name = "lines", .help = "Lines of a page, 0 to 511; 0: no pager", .check = check_length},
    {.name = "columns", .help = "Columns, 0 to 512; 0: 511", .check = check_width},
    {.name = "minutes", .help = "Minutes without a keystroke, 0 to 525600; 0: never", .check = check_minutes},
};
const size_t common_type_count = sizeof(common_types) / sizeof(common_types[0]);
