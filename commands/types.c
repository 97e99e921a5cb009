/* What the arguments of the commands may be, and which of them exist. */
#include "base/base64.h"
#include "base/fingerprint.h"
#include "base/host_port.h"
#include "base/text.h"
#include "base/url.h"
#include "commands/context.h"
#include "store/config.h"
#include "store/pin.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLETIONS_MAX 200 /* words offered at most */
#define COUNT_MOST 1000000
#define LENGTH_MOST 511 /* of `terminal length` */
#define WIDTH_MOST 512
#define TIMEOUT_MOST_MIN 525600 /* a year */

static int check_host_port(const char *word, struct error *err)
{
    struct host_port parsed;

    return host_port_parse(word, &parsed, err);
}

static int check_sha256(const char *word, struct error *err)
{
    uint8_t sha256[FINGERPRINT_SIZE];

    return fingerprint_parse(word, sha256, err);
}

static int check_number(const char *word, long least, long most, struct error *err)
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
    return check_number(word, 1, COUNT_MOST, err);
}

static int check_length(const char *word, struct error *err)
{
    return check_number(word, 0, LENGTH_MOST, err);
}

static int check_width(const char *word, struct error *err)
{
    return check_number(word, 0, WIDTH_MOST, err);
}

static int check_minutes(const char *word, struct error *err)
{
    return check_number(word, 0, TIMEOUT_MOST_MIN, err);
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

/* ---- values of the configuration: judged where primed has them judged too ---- */

static int check_setting(const char *name, const char *word, struct error *err)
{
    char kept[STATEMENT_VALUE_MAX];
    int failed = statement_check(name, word, kept, err);

    explicit_bzero(kept, sizeof(kept));
    return failed;
}

#define CHECK_SETTING(function, name)                        \
    static int function(const char *word, struct error *err) \
    {                                                        \
        return check_setting(name, word, err);               \
    }
CHECK_SETTING(check_hostname, "hostname")
CHECK_SETTING(check_domain, "domain-name")
CHECK_SETTING(check_timezone, "timezone")
CHECK_SETTING(check_log_level, "log-level")
CHECK_SETTING(check_url, "repository/any/url")
CHECK_SETTING(check_word, "repository/any/user")
CHECK_SETTING(check_secret, "repository/any/password")
CHECK_SETTING(check_mail_host, "mail-server/host")
CHECK_SETTING(check_port, "mail-server/port")
CHECK_SETTING(check_mail_address, "mail-server/from")

static int check_algorithm(const char *word, struct error *err)
{
    for (size_t i = 0; statement_key_algorithm(i) != NULL; i++) {
        if (strcmp(statement_key_algorithm(i), word) == 0)
            return 0;
    }
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.60s is not an algorithm of SSH keys", word);
}

static void complete_algorithm(void *context, const char *prefix, struct shell_words *words)
{
    (void)context;
    for (size_t i = 0; statement_key_algorithm(i) != NULL; i++) {
        if (strncmp(statement_key_algorithm(i), prefix, strlen(prefix)) == 0)
            shell_words_add(words, statement_key_algorithm(i), "");
    }
}

static int check_base64(const char *word, struct error *err)
{
    uint8_t *bytes = malloc(strlen(word) + 1);
    size_t length;
    bool good = bytes != NULL && base64_decode(word, bytes, &length);

    free(bytes);
    if (good)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.20s%s is not base64", word,
                     strlen(word) > 20 ? "..." : "");
}

#define REVERT_MINUTES_MOST 1440

static int check_revert_minutes(const char *word, struct error *err)
{
    char *end;
    double minutes = strtod(word, &end);

    if (word[strspn(word, "0123456789.")] == '\0' && *word != '\0' && *end == '\0' && minutes >= 0.01 &&
        minutes <= REVERT_MINUTES_MOST)
        return 0;
    return error_set(err, ERROR_INVALID_ARGUMENT, "%.40s is not a number of minutes from 0.01 to %d", word,
                     REVERT_MINUTES_MOST);
}

/* Names that stand in the running configuration below a word, e.g. "username". */
struct configured {
    const char *prefix;
    struct shell_words *words;
};

static int offer_configured(void *arg, const char *name, const char *value)
{
    const struct configured *configured = arg;
    const char *part = strchr(name, '/') + 1;
    char word[256];

    (void)value;
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(part, "/"), part);
    if (strncmp(word, configured->prefix, strlen(configured->prefix)) == 0)
        shell_words_add(configured->words, word, "configured");
    return 0;
}

static void complete_configured(struct context *context, const char *what, const char *prefix,
                                struct shell_words *words)
{
    struct configured configured = {prefix, words};
    struct store_txn *txn;

    if (context_require(context, NEED_STORE, NULL) != 0 || (txn = store_read(context->store, NULL)) == NULL)
        return;
    config_each(txn, CONFIG_RUNNING, what, offer_configured, &configured, NULL);
    store_end(txn);
}

static void complete_account(void *context, const char *prefix, struct shell_words *words)
{
    complete_configured(context, "username", prefix, words);
}

static void complete_configured_repository(void *context, const char *prefix, struct shell_words *words)
{
    complete_configured(context, "repository", prefix, words);
}

const struct shell_type argument_types[] = {
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
    {.name = "repository",
     .help = "Repository, e.g. defaultRepo",
     .check = check_file_name,
     .complete = complete_repository},
    {.name = "disk_path",
     .help = "Place in a repository: disk:/<repository>/<file>",
     .check = check_disk_path,
     .complete = complete_disk_path},
    {.name = "place",
     .help = "disk:/<repository>/<file>, or a URL: sftp, scp, https, http, ftp, tftp",
     .check = check_place,
     .complete = complete_disk_path},
    {.name = "login", .help = "Name of a user at the server", .check = check_login},
    {.name = "command", .help = "An EXEC command", .rest = true, .line = true},
    {.name = "count", .help = "How many, 1 to 1000000", .check = check_count},
    {.name = "lines", .help = "Lines of a page, 0 to 511; 0: no pager", .check = check_length},
    {.name = "columns", .help = "Columns, 0 to 512; 0: 511", .check = check_width},
    {.name = "minutes", .help = "Minutes without a keystroke, 0 to 525600; 0: never", .check = check_minutes},
    {.name = "revert_minutes", .help = "Minutes, 0.01 to 1440", .check = check_revert_minutes},
    {.name = "hostname", .help = "A host name, e.g. prime-pri", .check = check_hostname},
    {.name = "domain", .help = "A domain, e.g. example.com", .check = check_domain},
    {.name = "timezone", .help = "A time zone, e.g. UTC or Europe/Berlin", .check = check_timezone},
    {.name = "account",
     .help = "Name of an account",
     .check = statement_check_user,
     .complete = complete_account},
    {.name = "key_algorithm",
     .help = "First word of the .pub file, e.g. ssh-ed25519",
     .check = check_algorithm,
     .complete = complete_algorithm},
    {.name = "key_data", .help = "Second word of the .pub file", .check = check_base64},
    {.name = "key_comment", .help = "Third word of the .pub file", .check = check_word},
    {.name = "repository_name",
     .help = "Name of a repository",
     .check = statement_check_repository,
     .complete = complete_configured_repository},
    {.name = "log_level", .help = "0 to 7, or error, warning, info, debug", .check = check_log_level},
    {.name = "url", .help = "disk:, or sftp://host/folder and the like", .check = check_url},
    {.name = "word", .help = "A name without blanks", .check = check_word},
    {.name = "secret", .help = "The password in clear", .check = check_secret, .secret = true},
    {.name = "sealed", .help = "The password as this node's listing shows it", .check = check_base64},
    {.name = "mail_host", .help = "Address or name of the mail server", .check = check_mail_host},
    {.name = "mail_address",
     .help = "Who mails come from, e.g. prime@example.com",
     .check = check_mail_address},
    {.name = "port", .help = "Port, 1 to 65535", .check = check_port},
};
const size_t argument_type_count = sizeof(argument_types) / sizeof(argument_types[0]);
